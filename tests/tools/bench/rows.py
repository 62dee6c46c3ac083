"""People and conversations, put straight into the database."""

import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
)
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import connection, models, transaction
from django.utils import timezone

from chat.models import Conversation, Message
from chat.models.endings import State

User = get_user_model()
BACKEND = "django.contrib.auth.backends.ModelBackend"
LONG_AGO = timedelta(days=1)  # when what was said was said: it counts for no limit
BATCH = 10_000  # rows of one statement
TEXT = (
    "An answer of a usual length, with **some** Markdown and `code` in it, so that a page of it "
    "is as much work as a page of real answers would be.\n\n- one\n- two\n- three\n"
)


def people(count: int) -> list[str]:
    """`count` people who are logged in, and one of the staff behind them: their sessions."""
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        User.objects.bulk_create(User(username=f"p{n}", password="!") for n in range(count))
        User.objects.create(username="staff", password="!", is_staff=True, is_superuser=True)
        return [_session(each) for each in User.objects.order_by("is_staff", "pk")]


def conversations(count: int, messages: int) -> list[str]:
    """`count` chains of settled messages, question and answer in turns, of the first person."""
    owner = User.objects.order_by("pk").first()
    template = Conversation(user=owner, title="What was said")
    chains = [[uuid.uuid4() for _ in range(messages)] for _ in range(count)]
    ids = [uuid.uuid4() for _ in range(count)]
    with transaction.atomic():
        _copy(template, ({"id": each} for each in ids))
        _copy(_user_message(), _rows(ids, chains, first=0))
        _copy(_reply(), _rows(ids, chains, first=1))
        with connection.cursor() as cursor:
            heads = (
                (_db("head", chain[-1]), _db("id", pk))
                for pk, chain in zip(ids, chains, strict=True)
            )
            cursor.executemany("UPDATE chat_conversation SET head_id = %s WHERE id = %s", heads)
    return [str(each) for each in ids]


def _session(user: models.Model) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def _user_message() -> Message:
    return Message(
        role=Message.Role.USER,
        text="What do you say to this?",
        position=0,
        created_at=timezone.now() - LONG_AGO,
    )


def _reply() -> Message:
    return Message(
        role=Message.Role.ASSISTANT,
        text=TEXT,
        position=0,
        model="bench",
        state=State.COMPLETE,
        finish_reason="stop",
        prompt_tokens=10,
        completion_tokens=50,
        created_at=timezone.now() - LONG_AGO,
    )


def _rows(
    ids: list[uuid.UUID], chains: list[list[uuid.UUID]], *, first: int
) -> Iterator[dict[str, object]]:
    """Every second message of each chain, from position `first` on."""
    for pk, chain in zip(ids, chains, strict=True):
        for position in range(first, len(chain), 2):
            parent = chain[position - 1] if position else None
            yield {
                "id": chain[position],
                "conversation_id": pk,
                "parent_id": parent,
                "position": position,
            }


def _copy(template: models.Model, changes: Iterable[dict[str, object]]) -> None:
    """One row like `template` for each of the `changes`: bulk_create would take minutes."""
    fields = [
        field for field in template._meta.concrete_fields if field.db_default is models.NOT_PROVIDED
    ]
    prepared = {
        field.attname: field.get_db_prep_save(getattr(template, field.attname), connection)
        for field in fields
    }
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    sql = f'INSERT INTO "{template._meta.db_table}" ({columns}) VALUES ({marks})'
    plain = connection.vendor == "postgresql"

    def row(change: dict[str, object]) -> list[object]:
        made = prepared | (change if plain else {k: _bare(v) for k, v in change.items()})
        return [made[field.attname] for field in fields]

    with connection.cursor() as cursor:
        batch = []
        for change in changes:
            batch.append(row(change))
            if len(batch) == BATCH:
                cursor.executemany(sql, batch)
                batch.clear()
        cursor.executemany(sql, batch)


def _bare(value: object) -> object:
    """As SQLite stores it."""
    return value.hex if isinstance(value, uuid.UUID) else value


def _db(name: str, value: uuid.UUID) -> object:
    return value if connection.vendor == "postgresql" else value.hex
