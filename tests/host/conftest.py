"""The chat as others have it: a wheel, in a site that is not Parley, under several servers."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from ..double import ProviderDouble
from ..site import PASSWORD, ROOT, Person, Site, free_port

HERE = Path(__file__).resolve().parent
CHAT = "/town/hall/assistant/"
EMAIL = "ana@town.example"
SERVERS = {
    "daphne": ["daphne", "-b", "127.0.0.1", "-v", "0", "elsewhere.asgi:application"],
    "uvicorn": ["uvicorn", "--log-level", "warning", "elsewhere.asgi_with_lifespan:application"],
}
PREPARE = f"""
import importlib.util
import django
django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
import chat
assert importlib.util.find_spec("project") is None
call_command("check", fail_level="WARNING")
call_command("migrate", database="town", verbosity=0)
call_command("makemigrations", check_changes=True, verbosity=0)
get_user_model().objects.create_superuser({EMAIL!r}, {PASSWORD!r})
print(chat.__file__)
"""


class Elsewhere(Site):
    """The other site; it has a server's name for each of its processes."""

    def start(self, server, port=None):
        port = port or free_port()
        command = [sys.executable, "-m", *SERVERS[server], "--port", str(port)]
        with (self.directory / f"{port}.log").open("a") as log:
            self.processes[port] = subprocess.Popen(
                command, cwd=self.directory, env=self.environment, stdout=log, stderr=log
            )
        self._wait_until_up(port)
        return port

    def prepare(self):
        """Where the chat that it uses has come from."""
        made = subprocess.run(
            [sys.executable, "-c", PREPARE],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
        return Path(made.stdout.split()[-1])


class Visitor(Person):
    """Somebody who has come in by the site's own login."""

    def __init__(self, port):
        self.port, self.cookies = port, {}
        self.request("GET", "/come-in/")
        status, _ = self.post("/come-in/", username=EMAIL, password=PASSWORD)
        assert status == 302

    def ask(self, message):
        return super().ask(message, CHAT)


def pip(*arguments, cwd):
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([sys.executable, "-m", "pip", *arguments, *quiet], cwd=cwd, check=True)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("chat", "project"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip("wheel", ".", "--no-build-isolation", "--wheel-dir", "dist", cwd=source)
    return next(source.glob("dist/*.whl"))


@pytest.fixture(scope="session")
def running_double():
    with ProviderDouble() as double:
        yield double


@pytest.fixture
def double(running_double):
    yield running_double
    running_double.clear()


@pytest.fixture(scope="session")
def site(wheel, running_double, tmp_path_factory):
    packages = tmp_path_factory.mktemp("packages")
    pip("install", "--target", packages, wheel, cwd=packages)
    environment = {
        "PYTHONPATH": f"{packages}:{HERE}",
        "DJANGO_SETTINGS_MODULE": "elsewhere.settings",
    }
    directory, postgres = tmp_path_factory.mktemp("elsewhere"), connection.vendor == "postgresql"
    with Elsewhere(running_double, directory, postgres=postgres, **environment) as site:
        assert site.prepare().is_relative_to(packages)
        yield site


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    return request.param


@pytest.fixture(scope="module")
def port(site, server):
    """One process, under each kind of server."""
    port = site.start(server)
    yield port
    if port in site.processes:
        site.kill(port)
    assert "Traceback" not in site.log(), site.log()


@pytest.fixture
def person(visitors, site, port):
    if port not in visitors:
        visitors[port] = Visitor(port)
    return visitors[port]


@pytest.fixture(scope="session")
def visitors():
    """Those who have come in, by the port of the process; to come in costs half a second."""
    return {}
