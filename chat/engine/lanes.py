"""The engine's own way to the database: threads that keep their connections.

What a request does with Django's async ORM holds a connection until the request ends, and a stream
is a long request. The engine's work is not part of any request, so it has its own few connections,
however many replies run.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from traceback import clear_frames
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import get_language, override

from ..database import alias, connection
from .database import has_lost_link, is_outage, own_connection, set_deadlines

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds until a call has failed; on SQLite its own `timeout` says when
TRIES = 3  # of a call that may run twice
LONGEST_QUEUE = 300  # calls that may wait for a lane


class Crowded(OperationalError):
    """Too many calls wait for the database already."""


class Link:
    """What the lanes of a process know about its link to the database."""

    def __init__(self) -> None:
        self.failed_at = float("-inf")  # by the monotonic clock; connections from before are dead


class Lane:
    """Threads that take calls from one queue, each with a connection of its own.

    As many as have been needed at once, up to `width`. With one, calls run one after the other.
    A third of the cost of an executor: the journal calls twenty times a second.
    """

    def __init__(self, name: str, width: int = 1, link: Link | None = None) -> None:
        self._name, self._width, self._link = name, width, link or Link()
        self._has_timers = connection.vendor != "sqlite"  # asked once: it costs each task 3 KB
        self._pending = 0  # calls
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads: list[_Thread] = []

    async def run(
        self,
        function: Callable[P, T],
        *args: P.args,
        patience: float = PATIENCE,
        **kwargs: P.kwargs,
    ) -> T:
        """The result of the synchronous `function`; raises what it raises.

        Raises OperationalError after `patience` seconds without an answer; it is then unknown
        whether it took effect. A call that is cancelled before its turn never runs.
        """
        if self._calls.qsize() > LONGEST_QUEUE:
            raise Crowded("too many calls wait")
        call = _Call(function, args, kwargs, patience)
        self._pending += 1
        if len(self._threads) < min(self._pending, self._width):
            self._add_thread()
        self._calls.put(call)
        if self._has_timers:
            call.timer = call.loop.call_later(patience, self._check_deadline, call)
        try:
            return await call.future
        finally:
            self._pending -= 1
            if call.timer:
                call.timer.cancel()

    async def repeat(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, for what may run twice: up to two more tries if the database fails."""
        for _ in range(TRIES - 1):
            try:
                return await self.run(function, *args, **kwargs)
            except Exception as error:
                if isinstance(error, Crowded) or not is_outage(error):
                    raise
        return await self.run(function, *args, **kwargs)

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `repeat`, in the caller's language."""
        return await self.repeat(override(get_language())(function), *args, **kwargs)

    async def close(self) -> None:
        """Wait for running calls, then close the connections. Later calls get new threads."""
        threads, calls = self._threads, self._calls
        self._threads, self._calls = [], SimpleQueue()
        for _ in threads:
            calls.put(None)
        await asyncio.gather(*(asyncio.wrap_future(each.ended) for each in threads))

    def _check_deadline(self, call: "_Call") -> None:
        """Its time is up: wait no longer, and replace the thread that runs it."""
        if call.future.done():
            return
        left = 0.0 if call.thread is None else call.started + call.patience - monotonic()
        if left > 0:  # it had to wait for its turn
            call.timer = call.loop.call_later(left, self._check_deadline, call)
            return
        if call.thread:
            logger.warning("The database does not answer; connecting anew.")
            self._link.failed_at = monotonic()
            self._threads.remove(call.thread)
            self._add_thread()
            call.thread.give_up()
        call.settle(None, OperationalError(f"no answer within {call.patience:.1f} s"))

    def _add_thread(self) -> None:
        self._threads.append(_Thread(self._link, self._name, self._calls))


class _Call:
    """A function to run, and its caller's future."""

    __slots__ = (
        "args",
        "function",
        "future",
        "kwargs",
        "loop",
        "patience",
        "started",
        "thread",
        "timer",
    )

    def __init__(self, function: Callable, args: tuple, kwargs: dict, patience: float) -> None:
        self.function, self.args, self.kwargs, self.patience = function, args, kwargs, patience
        self.loop = asyncio.get_running_loop()
        self.future = self.loop.create_future()
        self.thread: _Thread | None = None
        self.started = 0.0
        self.timer: asyncio.TimerHandle | None = None

    def perform(self, thread: "_Thread") -> None:
        if self.future.done():  # nobody waits any more
            return
        self.started, self.thread = monotonic(), thread
        try:
            thread.connect()
            if self.future.done():  # nor now: it took too long
                return
            result, error = self.function(*self.args, **self.kwargs), None
        except BaseException as raised:
            result, error = None, raised
            if has_lost_link(error):
                thread.link.failed_at = monotonic()
                clear_frames(error.__traceback__)  # psycopg's keep a connection that never opened
        with suppress(RuntimeError):  # the loop is gone, and with it the caller
            self.loop.call_soon_threadsafe(self.settle, result, error)

    def settle(self, result: object, error: BaseException | None) -> None:
        if self.future.done():  # cancelled meanwhile, or given up
            return
        if error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class _Thread:
    def __init__(self, link: Link, name: str, calls: "SimpleQueue[_Call | None]") -> None:
        self.ended: Future[None] = Future()
        self.link, self._calls = link, calls
        self._connected_at = 0.0  # by the monotonic clock
        self._connection: BaseDatabaseWrapper | None = None
        self._is_given_up = False
        Thread(target=self._work, name=name, daemon=True).start()

    def connect(self) -> None:
        """Have a connection with deadlines, newer than the process's last lost one."""
        own = self._connection
        if self._connected_at <= self.link.failed_at:
            connections.close_all()
        if own.connection is not None:
            return
        self._connected_at = monotonic()
        if own.vendor == "postgresql":
            with own.cursor() as cursor:
                cursor.execute(set_deadlines())

    def give_up(self) -> None:
        """Shut its socket down: whatever it waits for fails, and it ends."""
        self._is_given_up = True
        link = self._connection and self._connection.connection
        if link is not None and self._connection.vendor == "postgresql":
            with suppress(Exception), socket.socket(fileno=os.dup(link.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)  # closed meanwhile, or the wire is

    def _work(self) -> None:
        self._connection = connections[alias()] = own_connection()
        for call in iter(self._calls.get, None):
            call.perform(self)
            if self._is_given_up:
                break
        with suppress(Exception):
            connections.close_all()
        self.ended.set_result(None)
