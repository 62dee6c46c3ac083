"""The group commit: each tick stores what arrived for all running replies in one transaction.

Only then are readers woken, so nothing is shown that is not stored. The same transaction renews
the lease on the replies, and learns which of them were taken away or are to be stopped.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    connection,
    transaction,
)

from .conf import conf
from .database import Lane
from .endings import Ending, State
from .models import Message, Writer, tick

logger = logging.getLogger(__name__)

LONGEST_TICK = 0.5  # seconds; after a database that did not answer there is no time to lose
LONGEST_PAUSE = 1.0  # seconds between two tries while the database fails


class NotOurs(Exception):
    """The reply was settled, deleted or taken over by another process: nothing more is stored."""


@dataclass
class Entry:
    """What waits to be stored for one reply."""

    reply_id: UUID
    start: int  # where `text` begins in the reply, in code points
    text: str = ""
    ending: Ending | None = None


@dataclass
class Outcome:
    """What a commit found: the replies that this process still writes, and those to be stopped."""

    owned: set[UUID] = field(default_factory=set)
    to_stop: set[UUID] = field(default_factory=set)
    rejected: set[UUID] = field(default_factory=set)  # the database cannot store their text


class Journal:
    """One a process. It tells which entries were stored, and which replies to stop or let go."""

    def __init__(
        self,
        on_commit: Callable[[Entry], None],
        on_stop: Callable[[UUID], None],
        on_lost: Callable[[UUID], None],
    ) -> None:
        self.writer = uuid4()
        self.writing: set[UUID] = set()  # the replies that this process writes
        self.commits = 0
        self._on_commit, self._on_stop, self._on_lost = on_commit, on_stop, on_lost
        self._lane = Lane("journal")
        self._entries: dict[UUID, Entry] = {}
        self._wake = asyncio.Event()
        self._turn = asyncio.Event()  # set for a moment before each commit
        self._is_idle = True  # the next entry is committed at once
        self._outcome: asyncio.Future[Outcome] | None = None  # of the next commit
        self._in_flight: asyncio.Future[Outcome] | None = None
        self._task: asyncio.Task[None] | None = None

    async def store(self, entry: Entry) -> None:
        """Returns when `entry` is in the database and its readers are awake. Raises NotOurs.

        While the database fails this waits, and with it the reading from the provider.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        self._entries[entry.reply_id] = entry
        self._outcome = self._outcome or asyncio.get_running_loop().create_future()
        self._wake.set()
        outcome = await asyncio.shield(self._outcome)
        if entry.reply_id in outcome.rejected:
            raise DataError
        if entry.reply_id not in outcome.owned:
            raise NotOurs

    async def turn(self) -> None:
        """Returns just before the next commit: what is read now will be stored without delay."""
        if not self._is_idle:
            await self._turn.wait()

    async def drained(self) -> None:
        """Returns when nothing handed in before waits any more."""
        for future in (self._in_flight, self._outcome):
            if future:
                await asyncio.shield(future)

    def watch_over(self, reply_id: UUID) -> None:
        """From now on the lease covers this reply, also while nothing arrives for it."""
        self.writing.add(reply_id)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Commit what waits, then end the lease: others may take the replies over at once."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._commit_waiting()
        await self._lane.run(Writer.objects.filter(pk=self.writer).delete)
        await self._lane.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._is_idle = True
            self._turn.set()
            self._turn.clear()
            await self._something_to_do()
            await asyncio.sleep(0)  # all whose turn it is have read by then
            self._is_idle = False
            begun, is_heartbeat = loop.time(), not self._entries
            try:
                await self._commit_waiting()
            except Exception as error:
                logger.exception("A commit failed")
                self._fail(error)
            if is_heartbeat:
                continue  # a first piece that comes now need not wait
            took = loop.time() - begun
            # Under load ticks grow, so that half of the time is left for everything else.
            await asyncio.sleep(max(conf().CHAT_TICK - took, min(took, LONGEST_TICK)))

    async def _something_to_do(self) -> None:
        """Wait for an entry, no longer than the lease allows."""
        with suppress(TimeoutError):
            async with asyncio.timeout(conf().CHAT_LEASE / 6):
                await self._wake.wait()

    async def _commit_waiting(self) -> None:
        self._wake.clear()
        entries, self._entries = self._entries, {}
        future, self._outcome = self._outcome, None
        writing = set(self.writing)
        if not entries and not writing:
            return
        self._in_flight = future
        outcome = await self._commit_until_done(list(entries.values()))
        self.commits += 1
        for entry in entries.values():
            if entry.reply_id in outcome.owned - outcome.rejected:
                self._on_commit(entry)
        self._in_flight = None
        if future:
            future.set_result(outcome)
        for reply_id in outcome.to_stop:
            self._on_stop(reply_id)
        for reply_id in writing - outcome.owned:
            self._on_lost(reply_id)

    def _fail(self, error: Exception) -> None:
        """Nobody shall wait for a commit that cannot come."""
        if self._in_flight and not self._in_flight.done():
            self._in_flight.set_exception(error)
        self._in_flight = None

    async def _commit_until_done(self, entries: list[Entry]) -> Outcome:
        pause = conf().CHAT_TICK
        while True:
            try:
                return await self._lane.run(commit, self.writer, entries)
            except (DataError, IntegrityError):
                return await self._lane.run(commit_apart, self.writer, entries)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The database fails (%s); replies wait.", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def commit(writer: UUID, entries: list[Entry]) -> Outcome:
    """Store all entries of replies that `writer` still owns, in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        owned = tick.renew(cursor, writer)
        ours = [entry for entry in entries if entry.reply_id in owned]
        with_text = [entry for entry in ours if entry.text and not entry.ending]
        tick.store(cursor, [(each.reply_id, each.start, each.text) for each in with_text])
        begun = [each.reply_id for each in with_text if owned[each.reply_id][0] == State.WAITING]
        if begun:
            Message.objects.filter(pk__in=begun).update(state=State.STREAMING)
        for entry in ours:
            if entry.ending:
                Message.objects.settle(entry.reply_id, writer, entry.ending)
    return Outcome(set(owned), {pk for pk, (_, stop) in owned.items() if stop})


def commit_apart(writer: UUID, entries: list[Entry]) -> Outcome:
    """As `commit`, each entry by itself, so that one bad text does not hold up the others."""
    outcome = commit(writer, [])
    for entry in entries:
        try:
            commit(writer, [entry])
        except (DataError, IntegrityError):
            outcome.rejected.add(entry.reply_id)
    return outcome
