"""Where the time goes: py-spy looks at a server under load, and its stacks are put into words."""

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path

from uvloop import run

from . import process
from .load import crowd
from .measures import Bench
from .provider import Directions
from .servers import Server

RATE = 250  # samples a second
SECONDS = 8.0
SHOWN = 16  # consumers
WAIT = 60.0  # seconds for py-spy to write down what it saw
PY_SPY = Path(sys.executable).with_name("py-spy")

# The innermost frame of a stack that fits decides what the time went into.
WORDS = (
    ("sqlite3/base.py", "SQLite itself (and its commits)"),
    ("psycopg", "PostgreSQL driver"),
    ("django/db", "Django's ORM: building queries and objects"),
    ("django/contrib/sessions", "sessions and authentication"),
    ("django/contrib/auth", "sessions and authentication"),
    ("django/core/handlers", "Django: request handling, middleware, URLs"),
    ("django/middleware", "Django: request handling, middleware, URLs"),
    ("django/urls", "Django: request handling, middleware, URLs"),
    ("django/http", "Django: request handling, middleware, URLs"),
    ("csp/", "Django: request handling, middleware, URLs"),
    ("django/forms", "Django: forms"),
    ("django/template", "Django: templates"),
    ("django/utils", "Django: the rest"),
    ("asgiref", "asgiref: hops between threads and the loop"),
    ("concurrent/futures", "threads: handing work over"),
    ("threading.py", "threads: handing work over"),
    ("daphne", "daphne: HTTP to the readers"),
    ("twisted", "Twisted: HTTP and sockets to the readers"),
    ("autobahn", "Twisted: HTTP and sockets to the readers"),
    ("uvicorn", "uvicorn: HTTP to the readers"),
    ("starlette", "starlette, FastAPI"),
    ("fastapi", "starlette, FastAPI"),
    ("aiohttp", "aiohttp: HTTP from the provider"),
    ("openai/_models", "openai: typed chunks"),
    ("pydantic", "openai: typed chunks"),
    ("openai/_streaming", "openai: its event stream"),
    ("openai", "openai: building requests, responses"),
    ("httpx", "httpx below the openai client"),
    ("httpcore", "httpx below the openai client"),
    ("h11", "httpx below the openai client"),
    ("chat/provider", "provider: reading and decoding deltas"),
    ("chat/sse", "event-stream format"),
    ("chat/engine/generation", "generation"),
    ("chat/engine/journal", "journal"),
    ("chat/engine/lanes", "the engine's lanes"),
    ("chat/engine/following", "readers: following"),
    ("chat/engine/readers", "readers: following"),
    ("chat/views/streams", "readers: the stream's views"),
    ("chat/views", "views"),
    ("chat/markup", "Markdown"),
    ("comrak", "Markdown"),
    ("pygments", "Markdown"),
    ("chat/", "Parley: the rest"),
    ("project/", "the guard and static files"),
    ("json/", "JSON"),
    ("asyncio", "the event loop: tasks, timers, timeouts"),
    ("uvloop", "the event loop: tasks, timers, timeouts"),
)
# Innermost frames of threads that wait, which py-spy at times takes for busy.
IDLE = re.compile(r"(^|\.)(_work|_worker|select|wait|_wait_for_tstate_lock) \(")
# daphne's loop is the innermost frame while C code runs, and while nothing does.
IN_C = "asyncioreactor.py"
LOOP = "the event loop in C: polling, receiving, timers"

Stacks = Counter[tuple[str, ...]]


def profile(bench: Bench, name: str, count: int) -> str:
    """The largest consumers while `count` replies stream."""
    directions = Directions(deltas=int((SECONDS + 3) * 50))
    with bench.server(name) as server:
        work = crowd(server.port, server.road, count, directions)
        seen = run(_record(server, work, after=2.5))
    return _in_words(f"{name}, {count} streams", *seen)


def profile_messages(bench: Bench) -> str:
    """The largest consumers of POST, provider request, short reply and settling."""
    with bench.server("parley") as server:
        seen = run(_record(server, _messages(server), after=0.5))
    return _in_words("parley, messages with replies of two deltas, 4 at a time", *seen)


async def _messages(server: Server) -> None:
    end = asyncio.get_running_loop().time() + SECONDS + 2
    while asyncio.get_running_loop().time() < end:
        await crowd(server.port, server.road, 4, Directions(2, after=0.0), ramp=0.02)


async def _record(server: Server, work: Awaitable, after: float) -> tuple[Stacks, float]:
    """What py-spy saw, and the share of a core that the server really used."""
    loading = asyncio.ensure_future(work)
    await asyncio.sleep(after)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "stacks"
        options = {
            "--pid": server.pid,
            "--format": "raw",
            "--duration": round(SECONDS),
            "--rate": RATE,
            "--output": path,
        }
        command = [PY_SPY, "record", "--full-filenames"]
        command += [str(part) for option in options.items() for part in option]
        begun, cpu = time.monotonic(), process.cpu_seconds(server.pid)
        recording = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(SECONDS + WAIT):
            await recording.wait()
        busy = (process.cpu_seconds(server.pid) - cpu) / (time.monotonic() - begun)
        await loading
        return _read(path.read_text()), busy


def _read(text: str) -> Stacks:
    stacks: Stacks = Counter()
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = tuple(stack.split(";"))
        if not IDLE.search(frames[-1]):
            stacks[frames] += int(count)
    return stacks


def _in_words(title: str, stacks: Stacks, busy: float) -> str:
    groups: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for stack, count in stacks.items():
        groups[_group(stack)] += count
        functions[_short(stack[-1])] += count
    del groups[LOOP]  # py-spy cannot tell it from waiting: it is what is missing
    total = max(round(busy * RATE * SECONDS), groups.total())
    groups[LOOP] = total - groups.total()
    lines = [f"{title}: {busy:.0%} of a core"]
    lines += [f"  {n / total:6.1%}  {name}" for name, n in groups.most_common(SHOWN)]
    lines += ["  by function:"]
    lines += [
        f"  {n / total:6.1%}  {name}"
        for name, n in functions.most_common(SHOWN)
        if IN_C not in name
    ]
    return "\n".join(lines)


def _group(stack: tuple[str, ...]) -> str:
    if IN_C in stack[-1]:
        return LOOP
    for frame in reversed(stack):
        for part, words in WORDS:
            if part in frame:
                return words
    return "the rest of Python"


def _short(frame: str) -> str:
    """`function (package/module.py:line)`."""
    function, _, place = frame.partition(" (")
    return f"{function} ({'/'.join(place.split('/')[-2:])}"
