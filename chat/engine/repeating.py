"""Work that a process repeats forever, whatever goes wrong."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .database import is_outage

logger = logging.getLogger(__name__)

AFTER_FAILURE = 0.5  # seconds


async def repeat(work: Callable[[], Awaitable[None]], pause: Callable[[], float] | float) -> None:
    """Run `work` forever, `pause` seconds apart. The outermost frame of a task."""
    while True:
        seconds = AFTER_FAILURE
        try:
            await work()
            seconds = pause if isinstance(pause, int | float) else pause()
        except Exception as error:
            if is_outage(error):
                logger.warning("The database fails (%s); it is asked again.", type(error).__name__)
            else:
                logger.exception("What a process does all the time failed")
        await asyncio.sleep(seconds)
