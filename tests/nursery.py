"""Processes of the site, forked from one that has loaded the libraries.

Loading them costs a processor two seconds, and the tests start a hundred processes. What is the
site's own, its settings and its code, each of them loads itself, in the environment it is given.
`python -m tests.nursery` is the process that they are forked from; it ends with who began it.
"""

import atexit
import importlib
import os
import runpy
import signal
import subprocess
import sys
import time
from functools import cache
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = (  # those that take long, and start neither a thread nor an event loop
    "openai",
    "aiohttp",
    "psycopg_pool",
    "autobahn.twisted.websocket",
    "django.contrib.admin",
    "django.core.management.commands.migrate",
)
LOOK = 0.02  # seconds between two looks whether a process has ended


class Process:
    """`python` with some arguments at the project's root, as `subprocess.Popen` has it. What it
    says is added to the file `log`."""

    def __init__(self, arguments, environment, log):
        self._ask = nursery().ask
        self.pid = self._ask("fork", arguments, environment, str(log))
        self.returncode = None

    def poll(self):
        if self.returncode is None:
            self.returncode = self._ask("returncode", self.pid)
        return self.returncode

    def wait(self, timeout=float("inf")):
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(LOOK)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that they are forked from, for one question at a time."""

    def __init__(self):
        self._lock = Lock()
        self._link, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        atexit.register(self.close)

    def ask(self, *question):
        with self._lock:
            self._link.send(question)
            return self._link.recv()

    def close(self):
        self._link.close()
        self._process.wait()


nursery = cache(Nursery)


# In the process that they are forked from


def serve(link):
    """Answers until nobody is left who could ask. In each process that is forked it returns at
    once, with the arguments of `python`."""
    while True:
        try:
            name, *arguments = link.recv()
        except EOFError:
            return None
        if name == "returncode":
            link.send(_returncode(*arguments))
        elif pid := os.fork():
            link.send(pid)
        else:
            link.close()
            return _settle_in(*arguments)


def _returncode(pid):
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _settle_in(arguments, environment, log):
    os.environ.clear()
    os.environ.update(environment)
    sys.path[1:1] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(file, stream.fileno())
    os.close(file)
    return arguments


def run(arguments):
    """As `python` would do with them: `-m` and a module, or a file, and what is for that."""
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    if arguments := serve(Connection(int(sys.argv[1]))):
        run(arguments)
