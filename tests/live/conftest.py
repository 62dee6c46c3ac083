"""A real daphne on a real database, and people who are logged in to it."""

import asyncio
import json
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from django.db import connection

from ..double import ProviderDouble
from ..site import Site, free_port

SECRET_KEY = "a key for tests that is not secret at all, but is long"
CSRF_TOKEN = "c" * 32
TURNS = 10  # of the loop, in which it ends what is closed
PREPARE = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import get_user_model, BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management import call_command

call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
keys = {}
for name in ("ana", "ben"):
    user = get_user_model().objects.create_user(name)
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    keys[name] = session.session_key
print(json.dumps(keys))
"""


class LiveSite(Site):
    """A site that is ready to be started as often as one likes: `daphne project.asgi:application`.

    Made from a template, so that it is migrated once in a session.
    """

    def __init__(self, double, directory, *, template=None, **environment):
        self.template = template
        postgres = connection.vendor == "postgresql"
        super().__init__(double, directory, postgres=postgres, SECRET_KEY=SECRET_KEY, **environment)
        self.sessions = template.sessions if template else json.loads(self.shell(PREPARE))
        if template and not postgres:
            shutil.copy(template.directory / "db.sqlite3", self.directory)

    def sql(self, query, *, database=None):
        if self.template and query.startswith("CREATE DATABASE"):
            query += f" TEMPLATE {self.template.database}"
        return super().sql(query, database=database)

    def start(self, port=None):
        """Starts a process and waits until it listens; its port."""
        port = port or free_port()
        command = ["-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0"]
        self._begin(port, [*command, "project.asgi:application"], {})
        self._wait_until_up(port)
        return port

    def cookies(self, name="ana"):
        return f"sessionid={self.sessions[name]}; csrftoken={CSRF_TOKEN}"

    @asynccontextmanager
    async def login(self, name="ana", port=None):
        """An HTTP client with the cookies of somebody who is logged in. All of its connections are
        closed at the end, also those that the server is just closing."""
        headers = {"Cookie": self.cookies(name), "X-CSRFToken": CSRF_TOKEN}
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port or next(iter(self.processes))}",
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(30),
        ) as client:
            yield client
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def connections(self, port):
        """How many connections to the database a process has."""
        if self.database:
            query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}'"
            return self.sql(query, database="postgres")[0][0]
        links = Path(f"/proc/{self.processes[port].pid}/fd").iterdir()
        return [link.readlink() for link in links].count(self.directory / "db.sqlite3")


@pytest.fixture(scope="session")
def live_double():
    with ProviderDouble() as double:
        yield double


@pytest.fixture
def double(live_double):
    yield live_double
    live_double.clear()


@pytest.fixture(scope="session")
def template(live_double, tmp_path_factory):
    with LiveSite(live_double, tmp_path_factory.mktemp("template")) as site:
        yield site


@pytest.fixture(scope="module")
def site(live_double, template, tmp_path_factory):
    """One process, for tests that leave it running."""
    directory = tmp_path_factory.mktemp("site")
    limits = {"CHAT_READERS_PER_USER": "30"}
    with LiveSite(live_double, directory, template=template, **limits) as site:
        site.start()
        yield site
        assert "Traceback" not in site.log(), site.log()


@pytest.fixture
async def ana(site):
    async with site.login("ana") as client:
        yield client
