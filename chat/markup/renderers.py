"""Text to HTML in separate processes: no text can stop the site.

Whatever a text does to its renderer, the site goes on and shows it: fully rendered; if that takes
too long, without colors in code; and if that does too, plain.
"""

import asyncio
import atexit
import hashlib
import logging
import os
import signal
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, Pipe
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import msgspec
from django.utils.safestring import SafeString, mark_safe

from .. import markup

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

QUICK = 2_000  # characters of a text that is rendered in place: a millisecond
GROWING_QUICK = 4_000  # the same for the unfinished part of a growing text
GROWING_LIMIT = 0.2  # seconds of CPU time for the growth of one tick
WHOLE_LIMIT = 1.0  # the same for a whole text
SLOWER = 20  # factor that a busy machine may take longer
TRIES = 2  # something else may stop or kill a renderer
TOO_MUCH = {signal.SIGPROF, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL}
REMEMBERED = 1_000  # texts that took too long, not retried at each view


class TooMuch(Exception):
    """The text takes too much time or memory."""


class Renderer:
    """One rendering process, started when needed and restarted when a text has ended it.

    It renders one text at a time; other callers wait.
    """

    def __init__(self, name: str, limit: float) -> None:
        self._name, self._limit = name, limit
        self._lock = Lock()
        self._process: subprocess.Popen | None = None
        self._connection: Connection | None = None
        self._threads = ThreadPoolExecutor(1, f"renderer-{name}")
        atexit.register(self.close)

    def start(self) -> None:
        """Start it early: that takes a tenth of a second."""
        if self._lock.acquire(blocking=False):
            try:
                self._begin()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._process is not None:
                self._end()

    def run(self, task: str, argument: Any) -> Any:
        """The result of one of `worker.TASKS`. For threads. Raises TooMuch."""
        request = msgspec.msgpack.encode((task, argument))
        with self._lock:
            for _ in range(TRIES):
                if (result := self._ask(request)) is not None:
                    return result
        raise TooMuch

    async def in_thread(self, work: Callable[P, T], *args: P.args) -> T:
        """Run `work`, which calls this renderer, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    def _ask(self, request: bytes) -> Any:
        """None if something else ended it. Raises TooMuch."""
        self._begin()
        try:
            self._connection.send_bytes(request)
            if not self._connection.poll(self._limit * SLOWER):
                self._process.kill()
                raise TimeoutError
            result = msgspec.msgpack.decode(self._connection.recv_bytes())
        except (OSError, EOFError):
            ended = self._end()
            self._begin()  # ready for the next text
            if -ended in TOO_MUCH:
                logger.warning("A renderer (%s) was ended by a text.", self._name)
                raise TooMuch from None
            logger.warning("A renderer (%s) ended by itself: %d.", self._name, ended)
            return None
        if result is None:
            raise TooMuch
        return result

    def _begin(self) -> None:
        if self._process is not None:
            return
        self._connection, theirs = Pipe()
        module, paths = f"{__package__}.worker", filter(None, sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno()), str(self._limit)],
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "RUST_BACKTRACE": "0"},
        )
        theirs.close()

    def _end(self) -> int:
        """The exit status, once it is gone."""
        process, self._process = self._process, None
        self._connection.close()
        try:
            return process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


_growing = Renderer("growing", GROWING_LIMIT)
_whole = Renderer("whole", WHOLE_LIMIT)
_too_much: OrderedDict[bytes, tuple[str, ...]] = OrderedDict()  # texts, and the tasks left to try


def start() -> None:
    """Something will be rendered soon."""
    _growing.start()
    _whole.start()


def is_quick(text: str) -> bool:
    """Whether `text` renders within a millisecond."""
    return len(text) < QUICK and not markup.is_laborious(text) and not markup.is_costly(text)


def page(text: str) -> SafeString:
    """All of `text` as HTML, as rich as time allows. For threads, unless it is quick."""
    if is_quick(text):
        return markup.page(text)
    key = hashlib.blake2b(text.encode(), digest_size=16).digest()
    for task in _too_much.get(key, ("page", "page without colors")):
        try:
            return mark_safe(_whole.run(task, text))
        except TooMuch:
            _remember(key, task)
    return markup.plain(text)


def _remember(key: bytes, failed: str) -> None:
    """Later views of this text do not retry what took too long."""
    _too_much[key] = ("page without colors",) if failed == "page" else ()
    if len(_too_much) > REMEMBERED:
        _too_much.popitem(last=False)


async def page_in_loop(text: str) -> SafeString:
    """`page`, for the event loop."""
    return markup.page(text) if is_quick(text) else await _whole.in_thread(page, text)


async def blocks(text: str, *, is_complete: bool) -> list[tuple[int, str]]:
    """`markup.positioned_blocks` of a text, closed while it grows. Raises TooMuch."""
    if len(text) <= GROWING_QUICK:
        return markup.positioned_blocks(text if is_complete else markup.closed(text))
    task = "blocks" if is_complete else "growing blocks"
    return await _growing.in_thread(_growing.run, task, text)


async def highlighted(finished: list[str]) -> list[str]:
    """Finished blocks with their code highlighted; unchanged if that takes too long."""
    if not any(map(markup.is_to_highlight, finished)):
        return finished
    try:
        return await _growing.in_thread(_growing.run, "highlight", finished)
    except TooMuch:
        return finished
