"""The streams of this process: how many each person has, and whether they may still read."""

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _

from ..conf import conf
from ..limits import LimitReached
from . import sessions
from .following import Tail
from .lanes import Lane


@dataclass(eq=False)
class Reader:
    """One stream, from when it was let in."""

    user_id: Hashable  # a primary key of the site's users
    session_key: str
    password: str = field(repr=False)  # as it is stored
    reply_id: UUID | None = None  # once it is stored
    tail: Tail | None = None  # once it reads
    is_dismissed: bool = False  # may not read any more

    def dismiss(self) -> None:
        self.is_dismissed = True
        if self.tail:
            self.tail.wake()


class Readers:
    def __init__(self) -> None:
        self._open: set[Reader] = set()
        self._per_user: Counter[Hashable] = Counter()
        self._all_gone = asyncio.Event()
        self._all_gone.set()

    @contextmanager
    def admit(self, reader: Reader) -> Iterator[Reader]:
        """Count one more stream from now on: 20 of one person at the same time.

        Raises LimitReached. It counts until its sender calls `leave`, or until an exception leaves
        this block.
        """
        if self._per_user[reader.user_id] >= conf().CHAT_READERS_PER_USER:
            text = _("You have this chat open in too many places. Close some of them.")
            raise LimitReached(text, 10)
        self._open.add(reader)
        self._per_user[reader.user_id] += 1
        self._all_gone.clear()
        try:
            yield reader
        except BaseException:
            self.leave(reader)
            raise

    def leave(self, reader: Reader) -> None:
        """Its stream has ended, or will not begin."""
        if reader not in self._open:
            return
        self._open.discard(reader)
        self._per_user[reader.user_id] -= 1
        if not self._per_user[reader.user_id]:
            del self._per_user[reader.user_id]
        if not self._open:
            self._all_gone.set()

    async def gone(self) -> None:
        """Returns when no reader is left."""
        await self._all_gone.wait()

    async def send_away(self, lane: Lane) -> None:
        """End the streams of users who logged out, were deactivated or changed passwords."""
        readers = list(self._open)
        if not readers:
            return
        keys, people = {each.session_key for each in readers}, {each.user_id for each in readers}
        alive, passwords = await lane.run(sessions.look, keys, people)
        for reader in readers:
            is_same = passwords.get(reader.user_id) == reader.password
            if reader.session_key not in alive or not is_same:
                reader.dismiss()
