"""The renderer process: text to HTML, until a text kills it.

    python -m chat.markup.worker FD SECONDS

FD is a socket of `multiprocessing.connection`. Each request is a task's name and its argument; the
answer is a result, or None if memory ran out. A text that takes more than SECONDS of CPU time ends
the process, as does one that overflows the stack: Pygments' regexes and comrak's recursion cannot
be interrupted from within.
"""

import os
import resource
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

import msgspec
from django.utils.safestring import SafeString

from chat import markup

MEMORY = 256 * 1024 * 1024  # bytes
NICENESS = 5  # the event loop goes first

TASKS = {
    "page": markup.page,
    "page without colors": lambda text: markup.wrap(markup.blocks(text)),
    "blocks": markup.positioned_blocks,
    "growing blocks": lambda text: markup.positioned_blocks(markup.closed(text)),
    "highlight": lambda blocks: list(map(markup.Highlighting(), blocks)),
}


def serve(connection: Connection, limit: float) -> None:
    """Answer requests until the site is gone."""
    with suppress(EOFError, OSError):
        while True:
            _answer(connection, limit)


def _answer(connection: Connection, limit: float) -> None:
    task, argument = msgspec.msgpack.decode(connection.recv_bytes())
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        result = TASKS[task](argument)
    except MemoryError:
        result = None
    signal.setitimer(signal.ITIMER_PROF, 0)
    connection.send_bytes(msgspec.msgpack.encode(result, enc_hook=_plain))


def _plain(safe: SafeString) -> str:
    return safe + ""


def main() -> None:
    for ending in (signal.SIGINT, signal.SIGTERM):  # meant for the site, which still needs us
        signal.signal(ending, signal.SIG_IGN)
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(Connection(int(sys.argv[1])), float(sys.argv[2]))


if __name__ == "__main__":
    main()
