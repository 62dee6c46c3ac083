"""The whole site as its operator runs it: real processes on one database, and people who use it.

For the tests that need more than one process, or one that dies.
"""

import atexit
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from .database import SERVER, Database
from .link import Link
from .nursery import ROOT, Process

PORTS = range(20_000, 32_000)  # below those that the kernel gives to clients
STARTS = 120.0  # seconds
PASSWORD = "correct horse"
LOG_IN = """
from uuid import uuid4
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
for _ in range({}):
    person, session = get_user_model().objects.create(username=uuid4().hex), SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    print(session.session_key)
"""
RUNNING = ("waiting", "streaming")


class Site(Database):
    """One database, any number of daphne processes. Leaves nothing behind.

    On PostgreSQL each process may have a link of its own, which can fail, to the database or to the
    `server` that stands before it, an address and a port.
    """

    def __init__(
        self, double, directory, *, postgres=False, linked=False, server=None, **environment
    ):
        self.directory = Path(directory)
        self.database = f"parley_{uuid.uuid4().hex}" if postgres else None
        self.processes = {}
        self.links = {}  # by the port of their process
        self._idle = {}  # by the process's id
        self._sessions = {}  # of those who have logged in, by their name
        self._linked, self._server = linked and postgres, server or SERVER
        (self.directory / "static").symlink_to(_static_files())
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "DATA_DIR": str(self.directory),
            "OPENAI_BASE_URL": double.base_url,
            "OPENAI_API_KEY": "sk-the-sites-secret",
            "CHAT_MODELS": "double-1,double-2",
            "CHAT_MESSAGES_PER_MINUTE": "100000",
            "CHAT_RUNNING_PER_USER": "1000",
            "CHAT_READERS_PER_USER": "2000",
            "DATABASE_POOL": "9",  # many sites of many tests share one server
            "CHAT_TITLES": "off",  # only the replies' own requests
            "DJANGO_SUPERUSER_USERNAME": "admin",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            **environment,
        }
        if postgres:
            self.environment["DATABASE_URL"] = self._url(self._server[1])
            self.sql(f"CREATE DATABASE {self.database}", database="postgres")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for port in list(self.processes):
            self.kill(port)
        for link in self.links.values():
            link.__exit__()
        if self.database:
            self.sql(f"DROP DATABASE {self.database} WITH (FORCE)", database="postgres")

    def start(self, port=None, *, forked=True, **environment):
        """Starts a process, with an `environment` beside the site's, and waits until it answers;
        its port. One that is not `forked` has all of its memory to itself, as an operator's."""
        port = port or free_port()
        if self._linked:
            self.links[port] = self.links.get(port) or Link(self._server).__enter__()
            environment = {"DATABASE_URL": self._url(self.links[port].port)} | environment
        self._begin(port, ["manage.py", "start", "--port", str(port)], environment, forked)
        self._wait_until_up(port)
        return port

    def _begin(self, port, arguments, environment, forked=True):
        environment, log = self.environment | environment, self.directory / f"{port}.log"
        if forked:
            self.processes[port] = Process(arguments, environment, log)
            return
        with log.open("a") as file:
            self.processes[port] = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=file, stderr=file
            )

    def _url(self, port):
        return f"postgres://postgres@{SERVER[0]}:{port}/{self.database}"

    def _wait_until_up(self, port):
        deadline = time.monotonic() + STARTS
        while time.monotonic() < deadline:
            if self.processes[port].poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return
            except OSError:
                time.sleep(0.05)
        self.kill(port)
        raise AssertionError(f"process {port} did not start:\n{self.log()}")

    def person(self, port, name="admin"):
        """Somebody who is logged in: with a password the first time, then with what that gave."""
        if name not in self._sessions:
            self._sessions[name] = Person(port, name).cookies["sessionid"]
        return Person(port, session=self._sessions[name])

    def people(self, count, port):
        """So many people who have logged in."""
        keys = self.shell(LOG_IN.format(count)).split()
        return [Person(port, session=key) for key in keys]

    def shell(self, code):
        """What some code of Django's shell says."""
        said = self.directory / f"{uuid.uuid4()}.txt"
        command = ["manage.py", "shell", "--no-imports", "-c", code]
        assert Process(command, self.environment, said).wait(STARTS) == 0, said.read_text()
        return said.read_text()

    def signal(self, port, number):
        self.processes[port].send_signal(number)

    def kill(self, port):
        """kill -9, and wait until it is dead."""
        process = self.processes.pop(port)
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()

    def wait_exit(self, port, timeout=10):
        """The exit status of a process that was told to leave."""
        return self.processes.pop(port).wait(timeout)

    def log(self, since=None):
        """What the processes have logged, all of it or `since` what `log_sizes` said."""
        since = since or {}
        logs = sorted(self.directory.glob("*.log"))
        return "".join(path.read_text()[since.get(path, 0) :] for path in logs)

    def log_sizes(self):
        return {path: len(path.read_text()) for path in self.directory.glob("*.log")}

    def threads(self, port):
        status = Path(f"/proc/{self.processes[port].pid}/status").read_text()
        return int(re.search(r"Threads:\s+(\d+)", status)[1])

    def memory(self, port):
        """Resident memory in KB."""
        status = Path(f"/proc/{self.processes[port].pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def peak(self, port):
        """The most memory in KB that was resident since `forget_peak`, of the process and of each
        that it has begun."""
        pid = self.processes[port].pid
        begun = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        statuses = [Path(f"/proc/{each}/status").read_text() for each in sum(begun, [str(pid)])]
        return max(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) for status in statuses)

    def forget_peak(self, port):
        Path(f"/proc/{self.processes[port].pid}/clear_refs").write_text("5")  # proc(5)

    def files(self, port):
        return len(list(Path(f"/proc/{self.processes[port].pid}/fd").iterdir()))

    def idle_figures(self, port):
        """Threads and files of a process when this was first asked."""
        now = self.threads(port), self.files(port)
        return self._idle.setdefault(self.processes[port].pid, now)


@cache
def _static_files():
    """A directory for all sites of this process: they are collected once."""
    directory = tempfile.TemporaryDirectory(prefix="parley-static-")
    atexit.register(directory.cleanup)
    return directory.name


def free_port():
    """One at random: several runs of the tests may look for one at the same time."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = random.choice(PORTS)
            probe.bind(("127.0.0.1", port))
            return port


class Person:
    """A logged-in person with a cookie jar. Every call may go to another process."""

    def __init__(self, port, name="admin", password=PASSWORD, session=None):
        self.port, self.cookies = port, {}
        if session:
            self.cookies = {"sessionid": session, "csrftoken": "c" * 32}
            return
        self.request("GET", "/accounts/login/")
        status, _ = self.post("/accounts/login/", username=name, password=password)
        assert status == 302, "could not log in"

    def request(self, method, path, body=None, *, port=None, timeout=60, **headers):
        """Status and body."""
        link = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            link.request(method, path, body, self.headers() | headers)
            response = link.getresponse()
            for cookie in response.headers.get_all("Set-Cookie", []):
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return response.status, response.read()
        finally:
            link.close()

    def headers(self):
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": jar, "X-CSRFToken": self.cookies.get("csrftoken", "")}

    def post(self, path, *, port=None, accept="text/html", **fields):
        """Sends a form; status and body."""
        kind = "application/x-www-form-urlencoded"
        body = urlencode(fields)
        return self.request(
            "POST", path, body, port=port, **{"Content-Type": kind, "Accept": accept}
        )

    def ask(self, message, path="/chat/", *, port=None, **fields):
        """Sends a message; what the site says of it."""
        status, body = self.post(
            path, port=port, accept="application/json", message=message, **fields
        )
        assert status == 201, (status, body[:300])
        return json.loads(body) | {"said": message}

    def reply(self, asked, *, port=None):
        """The reply as it is stored."""
        status, body = self.request("GET", asked["reply"]["url"], port=port)
        assert status == 200, (status, body[:300])
        return json.loads(body)

    def stop(self, asked, *, port=None):
        status, _ = self.post(asked["reply"]["stop"], port=port, accept="application/json")
        assert status == 200

    def wait_settled(self, asked, *, port=None, timeout=60):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            reply = self.reply(asked, port=port)
            if reply["state"] not in RUNNING:
                return reply
            time.sleep(0.1)
        raise AssertionError(f"still {reply['state']} after {timeout} s")
