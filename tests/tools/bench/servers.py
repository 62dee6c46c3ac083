"""The processes of the benchmark: the provider double, the reference, and Parley."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .database import Postgres, Sqlite
from .load import HOST, PageRoad, ProgramRoad, ReferenceRoad, Road
from .provider import MODEL

ROOT = Path(__file__).resolve().parents[3]
FIRST_PORT, LAST_PORT = 21_000, 32_000  # below those that the kernel gives to clients
START = 60.0  # seconds until a server must accept connections
STOP = 15.0  # seconds until it must be gone
SECRET = "b" * 50
UNLIMITED = "1000"


@dataclass
class Cores:
    """Which core the server gets, and which one the load and the provider share."""

    server: int
    load: int

    @classmethod
    def choose(cls) -> "Cores":
        cores = sorted(os.sched_getaffinity(0))
        return cls(cores[0], cores[-1])


@dataclass
class Server:
    """A running server: where it listens, and how readers get a reply from it."""

    name: str
    pid: int
    port: int
    road: Road


def free_port() -> int:
    start = FIRST_PORT + os.getpid() % 1_000 * 10
    for port in range(start, LAST_PORT):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, port))
                return port
    raise RuntimeError("no free port")


@contextmanager
def provider(core: int) -> Iterator[int]:
    """The provider double; its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.tools.bench.provider", "--port", str(port)]
    with _running(command, port, core, {}):
        yield port


@contextmanager
def reference(provider_port: int, core: int) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.tools.bench.reference:app"]
    command += ["--host", HOST, "--port", str(port), "--log-level", "warning", "--no-access-log"]
    with _running(command, port, core, _provider_settings(provider_port)) as pid:
        yield Server("reference", pid, port, ReferenceRoad())


@contextmanager
def parley(
    site: "Site", provider_port: int, core: int, *, html: bool = False, port: int = 0
) -> Iterator[Server]:
    port = port or free_port()
    command = [sys.executable, "manage.py", "start", "--port", str(port)]
    settings = site.settings | _provider_settings(provider_port)
    with _running(command, port, core, settings) as pid:
        site.database.keep_off(core)
        road = (PageRoad if html else ProgramRoad)(port, site.people)
        yield Server("Parley", pid, port, road)


class Site:
    """What the Parley processes of a run share: the database, its people, the settings."""

    def __init__(self, database: Sqlite | Postgres, directory: Path) -> None:
        self.database = database
        self.settings = {
            "DATABASE_URL": database.url,
            "DATA_DIR": str(directory),
            "SECRET_KEY": SECRET,
            "SITE_URL": "http://127.0.0.1:8000",
            "DEBUG": "off",
            "LOG_LEVEL": "WARNING",
            "CHAT_MODELS": MODEL,
            "CHAT_MESSAGES_PER_MINUTE": UNLIMITED,
            "CHAT_RUNNING_PER_USER": UNLIMITED,
            "CHAT_READERS_PER_USER": UNLIMITED,
            "CHAT_TITLES": "off",  # the reference makes none
        }
        self.people: list[str] = []  # their sessions; the last one is of the staff

    def seed(self, *what: str) -> list[str]:
        """Have `tests.tools.bench.seed` put something into the database; what it says."""
        command = [sys.executable, "-m", "tests.tools.bench.seed", *what]
        done = subprocess.run(command, cwd=ROOT, env=_env(self.settings), stdout=subprocess.PIPE)
        done.check_returncode()
        return json.loads(done.stdout)

    def let_in(self, people: int) -> None:
        """Migrate, and make people who are logged in."""
        self.people = self.seed("people", str(people))


def _provider_settings(port: int) -> dict[str, str]:
    return {"OPENAI_BASE_URL": f"http://{HOST}:{port}/v1", "OPENAI_API_KEY": "bench"}


def _env(settings: dict[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
    return own | settings


@contextmanager
def _running(command: list[str], port: int, core: int, settings: dict[str, str]) -> Iterator[int]:
    """A process on one core, from its first accepted connection on; its id."""

    def pin() -> None:
        os.sched_setaffinity(0, {core})

    running = subprocess.Popen(
        command, cwd=ROOT, env=_env(settings), stdout=subprocess.DEVNULL, preexec_fn=pin
    )
    try:
        _wait_for(port, running)
        yield running.pid
    finally:
        running.terminate()
        try:
            running.wait(STOP)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _wait_for(port: int, running: subprocess.Popen) -> None:
    deadline = time.monotonic() + START
    while running.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{' '.join(running.args)} did not start")
