"""Locks by key: one turn at a time for each."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """One at a time for each key."""

    def __init__(self) -> None:
        self._locks: dict[object, asyncio.Lock] = {}
        self._wanted: Counter[object] = Counter()

    @asynccontextmanager
    async def of(self, key: object) -> AsyncIterator[None]:
        """Wait for earlier holders of the same key, then hold it."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._wanted[key] += 1
        try:
            async with lock:
                yield
        finally:
            self._wanted[key] -= 1
            if not self._wanted[key]:
                del self._wanted[key], self._locks[key]
