"""How this process gets replies to write: begun here, claimed, or adopted."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from django.db import IntegrityError

from ..models import Message, ReplyRunning
from . import taking
from .context import Job
from .database import is_outage
from .generation import Generation
from .journal import Journal
from .lanes import Lane
from .turns import Turns

logger = logging.getLogger(__name__)

GRACE = 1.0  # seconds until a reply of ours that nobody writes is adopted


class Intake:
    """One per process. A store's answer may be lost; still no reply stays unwritten."""

    def __init__(
        self,
        lane: Lane,
        journal: Journal,
        generations: dict[UUID, Generation],
        write: Callable[[Message, Job], None],
    ) -> None:
        self._lane, self._journal, self._write = lane, journal, write
        self._generations = generations
        self._turns = Turns()
        self._coming: set[UUID] = set()
        self._unwritten: dict[UUID, float] = {}  # ours, and since when no task writes them

    async def begin(self, create: taking.Store, reply_id: UUID, person: object) -> Message:
        """Let `create` store the reply, and start writing it.

        Each person has one turn at a time, so that waiting for one's lock holds up nobody else.
        Raises what `create` raises, and ReplyRunning.
        """
        async with self._turns.of(person), self._arrival(reply_id):
            await self._journal.enlisted()
            try:
                reply, job = await self._lane.run(taking.store, create, self._journal.writer)
            except Exception as error:
                if not is_outage(error) and not isinstance(error, IntegrityError):
                    raise
                again = (create, self._journal.writer, reply_id)
                reply, job = await self._lane.run(taking.store_again, *again)
            if job:
                self._write(reply, job)
            return reply

    async def claim(self, reply_id: UUID) -> None:
        """Write a reply whose writer is gone, unless another process is faster."""
        await self._take(taking.claim, reply_id)

    async def adopt(self, reply_id: UUID) -> None:
        """Write one that is ours by its row."""
        await self._take(taking.adopt, reply_id)

    def is_wanted(self, reply_id: UUID) -> bool:
        """Whether no task here writes it, or is about to."""
        return reply_id not in self._generations and reply_id not in self._coming

    def overdue(self, ours: set[UUID]) -> list[UUID]:
        """Replies that are ours by their rows, and have been unwritten for a while."""
        now = asyncio.get_running_loop().time()
        unwritten = filter(self.is_wanted, ours)
        self._unwritten = {pk: self._unwritten.get(pk, now) for pk in unwritten}
        return [pk for pk, since in self._unwritten.items() if now - since > GRACE]

    async def _take(self, take: Callable, reply_id: UUID) -> None:
        if not self.is_wanted(reply_id):
            return
        async with self._arrival(reply_id):
            try:
                taken = await self._lane.run(take, reply_id, self._journal.writer)
            except Exception as error:  # the next poll finds it again
                logger.warning("Reply %s is not taken yet (%s).", reply_id, type(error).__name__)
                return
            if taken:
                logger.info("Reply %s is continued here.", reply_id)
                self._write(*taken)

    @asynccontextmanager
    async def _arrival(self, reply_id: UUID) -> AsyncIterator[None]:
        """Nobody adopts it meanwhile. First waits for what its last run here has in flight.

        That would else be taken for part of the new run. Raises ReplyRunning if it still runs.
        """
        self._coming.add(reply_id)
        try:
            if generation := self._generations.get(reply_id):
                if not generation.is_settling:
                    raise ReplyRunning
                await generation.ended()
            await self._journal.drained(reply_id)
            yield
        finally:
            self._coming.discard(reply_id)
