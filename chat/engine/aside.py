"""Runs the site's code, which may be sync or async, slow or broken, apart from ours.

Each call is like a small request of its own: it gets Django's connections as a view does, and
they are closed when it is done.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from threading import Thread
from traceback import format_tb
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, iscoroutinefunction, sync_to_async
from django.db import connections
from django.utils.translation import get_language, override

logger = logging.getLogger(__name__)

THREADS = 64  # at once, for sync functions; further ones wait for their turn
LAST_STEPS = 1.0  # seconds that cancelled tasks have to finish


class Aside:
    """One for each kind of caller, so that calls that hang for one leave threads for the others."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(THREADS)
        self._tasks: set[asyncio.Task] = set()

    async def run(self, function: Callable, *args: Any, **kwargs: Any) -> Any:
        """The result of a sync or async function, in the caller's language; raises what it raises.

        A cancelled caller does not wait: a sync function runs on, and keeps its thread meanwhile.
        """
        if iscoroutinefunction(function):
            return await self._in_task(function(*args, **kwargs))
        await self._room.acquire()
        done = asyncio.get_running_loop().create_future()
        call = override(get_language())(lambda: function(*args, **kwargs))
        Thread(target=self._in_thread, args=(call, done), name="aside", daemon=True).start()
        result, error = await done
        if error:
            raise error
        return result

    async def close(self) -> None:
        """Cancel async calls. Threads are left alone: they may be anywhere."""
        for task in self._tasks:
            if not task.cancelling():  # else it gives its connections back
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_STEPS)

    async def _in_task(self, work: Awaitable) -> Any:
        task = asyncio.get_running_loop().create_task(
            _performed(work, get_language()), context=contextvars.Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        return task.result()

    def _ended(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # its caller gets it; one that has gone need not hear of it

    def _in_thread(self, call: Callable[[], Any], done: asyncio.Future) -> None:
        try:
            outcome = call(), None
        except BaseException as error:
            outcome = None, error
        finally:
            connections.close_all()
        with suppress(RuntimeError):  # the loop is gone, and with it the caller
            done.get_loop().call_soon_threadsafe(self._settle, done, outcome)

    def _settle(self, done: asyncio.Future, outcome: tuple[Any, BaseException | None]) -> None:
        self._room.release()
        if not done.done():
            done.set_result(outcome)


async def _performed(work: Awaitable, language: str | None) -> Any:
    async with ThreadSensitiveContext() as place:
        try:
            with override(language):
                return await work
        finally:
            if place in SyncToAsync.context_to_thread_executor:  # it has used the database
                await sync_to_async(connections.close_all)()


def where(error: BaseException) -> str:
    """What went wrong and where, for the log: an error's message may quote what a user wrote."""
    return f"{type(error).__name__}\n{''.join(format_tb(error.__traceback__))}".rstrip()
