"""Calls the site's signal receivers when replies begin and settle, apart from all else, once each.

Pending calls are rows in the database (`Notice`), so that they survive this process. Each receiver
has a few slots of its own: one that is slow or fails holds up nobody else.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress

from .. import signals
from ..models import Message
from ..models.notice import TOLD_WITHIN, Notice
from .aside import Aside, where
from .database import is_outage
from .lanes import Lane

logger = logging.getLogger(__name__)

AT_ONCE = 8  # calls of one receiver, in one process
ROUND = 1.0  # seconds between two polls for what others have left, or what is due for a retry


class Telling:
    """One per process."""

    def __init__(self, lane: Lane, spawn: Callable[[Coroutine], object]) -> None:
        self._lane, self._spawn = lane, spawn
        self._aside = Aside()
        self._news = asyncio.Event()
        self._in_flight: set[Notice] = set()

    def wake(self) -> None:
        """Something may just have been stored."""
        self._news.set()

    async def poll(self) -> None:
        """Wait until there may be notices, then start to deliver them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ROUND):
                await self._news.wait()
        self._news.clear()
        for what in signals.SIGNALS:
            for name, receiver in signals.receivers(what).items():
                await self._begin(what, name, receiver)

    async def close(self) -> None:
        """Call when its tasks have ended."""
        await self._aside.close()
        if not self._in_flight:
            return
        try:
            await self._lane.repeat(Notice.give_back, [each.pk for each in self._in_flight])
        except Exception as error:
            if not is_outage(error):
                raise
            logger.warning("The database fails; what was being told is told when its lease ends.")

    async def _begin(self, what: str, name: str, receiver: Callable) -> None:
        calls = [each for each in self._in_flight if (each.what, each.receiver) == (what, name)]
        if room := AT_ONCE - len(calls):
            for notice in await self._lane.run(Notice.claim, what, name, room):
                self._in_flight.add(notice)
                self._spawn(self._tell(notice, receiver))

    async def _tell(self, notice: Notice, receiver: Callable) -> None:
        """The outermost frame of its task."""
        try:
            if reply := await self._lane.repeat(_reply, notice):
                async with asyncio.timeout(TOLD_WITHIN):
                    await self._aside.run(receiver, reply=reply)
            await self._lane.repeat(notice.told)
        except Exception as error:
            await self._try_again_later(notice, error)
        self._in_flight.discard(notice)
        self.wake()

    async def _try_again_later(self, notice: Notice, error: Exception) -> None:
        try:
            pause = await self._lane.repeat(notice.postpone)
        except Exception:  # then its lease runs out
            logger.warning("Not told: %s (%s)", notice, where(error))
            return
        logger.warning("Not told, again in %.0f s: %s (%s)", pause, notice, where(error))


def _reply(notice: Notice) -> Message | None:
    """With its relations loaded; None if it has been deleted: that is not told."""
    rows = Message.objects.select_related("conversation__user", "parent")
    reply = rows.filter(pk=notice.reply).first()
    return reply and reply.catch_up()
