"""What a process needs to write replies and let people follow them, made on demand."""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from uuid import UUID

from ..conf import conf
from ..database import connection
from ..finding import Searches
from ..models import Message
from ..models.endings import State
from ..provider import Provider
from . import sessions, taking
from .abandoning import Abandoning
from .commits import Entry
from .context import Job
from .following import Tail
from .generation import Generation
from .hooking import Hooking
from .intake import Intake
from .journal import Journal
from .lanes import Lane, Link
from .readers import Readers
from .repeating import repeat
from .tails import Tails
from .telling import Telling
from .titles import give_title
from .watch import Watch, purge

logger = logging.getLogger(__name__)

KEEP_ALIVE_ROUND = 15.0  # seconds between two comments on a silent stream
POLL = 0.2  # seconds between two polls of other processes' replies
ROUND = 0.5  # seconds between two polls for replies that nobody writes
UNREADABLE_ROUND = 1.0  # seconds between two polls for replies of inactive users
PURGE_ROUND = 60.0  # seconds between two purges
LAST_EVENTS = 2.0  # seconds for readers to receive them when the process shuts down
STOP_WAIT = 2.0  # seconds that a stop waits for the reply to settle


class Busy(Exception):
    """This process is at its limit of running replies."""


class Leaving(Exception):
    """This process is shutting down and takes no new work."""


class Engine:
    """The running replies of this process, and the tails that its readers follow."""

    def __init__(self) -> None:
        self.generations: dict[UUID, Generation] = {}
        self.is_leaving = self._is_closed = False
        self.provider = Provider()
        self.readers = Readers()
        link, width = Link(), _width()
        self.requests = Lane("requests", width, link)  # short queries for any request
        self._lane = Lane("engine", width, link)
        self._watching = Lane("watch", 1, link)
        self.hooks = Hooking(self.provider, self._lane)
        self._telling = Telling(self._lane, self._spawn)
        self.searches = Searches(link)
        self.tails = Tails(self._load)
        self.journal = Journal(self, Lane("journal", 1, link))
        self._intake = Intake(self._lane, self.journal, self.generations, self._write)
        self._tasks: set[asyncio.Task] = set()
        self._begin_rounds()

    def _begin_rounds(self) -> None:
        watch = Watch(self.tails, self.journal, self._watching, self.orphaned)
        abandoning = Abandoning(self.tails, self.journal, self._watching, self.abandoned)
        for work, pause in (
            (watch.feed_tails, POLL),
            (watch.find_orphans, ROUND),
            (abandoning.poll, abandoning.pause),
            (partial(purge, self._lane), PURGE_ROUND),
            (partial(self.readers.send_away, self._watching), sessions.pause),
            (self._stop_unreadable, UNREADABLE_ROUND),
            (self._telling.poll, 0),
            (self._keep_alive, KEEP_ALIVE_ROUND),
        ):
            self._spawn(repeat(work, pause))

    async def begin(self, create: taking.Store, reply_id: UUID, person: object = None) -> Message:
        """Let `create` store the reply `reply_id` in the database and start writing it.

        In one transaction, when it is this person's turn, even if the request has gone by then.
        Raises what `create` raises, ReplyRunning, Leaving and Busy.
        """
        if self.is_leaving:
            raise Leaving
        if len(self.generations) >= conf().CHAT_RUNNING_REPLIES:
            raise Busy
        beginning = self._intake.begin(create, reply_id, person or reply_id)
        return await asyncio.shield(self._spawn(beginning))

    async def stop(self, reply_id: UUID) -> None:
        """Stop a reply in whichever process; returns when it has settled, or soon."""
        async with self.tails.reading(reply_id) as tail:
            running = Message.objects.running().filter(pk=reply_id)
            await self._lane.repeat(running.update, stop_requested=True)
            self.stop_requested(reply_id)
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_WAIT):
                    while not tail.ending:
                        await tail.changed()

    async def close(self) -> None:
        """Disconnect the readers, hand running replies over, and close everything."""
        if self._is_closed:
            return
        self.is_leaving = self._is_closed = True
        self.tails.close()
        dropped = [generation.drop() for generation in list(self.generations.values())]
        await asyncio.gather(*dropped, return_exceptions=True)
        await self.journal.close()
        with suppress(TimeoutError):  # a stalled reader would hold the process up
            async with asyncio.timeout(LAST_EVENTS):
                await self.readers.gone()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.hooks.close()
        await self._telling.close()
        await self.provider.close()
        for lane in (self._lane, self.requests, self._watching):
            await lane.close()
        await self.searches.close()

    async def _load(self, reply_id: UUID) -> Message:
        return await self.requests.repeat(taking.load, reply_id)

    def _write(self, reply: Message, job: Job) -> None:
        """Begin to write `reply`, whose log is all that is stored of it."""
        log = reply.log
        tail = self.tails.write(reply.pk, log)
        generation = Generation(reply.pk, log, job, self.provider, self.hooks, self.journal)
        self.generations[reply.pk] = generation
        self.journal.begin(reply.pk)
        generation.start(self._spawn(self._run(generation, tail)))
        self._telling.wake()

    async def _run(self, generation: Generation, tail: Tail) -> None:
        try:
            await generation.run()
        finally:
            self._written(tail)

    def _written(self, tail: Tail) -> None:
        """The reply has settled, or another process has it."""
        self.generations.pop(tail.reply_id, None)
        self.journal.forget(tail.reply_id)
        self.tails.leave(tail)
        if tail.ending and not self.is_leaving:
            self._spawn(give_title(tail.reply_id, self.provider, self.hooks, self._lane))
            if not tail.ending.rendered_by:
                self._spawn(self._keep_html(tail))

    async def _keep_html(self, tail: Tail) -> None:
        """It settled without HTML: no text may delay that. If this fails, each view renders
        it again."""
        html = await tail.rendering.page(tail.text)
        await self._lane.repeat(Message.objects.keep_html, tail.reply_id, tail.text, html)

    # What the journal tells:

    def committed(self, entry: Entry) -> None:
        generation = self.generations.get(entry.reply_id)
        if generation is None:  # its task has ended
            return
        if entry.ending:
            self.tails.settled(entry.reply_id, entry.ending)
            self._telling.wake()
        elif generation.stored(entry):
            self.tails.grown(entry.reply_id)

    def failed(self, reply_id: UUID, error: Exception) -> None:
        if reply_id in self.generations:
            self.generations[reply_id].fail(error)

    def stop_requested(self, reply_id: UUID) -> None:
        if reply_id in self.generations:
            self.generations[reply_id].stop(State.STOPPED)

    def lost(self, reply_id: UUID) -> None:
        if reply_id in self.generations:
            self.generations[reply_id].drop()

    def running(self, reply_ids: set[UUID]) -> None:
        for reply_id in self._intake.overdue(reply_ids) if not self.is_leaving else ():
            self._spawn(self._intake.adopt(reply_id))

    # What the watch tells:

    def abandoned(self, reply_id: UUID) -> None:
        generation = self.generations.get(reply_id)
        if generation and not self.tails.is_followed(reply_id):
            generation.stop(State.ABANDONED)

    def orphaned(self, reply_id: UUID) -> None:
        if self._intake.is_wanted(reply_id) and not self.is_leaving:
            self._spawn(self._intake.claim(reply_id))

    async def _stop_unreadable(self) -> None:
        """Stop what nobody may read any more. Those who log out come back."""
        if self.generations:
            for reply_id in await self._watching.run(sessions.unreadable, self.journal.writer):
                if reply_id in self.generations:
                    self.generations[reply_id].stop(State.ABANDONED)

    async def _keep_alive(self) -> None:
        self.tails.keep_alive()

    def _spawn(self, work: Coroutine) -> asyncio.Task:
        """A task apart from the request that began it: its own context, held until done."""
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # its awaiter gets it; one that has gone need not hear of it


def _width() -> int:
    """Threads of a lane. SQLite has one writer at a time: more would only wait."""
    return 1 if connection.vendor == "sqlite" else max(1, (conf().CHAT_CONNECTIONS - 3) // 2)


_engine: Engine | None = None


def engine() -> Engine:
    """The engine of this process, started on first use."""
    global _engine
    if _engine is None:
        _engine = Engine()
    return _engine


def is_leaving() -> bool:
    """Whether this process is shutting down."""
    return _engine is not None and _engine.is_leaving


async def close() -> None:
    """Shut this process's engine down, if there is one. It cannot be restarted."""
    if _engine is not None:
        await _engine.close()
