"""The whole site as its operator runs it: real processes on one database, and people who use it.

For the tests that need more than one process, or one that dies.
"""

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import psycopg

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = "postgresql://postgres@127.0.0.1:5432"
PORTS = range(20_000, 32_000)  # below those that the kernel gives to clients
STARTS = 120.0  # seconds
PASSWORD = "correct horse"
RUNNING = ("waiting", "streaming")


class Site:
    """One database, any number of daphne processes. Leaves nothing behind."""

    def __init__(self, double, directory, *, postgres=False, **environment):
        self.directory = Path(directory)
        self.database = f"parley_{uuid.uuid4().hex}" if postgres else None
        self.processes = {}
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "DATA_DIR": str(self.directory),
            "OPENAI_BASE_URL": double.base_url,
            "OPENAI_API_KEY": "sk-the-sites-secret",
            "CHAT_MODELS": "double-1,double-2",
            "CHAT_MESSAGES_PER_MINUTE": "100000",
            "CHAT_RUNNING_PER_USER": "1000",
            "CHAT_READERS_PER_USER": "2000",
            "CHAT_TITLES": "off",  # only the replies' own requests
            "DJANGO_SUPERUSER_USERNAME": "admin",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            **environment,
        }
        if postgres:
            self.environment["DATABASE_URL"] = f"{POSTGRES}/{self.database}"
            self.sql(f"CREATE DATABASE {self.database}", database="postgres")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for port in list(self.processes):
            self.kill(port)
        if self.database:
            self.sql(f"DROP DATABASE {self.database} WITH (FORCE)", database="postgres")

    def start(self, port=None):
        """Starts a process and waits until it answers; its port."""
        port = port or free_port()
        command = [sys.executable, "manage.py", "start", "--port", str(port)]
        with (self.directory / f"{port}.log").open("a") as log:
            self.processes[port] = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        self._wait_until_up(port)
        return port

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
        raise AssertionError(f"process {port} did not start:\n{self.log()}")

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

    def log(self):
        return "".join(path.read_text() for path in sorted(self.directory.glob("*.log")))

    def threads(self, port):
        status = Path(f"/proc/{self.processes[port].pid}/status").read_text()
        return int(re.search(r"Threads:\s+(\d+)", status)[1])

    def memory(self, port):
        """Resident memory in KB."""
        status = Path(f"/proc/{self.processes[port].pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def files(self, port):
        return len(list(Path(f"/proc/{self.processes[port].pid}/fd").iterdir()))

    def sql(self, query, *, database=None):
        """Rows of a query, for what only the database can tell or do."""
        if self.database is None:
            return self._sqlite(query)
        with psycopg.connect(f"{POSTGRES}/{database or self.database}", autocommit=True) as link:
            cursor = link.execute(query)
            return cursor.fetchall() if cursor.description else []

    def _sqlite(self, query):
        import sqlite3

        link = sqlite3.connect(self.directory / "db.sqlite3", timeout=30)
        try:
            rows = link.execute(query).fetchall()
            link.commit()
            return rows
        finally:
            link.close()

    def lock(self):
        """Takes the database away from everybody else; call what it returns to give it back."""
        if self.database:
            link = psycopg.connect(f"{POSTGRES}/{self.database}")
            link.execute("LOCK TABLE chat_piece, chat_message IN ACCESS EXCLUSIVE MODE")
        else:
            import sqlite3

            link = sqlite3.connect(self.directory / "db.sqlite3", timeout=30, isolation_level=None)
            link.execute("BEGIN IMMEDIATE")
        return lambda: (link.rollback(), link.close())

    def shut_out(self):
        """As if PostgreSQL were gone; call what it returns to bring it back."""
        order = f"ALTER DATABASE {self.database} ALLOW_CONNECTIONS "
        self.sql(order + "false", database="postgres")
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{self.database}'",
            database="postgres",
        )
        return lambda: self.sql(order + "true", database="postgres")


def free_port():
    """One at random: several runs of the tests may look for one at the same time."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = random.choice(PORTS)
            probe.bind(("127.0.0.1", port))
            return port


class Person:
    """A logged-in person with a cookie jar. Every call may go to another process."""

    def __init__(self, port, name="admin", password=PASSWORD):
        self.port, self.cookies = port, {}
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
        return json.loads(body)

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


class Follower(threading.Thread):
    """Reads a reply as the page does: comes back after every break, at the next process in turn."""

    def __init__(self, person, asked, ports=None, *, frames_a_visit=None):
        super().__init__(daemon=True)
        self.text, self.end, self.visits, self.errors = "", None, 0, []
        self.arrivals = []  # time of each frame
        self.grown = threading.Event()
        self._person, self._url = person, asked["reply"]["events"]
        self._ports, self._frames = ports or [person.port], frames_a_visit
        self._offset, self._gone = "", False
        self.start()

    def run(self):
        while self.end is None and not self._gone:
            port = self._ports[self.visits % len(self._ports)]
            self.visits += 1
            try:
                self._visit(port)
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
            if self.end is None:
                time.sleep(0.1)

    def _visit(self, port):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        resume = {"Last-Event-ID": self._offset} if self._offset else {}
        try:
            link.request("GET", self._url, headers=self._person.headers() | resume)
            response = link.getresponse()
            if response.status != 200:
                self.errors.append(response.status)
                return
            self._read(response)
        finally:
            link.close()

    def _read(self, response):
        event, offset, frames = "", "", 0
        while not self._gone and (line := response.readline()):
            field, _, value = line.decode("ascii").rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                offset = value
            elif field == "event":
                event = value
            elif field == "data" and event == "end":
                data = json.loads(value)
                self.end = data if data["state"] not in RUNNING else None
                return
            elif field == "data":
                self.text += json.loads(value)["content"]
                self._offset = offset
                self.arrivals.append(time.monotonic())
                self.grown.set()
                frames += 1
                if frames == self._frames:
                    return
            elif not line.strip():
                event = ""

    def leave(self):
        self._gone = True

    def wait_end(self, timeout=60):
        """How the reply ended."""
        self.join(timeout)
        assert self.end, (
            f"no end after {timeout} s; {len(self.text)} characters, {self.errors[-5:]}"
        )
        return self.end

    def longest_gap(self):
        """Seconds between two frames."""
        return max(
            (b - a for a, b in zip(self.arrivals, self.arrivals[1:], strict=False)), default=0
        )
