"""The open streams of this process: how many each person has, and whether they may still read."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.db import DatabaseError, InterfaceError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from .conf import conf
from .database import Lane
from .following import Tail
from .limits import LimitReached

logger = logging.getLogger(__name__)

ROUND = 30.0  # seconds between two looks at who is still logged in


@dataclass(eq=False)
class Reader:
    """One open stream."""

    user_id: int
    session_key: str
    tail: Tail
    is_dismissed: bool = False  # logged out, or deactivated

    def dismiss(self) -> None:
        self.is_dismissed = True
        self.tail.wake()


class Readers:
    def __init__(self) -> None:
        self._open: set[Reader] = set()
        self._per_user: Counter[int] = Counter()
        self._nobody = asyncio.Event()
        self._nobody.set()

    def check(self, user: Model) -> None:
        """20 streams of one person at the same time. Raises LimitReached."""
        if self._per_user[user.pk] >= conf().CHAT_READERS_PER_USER:
            text = _("You have this chat open in too many places. Close some of them.")
            raise LimitReached(text, 10)

    @contextmanager
    def open(self, reader: Reader) -> Iterator[None]:
        """Count a stream while it is open."""
        self._open.add(reader)
        self._per_user[reader.user_id] += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._leave(reader)

    def _leave(self, reader: Reader) -> None:
        self._open.discard(reader)
        self._per_user[reader.user_id] -= 1
        if not self._per_user[reader.user_id]:
            del self._per_user[reader.user_id]
        if not self._open:
            self._nobody.set()

    async def gone(self) -> None:
        """Returns when nobody reads any more."""
        await self._nobody.wait()

    async def send_away_logged_out(self, lane: Lane) -> None:
        """For ever: end the streams of those who have logged out or been deactivated."""
        while True:
            await asyncio.sleep(ROUND)
            sessions = {reader.session_key for reader in self._open}
            try:
                ended = await lane.run(_ended, sessions)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The database fails (%s).", type(error).__name__)
                continue
            for reader in list(self._open):
                if reader.session_key in ended:
                    reader.dismiss()


def _ended(session_keys: set[str]) -> set[str]:
    """Those of the sessions that let nobody in any more."""
    return {key for key in session_keys if not _lets_in(key)}


def _lets_in(session_key: str) -> bool:
    """Whether a request with this session would be somebody's, by Django's own rules."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return get_user(request).is_authenticated
