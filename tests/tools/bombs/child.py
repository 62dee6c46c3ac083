"""A process that may be killed: a regular expression cannot be interrupted, nor a full stack."""

import multiprocessing
import resource
import time
from collections.abc import Callable

MEMORY = 2 * 1024**3  # bytes
NEVER = float("inf")


class Child:
    """Measures one call after the other, in seconds of CPU; NEVER where it was killed or died."""

    def __init__(self, work: Callable, limit: float) -> None:
        self._work, self._limit = work, limit
        self._process = None

    def measure(self, *args) -> float:
        if self._process is None:
            self._start()
        self._pipe.send(args)
        try:
            if self._pipe.poll(self._limit):
                return self._pipe.recv()
        except EOFError:
            pass
        self.close()
        return NEVER

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_serve, args=(theirs, self._work))
        self._process.start()
        theirs.close()


def _serve(pipe, work) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        args = pipe.recv()
        begun = time.process_time()
        work(*args)
        pipe.send(time.process_time() - begun)
