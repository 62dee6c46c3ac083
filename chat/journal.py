"""The group commit: each tick stores what arrived for all running replies in one transaction.

Only then are readers woken, so nothing is shown that is not stored. The same transaction renews
the lease on the replies, and learns which of them were taken away or are to be stopped.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol
from uuid import UUID, uuid4

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError

from .commits import Entry, Outcome, commit, commit_apart
from .conf import conf
from .database import Lane
from .models import Writer

logger = logging.getLogger(__name__)

ARRIVES = 2  # rounds of the loop until data that is let in has been read
RENEWALS = 6  # of the lease, within its time
LEAST_PAUSE = 0.3  # of a tick, until a first piece may be committed out of turn
LONGEST_TICK = 0.5  # seconds; after a database that did not answer there is no time to lose
LONGEST_PAUSE = 1.0  # seconds between two tries while the database fails


class NotOurs(Exception):
    """The reply was settled, deleted or taken over by another process: nothing more is stored."""


class Source(Protocol):
    """A running reply: asked at each tick for what has arrived since the last one."""

    def let_in(self) -> None:
        """Have what waits at the network's door come in."""

    def collect(self) -> Entry | None:
        """What has come in."""

    def keep_out(self) -> None:
        """Let nothing in until the next tick: a packet that wakes nobody costs nothing."""


class Journal:
    """One a process. Each tick it asks its sources what has arrived, and stores all of it.

    It tells which entries were stored, and which replies failed to be, are to be stopped, or are
    not ours any more.
    """

    def __init__(
        self,
        on_commit: Callable[[Entry], None],
        on_stop: Callable[[UUID], None],
        on_lost: Callable[[UUID], None],
        on_failure: Callable[[UUID, Exception], None],
    ) -> None:
        self.writer = uuid4()
        self.writing: set[UUID] = set()  # the replies that this process writes
        self.sources: dict[UUID, Source] = {}
        self.commits = 0
        self._on_commit, self._on_stop = on_commit, on_stop
        self._on_lost, self._on_failure = on_lost, on_failure
        self._lane = Lane("journal")
        self._renewed = 0.0  # when the lease was, by the loop's clock
        self._entries: dict[UUID, Entry] = {}
        self._news = asyncio.Event()
        self._begun = asyncio.Event()  # some reply, whose first piece shall not wait for the tick
        self._outcome: asyncio.Future[Outcome] | None = None  # of the next commit
        self._in_flight: asyncio.Future[Outcome] | None = None
        self._task: asyncio.Task[None] | None = None

    async def store(self, entry: Entry) -> None:
        """Returns when `entry` is in the database and its readers are awake. Raises NotOurs."""
        self._start()
        self._add(entry)
        self.wake()
        outcome = await asyncio.shield(self._outcome)
        if entry.reply_id in outcome.rejected:
            raise DataError
        if entry.reply_id not in outcome.owned:
            raise NotOurs

    def _add(self, entry: Entry) -> None:
        self._entries[entry.reply_id] = entry
        self._outcome = self._outcome or asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        """There is something to store: at once if the journal is idle, else with the next tick."""
        self._news.set()

    def add_source(self, reply_id: UUID, source: Source) -> None:
        """`source` has its first piece; from now on it is asked for more."""
        self.sources[reply_id] = source
        self._begun.set()
        self.wake()

    async def drained(self) -> None:
        """Returns when nothing handed in before waits any more."""
        for future in (self._in_flight, self._outcome):
            if future:
                await asyncio.shield(future)

    def watch_over(self, reply_id: UUID) -> None:
        """From now on the lease covers this reply, also while nothing arrives for it."""
        self.writing.add(reply_id)
        self._start()

    async def close(self) -> None:
        """Commit what waits, then end the lease: others may take the replies over at once."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._commit_waiting()
        await self._lane.run(Writer.objects.filter(pk=self.writer).delete)
        await self._lane.close()

    def _start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            await self._collect()
            if self._entries:
                await self._commit_safely()
                took = loop.time() - begun
                # Under load ticks grow, so that half of the time is left for everything else.
                least = max(conf().CHAT_TICK * LEAST_PAUSE, min(took, LONGEST_TICK))
                await asyncio.sleep(least)
                await _within(conf().CHAT_TICK - took - least, self._begun)
            elif not await _within(conf().CHAT_LEASE / RENEWALS, self._news):
                await self._commit_safely()  # a heartbeat; a piece that comes now need not wait

    async def _collect(self) -> None:
        self._news.clear()
        self._begun.clear()
        if self.sources:
            for source in self.sources.values():
                source.let_in()
            for _ in range(ARRIVES):
                await asyncio.sleep(0)
        for source in list(self.sources.values()):
            if entry := source.collect():
                self._add(entry)
        if self._entries:
            for source in self.sources.values():
                source.keep_out()

    async def _commit_safely(self) -> None:
        waiting = list(self._entries)
        try:
            await self._commit_waiting()
        except Exception as error:
            logger.exception("A commit failed")
            self._fail(waiting, error)

    async def _commit_waiting(self) -> None:
        entries, self._entries = self._entries, {}
        future, self._outcome = self._outcome, None
        writing = set(self.writing)
        if not entries and not writing:
            return
        self._in_flight = future
        outcome = await self._commit_until_done(list(entries.values()))
        self.commits += 1
        for entry in entries.values():
            if entry.reply_id in outcome.rejected:
                self._on_failure(entry.reply_id, DataError())
            elif entry.reply_id in outcome.owned:
                self._on_commit(entry)
        self._in_flight = None
        if future:
            future.set_result(outcome)
        for reply_id in outcome.to_stop:
            self._on_stop(reply_id)
        for reply_id in writing - outcome.owned:
            self._on_lost(reply_id)

    def _fail(self, reply_ids: list[UUID], error: Exception) -> None:
        """Nobody shall wait for a commit that cannot come."""
        for reply_id in reply_ids:
            self._on_failure(reply_id, error)
        if self._in_flight and not self._in_flight.done():
            self._in_flight.set_exception(error)
            self._in_flight.exception()  # seen, also if nobody waits for it
        self._in_flight = None

    async def _commit_until_done(self, entries: list[Entry]) -> Outcome:
        pause = conf().CHAT_TICK
        while True:
            now = asyncio.get_running_loop().time()
            renew = now - self._renewed >= conf().CHAT_LEASE / RENEWALS
            try:
                outcome = await self._lane.run(commit, self.writer, entries, renew=renew)
                self._renewed = now if renew else self._renewed
                return outcome
            except (DataError, IntegrityError):
                return await self._lane.run(commit_apart, self.writer, entries)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The database fails (%s); replies wait.", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for `event`, so long at most; whether it came."""
    if seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
    return event.is_set()
