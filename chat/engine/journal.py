"""The group commit: each tick stores what arrived for all running replies in one transaction.

Readers are woken only then, so nothing is shown before it is stored. The same transaction renews
the lease on the replies, and learns which of them were taken over or are to be stopped.
"""

import asyncio
import logging
from contextlib import suppress
from enum import Enum
from typing import Protocol
from uuid import UUID, uuid4

from ..conf import conf
from ..models import Writer
from .commits import Entry, Outcome
from .committing import Committer
from .lanes import Lane

logger = logging.getLogger(__name__)

ARRIVES = 2  # rounds of the loop until data that is let in has been read
LEAST_PAUSE = 0.3  # of a tick, until a first piece may be committed early
LEAST_WAIT = 0.01  # seconds, while the lease is due
LONGEST_TICK = 0.5  # seconds; after a slow database there is no time to lose


class NotOurs(Exception):
    """The reply was settled, deleted or taken over by another process: nothing more is stored."""


class Unstorable(Exception):
    """The database rejects the entry."""


class Source(Protocol):
    """A running reply: asked at each tick for what has arrived since the last one."""

    def let_in(self) -> None:
        """Let what waits in the socket be read."""

    def collect(self) -> Entry | None:
        """What has come in. Not called again until that is stored."""

    def keep_out(self) -> None:
        """Read nothing until the next tick: packets that wake no task cost nothing."""


class Listener(Protocol):
    """Gets the results of commits."""

    def committed(self, entry: Entry) -> None:
        """It is stored."""

    def failed(self, reply_id: UUID, error: Exception) -> None:
        """The entry of this reply cannot be stored."""

    def stop_requested(self, reply_id: UUID) -> None:
        """Someone wants it to end."""

    def lost(self, reply_id: UUID) -> None:
        """It is no longer ours."""

    def running(self, reply_ids: set[UUID]) -> None:
        """All that are ours by their rows, known here or not."""


class Fate(Enum):
    """What became of an entry."""

    STORED, LOST, REJECTED = range(3)


class Journal:
    """One per process. Each tick it asks its sources what has arrived, and stores it all."""

    def __init__(self, listener: Listener, lane: Lane | None = None) -> None:
        self.writer = uuid4()
        self.writing: set[UUID] = set()  # the replies that this process writes
        self.sources: dict[UUID, Source] = {}
        self.commits = 0
        self._listener = listener
        self._lane = lane or Lane("journal")
        self.committer = Committer(self.writer, self._lane)
        self._waiting: dict[UUID, Entry] = {}
        self._in_flight: dict[UUID, Entry] = {}
        self._fates: dict[UUID, asyncio.Future[Fate]] = {}  # that someone awaits
        self._news = asyncio.Event()
        self._begun = asyncio.Event()  # some reply, whose first piece should not wait for the tick
        self._task = asyncio.create_task(self._run())

    async def store(self, entry: Entry) -> None:
        """Returns when `entry` is in the database and its readers are awake.

        Raises NotOurs, and Unstorable.
        """
        await self.drained(entry.reply_id)
        self._waiting[entry.reply_id] = entry
        self.wake()
        fate = await self._fate(entry.reply_id)
        if fate is Fate.REJECTED:
            raise Unstorable
        if fate is Fate.LOST:
            raise NotOurs

    async def drained(self, reply_id: UUID) -> None:
        """Returns when nothing for this reply waits or is in flight."""
        while reply_id in self._waiting or reply_id in self._in_flight:
            await self._fate(reply_id)

    async def _fate(self, reply_id: UUID) -> Fate:
        if reply_id not in self._fates:
            self._fates[reply_id] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._fates[reply_id])

    def begin(self, reply_id: UUID) -> None:
        """It is written here from now on."""
        self.writing.add(reply_id)

    async def enlisted(self) -> None:
        """Returns when replies may be stored as ours; waits only at the very start."""
        await self.committer.is_enlisted.wait()

    def forget(self, reply_id: UUID) -> None:
        """It is no longer written here, and nothing that waits is stored for it."""
        self.writing.discard(reply_id)
        if self._waiting.pop(reply_id, None):
            self._end(reply_id, Fate.LOST)

    def wake(self) -> None:
        """There is something to store: at once if the journal is idle, else with the next tick."""
        self._news.set()

    def add_source(self, reply_id: UUID, source: Source) -> None:
        """`source` has its first piece; poll it from now on."""
        self.sources[reply_id] = source
        self._begun.set()
        self.wake()

    def remove_source(self, reply_id: UUID) -> None:
        """Stop polling it."""
        self.sources.pop(reply_id, None)

    async def close(self) -> None:
        """Commit what waits, then end the lease: others may take the replies over at once."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._waiting = self._in_flight | self._waiting
        await self._commit_waiting()
        await self._lane.repeat(Writer.retire, self.writer)
        await self._lane.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._tick()
            except Exception:
                logger.exception("A tick of the journal failed")
                await asyncio.sleep(LONGEST_TICK)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await self._collect()
        has_some = bool(self._waiting)
        if has_some or self.committer.due() <= 0:
            await self._commit_waiting()
        took = loop.time() - begun
        if has_some:
            # Under load ticks grow, so that half of the time is left for everything else.
            least = max(conf().CHAT_TICK * LEAST_PAUSE, min(took, LONGEST_TICK))
            await asyncio.sleep(least)
            await _within(conf().CHAT_TICK - took - least, self._begun)
        else:  # a piece that comes now need not wait
            await _within(max(self.committer.due(), LEAST_WAIT), self._news)

    async def _collect(self) -> None:
        self._news.clear()
        self._begun.clear()
        if self.sources:
            for source in self.sources.values():
                source.let_in()
            for _ in range(ARRIVES):
                await asyncio.sleep(0)
        for reply_id, source in list(self.sources.items()):
            if reply_id not in self._waiting:
                self._ask(reply_id, source)
        if self._waiting:
            for source in self.sources.values():
                source.keep_out()

    def _ask(self, reply_id: UUID, source: Source) -> None:
        """A broken reply must not harm the others."""
        try:
            if entry := source.collect():
                self._waiting[reply_id] = entry
        except Exception as error:
            logger.exception("What has come in for reply %s cannot be read", reply_id)
            self._listener.failed(reply_id, error)

    async def _commit_waiting(self) -> None:
        self._in_flight, self._waiting = self._waiting, {}
        writing = set(self.writing)
        try:
            outcome = await self.committer.store(list(self._in_flight.values()))
        except Exception:
            self._in_flight, self._waiting = {}, self._in_flight | self._waiting
            raise
        self.commits += 1
        entries, self._in_flight = self._in_flight, {}
        for reply_id, entry in entries.items():
            self._tell(reply_id, entry, outcome)
        for reply_id, stop_requested in outcome.running.items():
            if stop_requested:
                self._listener.stop_requested(reply_id)
        for reply_id in writing - outcome.running.keys():
            self._listener.lost(reply_id)
        self._listener.running(set(outcome.running))

    def _tell(self, reply_id: UUID, entry: Entry, outcome: Outcome) -> None:
        if reply_id in outcome.held:
            self._waiting[reply_id] = entry
            return
        fate = Fate.STORED if reply_id in outcome.stored else Fate.LOST
        if reply_id in outcome.rejected:
            fate = Fate.REJECTED
            self._listener.failed(reply_id, outcome.rejected[reply_id])
        if fate is Fate.STORED:
            self._listener.committed(entry)
        self._end(reply_id, fate)

    def _end(self, reply_id: UUID, fate: Fate) -> None:
        if future := self._fates.pop(reply_id, None):
            future.set_result(fate)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for `event` up to `seconds`; whether it came."""
    if seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
    return event.is_set()
