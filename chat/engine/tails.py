"""The replies that are followed or written here, each with one tail shared by its readers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from ..models import Message
from ..models.endings import Ending
from ..parts import Log
from .following import Tail


class Tails:
    """One per process. A tail is kept while it has readers, or this process writes the reply."""

    def __init__(self, load: Callable[[UUID], Awaitable[Message]]) -> None:
        self._load = load
        self._tails: dict[UUID, Tail] = {}
        self._written: dict[UUID, Tail] = {}

    @asynccontextmanager
    async def reading(self, reply_id: UUID) -> AsyncIterator[Tail]:
        """The tail of a reply; counts a reader meanwhile. Raises Message.DoesNotExist."""
        tail = await self.hold(reply_id)
        try:
            yield tail
        finally:
            self.release(tail)

    async def hold(self, reply_id: UUID) -> Tail:
        """As `reading`, until `release`: for streams, to save each a frame."""
        tail = await self.find(reply_id)
        tail.readers += 1  # before any other task runs
        return tail

    def release(self, tail: Tail) -> None:
        """A reader has gone."""
        tail.readers -= 1
        self._drop_if_unused(tail)

    async def find(self, reply_id: UUID) -> Tail:
        """The tail as it is, without counting. Raises Message.DoesNotExist."""
        if reply_id not in self._tails:
            message = await self._load(reply_id)
            tail = Tail(reply_id, message.log, None if message.is_running else message.ending())
            if tail.ending:
                return tail
            self._tails.setdefault(reply_id, tail)  # it may have come while the row was read
        return self._tails[reply_id]

    def write(self, reply_id: UUID, log: Log) -> Tail:
        """The tail of a reply that this process writes from now on. Its writer appends what is
        stored to `log`, and wakes the tail."""
        tail = self._tails.setdefault(reply_id, Tail(reply_id))
        tail.log = log
        tail.wake()
        self._written[reply_id] = tail
        return tail

    def grown(self, reply_id: UUID) -> None:
        """More of a reply that this process writes is in the database."""
        if tail := self._written.get(reply_id):
            tail.wake()

    def settled(self, reply_id: UUID, ending: Ending) -> None:
        """The end of a reply that this process writes is in the database."""
        if tail := self._written.get(reply_id):
            self.finish(tail, ending)

    def leave(self, tail: Tail) -> None:
        """This process no longer writes it: it has ended, or another process has it."""
        if self._written.get(tail.reply_id) is tail:
            del self._written[tail.reply_id]
        self._drop_if_unused(tail)

    def finish(self, tail: Tail, ending: Ending) -> None:
        """The reply has settled. Later readers load its row."""
        tail.finish(ending)
        self.leave(tail)

    def __contains__(self, reply_id: UUID) -> bool:
        """Whether the reply has a tail here."""
        return reply_id in self._tails

    def from_elsewhere(self) -> list[Tail]:
        """Those of running replies that another process writes."""
        return [
            tail for pk, tail in self._tails.items() if pk not in self._written and not tail.ending
        ]

    def is_followed(self, reply_id: UUID) -> bool:
        return reply_id in self._tails and self._tails[reply_id].readers > 0

    def followed(self) -> list[UUID]:
        """The running replies that are followed here."""
        return [pk for pk, tail in self._tails.items() if tail.readers and not tail.ending]

    def keep_alive(self) -> None:
        """Have every reader send a keep-alive; drop tails that were only looked up."""
        for tail in list(self._tails.values()):
            tail.wake()
            self._drop_if_unused(tail)

    def close(self) -> None:
        """Send all readers to another process."""
        for tail in self._tails.values():
            tail.close()

    def _drop_if_unused(self, tail: Tail) -> None:
        pk = tail.reply_id
        is_used = tail.readers or pk in self._written
        if self._tails.get(pk) is tail and (tail.ending or not is_used):
            del self._tails[pk]
