"""The engine's own way to the database: threads with a connection that they keep.

What a request does with Django's async ORM holds a connection until the request ends, and a stream
is a long request. The engine's work is not part of any request, so it has its own few connections,
however many replies run.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connections

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """One thread and its connection. Calls run one after the other."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of the synchronous `function`; raises what it raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: _call(function, args, kwargs))

    async def close(self) -> None:
        """Wait for what runs, then give the connection back."""
        await self.run(connections.close_all)
        self._executor.shutdown(wait=False)


def _call(function: Callable, args: tuple, kwargs: dict) -> object:
    try:
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError):
        connections.close_all()  # the next call begins with a fresh one
        raise
