"""What a process needs to write replies and to let people follow them, made on demand."""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from uuid import UUID

from django.db import transaction

from .commits import Entry
from .conf import conf
from .context import Task, load_task
from .database import Lane
from .endings import State
from .following import Tail
from .generation import Generation
from .journal import Journal
from .models import Message
from .provider import Provider
from .readers import Readers
from .titles import give_title
from .watch import Watch

logger = logging.getLogger(__name__)

SIGN_OF_LIFE = 15.0  # seconds between two comments on a silent stream
STOP_WAIT = 2.0  # seconds until a stop is answered before the reply has settled


class Busy(Exception):
    """This process writes as many replies as it may."""


class Leaving(Exception):
    """This process is shutting down and takes no new work."""


class Engine:
    """The running replies of this process, and the tails that its readers follow."""

    def __init__(self) -> None:
        self.generations: dict[UUID, Generation] = {}
        self.tails: dict[UUID, Tail] = {}
        self.is_leaving = False
        self.provider = Provider()
        self.readers = Readers()
        self.requests = Lane("requests")  # for the short questions of all of them
        self._lane = Lane("engine")
        self.journal = Journal(self._committed, self._stop_requested, self._lost, self._not_stored)
        self._watch = Watch(self._lane, self._take_over, self._abandoned)
        self._tasks: set[asyncio.Task] = set()
        self._spawn(self._watch.feed_tails())
        self._spawn(self._watch.find_orphans())
        self._spawn(self._watch.purge_deleted())
        self._spawn(self._watch.find_abandoned(self._followed, self.journal.writer))
        self._spawn(self.readers.send_away_logged_out(self._lane))
        self._spawn(self._show_life())

    async def begin(self, store: Callable[[UUID], Message]) -> Message:
        """Let `store` create a reply in the database, in one transaction, and start to write it.

        Both happen even if the request that asked for it is gone by then. Raises what `store`
        raises, Leaving and Busy.
        """
        if self.is_leaving:
            raise Leaving
        if len(self.generations) >= conf().CHAT_RUNNING_REPLIES:
            raise Busy
        return await asyncio.shield(self._spawn(self._begin(store)))

    async def _begin(self, store: Callable[[UUID], Message]) -> Message:
        reply, task = await self._lane.run(_store, store, self.journal.writer)
        self._write(reply, task)
        return reply

    async def stop(self, reply_id: UUID) -> None:
        """Stop a reply, whichever process writes it; returns when it has settled, or soon."""
        tail = await self.tail(reply_id)
        await self._lane.run(
            Message.objects.running().filter(pk=reply_id).update, stop_requested=True
        )
        self._stop_requested(reply_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WAIT):
                while not tail.ending:
                    await tail.changed()
        self.release(tail)

    async def tail(self, reply_id: UUID) -> Tail:
        """The tail of a reply, for any number of readers. Raises Message.DoesNotExist."""
        if reply_id in self.tails:
            return self.tails[reply_id]
        message = await self._lane.run(_load, reply_id)
        if not message.is_running:
            return Tail(reply_id, message.text, message.ending())
        if reply_id not in self.tails:  # nor has it come while the row was read
            tail = self.tails[reply_id] = Tail(reply_id, message.text)
            tail.thoughts = message.reasoning
            self._watch.add(tail)
        return self.tails[reply_id]

    def release(self, tail: Tail) -> None:
        """A reader has gone. What another process writes is watched only while somebody reads."""
        if not tail.readers and tail.reply_id not in self.generations:
            self._watch.remove(tail.reply_id)
            self.tails.pop(tail.reply_id, None)

    async def close(self) -> None:
        """Send the readers on, hand the running replies over, and let go of everything."""
        self.is_leaving = True
        for tail in self.tails.values():
            tail.close()
        dropped = [generation.drop() for generation in list(self.generations.values())]
        await asyncio.gather(*dropped, return_exceptions=True)
        await self.journal.close()
        await self.readers.gone()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.provider.close()
        await self._lane.close()
        await self.requests.close()

    def _write(self, reply: Message, task: Task) -> None:
        """Begin to write `reply`, whose text is all that is stored of it."""
        reply_id = reply.pk
        self._watch.remove(reply_id)
        tail = self.tails.setdefault(reply_id, Tail(reply_id))
        tail.extend(reply.text[len(tail.text) :], reply.reasoning[len(tail.thoughts) :])
        generation = Generation(task, tail, self.provider, self.journal)
        self.generations[reply_id] = generation
        self.journal.watch_over(reply_id)
        generation.start(self._spawn(self._run(generation)))

    async def _run(self, generation: Generation) -> None:
        try:
            await generation.run()
        finally:
            self._written(generation.tail)

    def _written(self, tail: Tail) -> None:
        """The reply has settled, or another process has it."""
        self.generations.pop(tail.reply_id, None)
        self.journal.writing.discard(tail.reply_id)
        if tail.ending and not self.is_leaving:
            self._spawn(give_title(tail.reply_id, self.provider, self._lane))
        if tail.ending or self.is_leaving:
            self.tails.pop(tail.reply_id, None)
        else:
            self._watch.add(tail)
            self.release(tail)

    def _committed(self, entry: Entry) -> None:
        tail = self.tails.get(entry.reply_id)
        if tail is None:  # its task has ended, and nobody reads it here
            return
        if entry.ending:
            tail.finish(entry.ending)
        else:
            tail.extend(entry.text, entry.thoughts)

    def _stop_requested(self, reply_id: UUID) -> None:
        if reply_id in self.generations:
            self.generations[reply_id].stop(State.STOPPED)

    def _lost(self, reply_id: UUID) -> None:
        if reply_id in self.generations:
            self.generations[reply_id].drop()

    def _not_stored(self, reply_id: UUID, error: Exception) -> None:
        if reply_id in self.generations:
            self.generations[reply_id].fail(error)

    def _followed(self) -> list[UUID]:
        return [pk for pk, tail in self.tails.items() if tail.readers and not tail.ending]

    def _abandoned(self, reply_id: UUID) -> None:
        generation = self.generations.get(reply_id)
        if generation and not generation.tail.readers:
            generation.stop(State.ABANDONED)

    def _take_over(self, reply_id: UUID) -> None:
        if reply_id not in self.generations and not self.is_leaving:
            self._spawn(self._claim(reply_id))

    async def _claim(self, reply_id: UUID) -> None:
        claimed = await self._lane.run(_claim, reply_id, self.journal.writer)
        if claimed and reply_id not in self.generations:
            logger.info("Reply %s is continued here.", reply_id)
            self._write(*claimed)

    async def _show_life(self) -> None:
        while True:
            await asyncio.sleep(SIGN_OF_LIFE)
            for tail in list(self.tails.values()):
                tail.wake()
                self.release(tail)

    def _spawn(self, work: Coroutine) -> asyncio.Task:
        """A task that is no part of the request that began it: its own context, held until done."""
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


@transaction.atomic
def _store(store: Callable[[UUID], Message], writer: UUID) -> tuple[Message, Task]:
    """Both or nothing: a reply of ours that nobody writes would run for ever."""
    reply = store(writer)
    return reply, load_task(reply)


@transaction.atomic
def _claim(reply_id: UUID, writer: UUID) -> tuple[Message, Task] | None:
    if not Message.objects.claim(reply_id, writer):
        return None
    reply = _load(reply_id)
    return reply, load_task(reply)


def _load(reply_id: UUID) -> Message:
    """A reply with all of its text, also if it settles between the two looks at it."""
    replies = Message.objects.replies().select_related("conversation")
    message = replies.get(pk=reply_id)
    if message.is_running:
        message.text = message.stored_text()
        if not replies.running().filter(pk=reply_id).exists():
            return replies.get(pk=reply_id)
    return message


_engine: Engine | None = None


def engine() -> Engine:
    """The engine of this process, started when it is first asked for."""
    global _engine
    if _engine is None:
        _engine = Engine()
    return _engine


def is_leaving() -> bool:
    """Whether this process is shutting down."""
    return _engine is not None and _engine.is_leaving


async def close() -> None:
    """Shut the engine of this process down, if there is one."""
    global _engine
    if _engine is not None:
        await _engine.close()
        _engine = None
