"""Which of the sessions and users with open streams may still read.

No signal of one process reaches another, so each polls the database, for all of them at once.
"""

from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from ..models import Message

AT_ONCE = 400  # in one query; SQLite takes less than 1,000 parameters


def pause() -> float:
    """Seconds between two polls: longer where sessions must be loaded one by one."""
    return 1.0 if issubclass(_store(), DatabaseStore) else 30.0


def look(session_keys: set[str], user_ids: set[Any]) -> tuple[set[str], dict[Any, str]]:
    """The sessions that are still valid, and the password hashes of users still active.

    As in Django itself, a new password hash ends earlier sessions.
    """
    return _alive(session_keys), _passwords(user_ids)


def unreadable(writer: UUID) -> list[UUID]:
    """The replies of `writer` that nobody may read any more: their users are inactive."""
    written = Message.objects.written_by(writer)
    deactivated = written.filter(conversation__user__is_active=False)
    return list(deactivated.values_list("pk", flat=True))


def _alive(session_keys: set[str]) -> set[str]:
    store = _store()
    if not issubclass(store, DatabaseStore):
        return {key for key in session_keys if store(key).load()}
    valid = store.get_model_class().objects.filter(expire_date__gt=timezone.now())
    return {
        key
        for batch in _batches(session_keys)
        for key in valid.filter(pk__in=batch).values_list("pk", flat=True)
    }


def _passwords(user_ids: set[Any]) -> dict[Any, str]:
    active = get_user_model()._base_manager.filter(is_active=True)
    return {
        pk: password
        for batch in _batches(user_ids)
        for pk, password in active.filter(pk__in=batch).values_list("pk", "password")
    }


def _store() -> type[SessionBase]:
    return import_module(settings.SESSION_ENGINE).SessionStore


def _batches(values: Iterable) -> Iterator[list]:
    rest = iter(values)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch
