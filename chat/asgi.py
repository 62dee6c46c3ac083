"""How a server starts and stops the chat's work, if it speaks the lifespan protocol of ASGI.

uvicorn and hypercorn do; daphne does not. https://asgi.readthedocs.io/en/latest/specs/lifespan.html
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from functools import cache, partial
from types import FrameType
from typing import Any

from .engine.database import is_outage

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Handler = Callable[[int, FrameType | None], object]

HAND_OVER_TIME = 6.0  # seconds, of the ten that a service manager gives
SIGNALS = signal.SIGTERM, signal.SIGINT

logger = logging.getLogger("chat.shutdown")


async def hand_over() -> None:
    """Hand running replies over and disconnect their readers, before the server exits."""
    from .engine import process  # models need Django to be set up

    try:
        async with asyncio.timeout(HAND_OVER_TIME):
            await process.close()
    except TimeoutError:
        logger.warning("Not everything could be handed over in time; the leases will run out.")
    except Exception as error:
        if is_outage(error):
            logger.warning("The database fails; the leases will run out.")
        else:
            logger.exception("The shutdown failed")


def with_lifespan(
    application: Application, leave: Callable[[], Awaitable[None]] = hand_over
) -> Application:
    """The application; server startup resumes orphaned replies, and shutdown calls `leave`.

    Without this, or on a server without lifespan, replies go on when their lease has run out.
    """

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send, leave)
        else:
            await application(scope, receive, send)

    return served


async def _live(receive: Receive, send: Send, leave: Callable[[], Awaitable[None]]) -> None:
    from .engine import process  # models need Django to be set up

    @cache
    def start_shutdown() -> asyncio.Future[None]:
        return asyncio.ensure_future(leave())

    await receive()
    process.engine()  # finds replies whose writer is gone, even without requests
    _on_signals(start_shutdown)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await start_shutdown()
    await send({"type": "lifespan.shutdown.complete"})


def _on_signals(begin: Callable[[], object]) -> None:
    """Call `begin` when the process is signalled to end, then the server's own handler.

    uvicorn sends lifespan.shutdown only when all streams have ended, and those wait for their
    replies. Only the main thread can handle signals; others must wait for lifespan.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    start_soon = partial(asyncio.get_running_loop().call_soon_threadsafe, begin)
    for number in SIGNALS:
        server_handler = signal.getsignal(number)
        if callable(server_handler):
            signal.signal(number, partial(_handle, start_soon, server_handler))


def _handle(
    start_soon: Callable[[], object], server_handler: Handler, number: int, frame: FrameType | None
) -> None:
    start_soon()
    server_handler(number, frame)
