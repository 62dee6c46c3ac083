"""The engine's own way to the database: threads with a connection that they keep.

What a request does with Django's async ORM holds a connection until the request ends, and a stream
is a long request. The engine's work is not part of any request, so it has its own few connections,
however many replies run.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connections
from django.utils.translation import get_language, override

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """One thread and its connection. Calls run one after the other.

    A third of the cost of an executor: the journal calls twenty times a second.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple | None] = SimpleQueue()
        Thread(target=self._work, name=name, daemon=True).start()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of the synchronous `function`; raises what it raises."""
        future = asyncio.get_running_loop().create_future()
        self._calls.put((future, function, args, kwargs))
        return await future

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, in the caller's language; once more if the connection has died meanwhile."""
        in_words = override(get_language())(function)
        try:
            return await self.run(in_words, *args, **kwargs)
        except (OperationalError, InterfaceError):
            return await self.run(in_words, *args, **kwargs)

    async def close(self) -> None:
        """Wait for what runs, then give the connection back."""
        await self.run(connections.close_all)
        self._calls.put(None)

    def _work(self) -> None:
        for future, function, args, kwargs in iter(self._calls.get, None):
            try:
                result, error = function(*args, **kwargs), None
            except BaseException as raised:
                result, error = None, raised
                if isinstance(error, OperationalError | InterfaceError):
                    connections.close_all()  # the next call begins with a fresh one
            with suppress(RuntimeError):  # the loop is gone, and with it who waited
                future.get_loop().call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():  # cancelled meanwhile
        return
    if error:
        future.set_exception(error)
    else:
        future.set_result(result)
