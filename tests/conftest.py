"""What all tests share: the database, people, the provider double, and who may be skipped."""

import asyncio
import os
import signal
import threading

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as site_settings
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.db.models.signals import post_migrate
from django.test import AsyncClient, override_settings
from django.utils import translation
from hypothesis import settings as hypothesis

from chat.engine import process as engine_module
from chat.engine.process import close as close_engine
from chat.engine.process import engine as the_engine
from chat.provider import Provider

from .double import ProviderDouble
from .scheduling import Scheduling

KEY = "sk-secret-of-the-site"
THREADS_END = 2.0  # seconds
CLOSES = 10.0  # seconds
USES_DATABASE = {"db", "transactional_db", "new_site", "site"}  # fixtures


# The same examples each time; `--hypothesis-profile=long` looks for new ones.
hypothesis.register_profile(
    "short", derandomize=True, database=None, deadline=None, max_examples=60
)
hypothesis.register_profile("long", database=None, deadline=None, max_examples=20_000)
hypothesis.load_profile("short")


def pytest_addoption(parser):
    help = "how often each kind of fault is tried, each time at another moment"
    parser.addoption("--faults", type=int, default=1, help=help)


def pytest_configure():
    # A shell that starts the tests in the background has SIGINT ignored, for all processes below.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)


def pytest_collection_modifyitems(items):
    """SQLite is no server: what only a server can do is no test there. A server has only tests of
    what uses it: all else, and the page in Chromium, is the same on every database."""
    if connection.vendor == "sqlite":
        items[:] = [item for item in items if not item.get_closest_marker("needs_server")]
    else:
        items[:] = [item for item in items if _uses_the_database(item)]


def _uses_the_database(item):
    marks = {mark.name for mark in item.iter_markers()}
    return {"needs_server", "django_db"} & marks or USES_DATABASE & {*item.fixturenames}


def skip_unless(condition, reason):
    """Skips the test, or fails it in CI, where nothing may pass by not running."""
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and in CI nothing may be skipped")
    pytest.skip(reason)


# The database


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory, django_db_modify_db_settings_parallel_suffix):
    """The engine's threads have connections of their own: SQLite has to be a real file, and some
    tests have two engines, more than one process needs on PostgreSQL."""
    if connection.vendor == "postgresql":
        options = connection.settings_dict["OPTIONS"]
        options["pool"]["max_size"] = 20
        options["options"] = "-c synchronous_commit=off"
    if connection.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(file)
        connection.settings_dict["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """What empties the database after a test does no more than that: it stores no permissions and
    types anew, and PostgreSQL need not make new files for all tables."""
    uid = "django.contrib.auth.management.create_permissions"
    assert post_migrate.disconnect(dispatch_uid=uid)
    assert post_migrate.disconnect(create_contenttypes)
    post_migrate.connect(_forget_types, weak=False)


def _forget_types(**_):
    """Those of a test before are gone, and are made when they are asked for."""
    ContentType.objects.clear_cache()
    if connection.vendor == "postgresql":
        connection.ops.sql_flush = _delete_all


def _delete_all(style, tables, **_):
    return ["; ".join(f'DELETE FROM "{table}"' for table in tables)]


@pytest.fixture
async def database(transactional_db):
    """For async tests: rows that all threads see, and no task or connection left at the end."""
    yield
    await sync_to_async(connections.close_all)()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks that nobody ended: {left}"
    await asyncio.to_thread(_wait_for_threads, ("engine", "journal", "requests", "search", "watch"))


@pytest.fixture
async def engine(database, double):
    """The engine as the site would have it, closed before the next test."""
    yield the_engine()
    try:
        async with asyncio.timeout(CLOSES):
            await close_engine()
    finally:
        engine_module._engine = None  # one that could not be closed is no good for the next test


def _wait_for_threads(names):
    for thread in threading.enumerate():
        if thread.name.startswith(names):
            thread.join(THREADS_END)
            assert not thread.is_alive(), f"the thread {thread.name} did not end"


# People


@pytest.fixture
def user(db):
    return get_user_model().objects.create_user("ana")


@pytest.fixture
def other_user(db):
    return get_user_model().objects.create_user("ben")


@pytest.fixture
def staff(db):
    return get_user_model().objects.create_superuser("sue")


@pytest.fixture
async def aclient(engine, user):
    """Ana's browser."""
    return await _logged_in(user)


@pytest.fixture
async def other_client(engine, other_user):
    """Ben's browser."""
    return await _logged_in(other_user)


@pytest.fixture
def stranger(engine):
    """A browser in which nobody is logged in."""
    return AsyncClient()


async def _logged_in(user):
    client = AsyncClient()
    await sync_to_async(client.force_login)(user)
    return client


# The provider


@pytest.fixture(scope="session")
def running_double():
    with ProviderDouble() as double:
        yield double


@pytest.fixture
def double(running_double, settings):
    settings.OPENAI_BASE_URL = running_double.base_url
    settings.OPENAI_API_KEY = KEY
    yield running_double
    running_double.clear()


@pytest.fixture(scope="session")
def other_running_double():
    with ProviderDouble(models=["other-1"]) as double:
        yield double


@pytest.fixture
def north_and_south(double, other_running_double, settings):
    """Two providers, one of which answers when the other one fails; their doubles. Each is asked
    once."""
    settings.CHAT_PROVIDERS = ["north", "south"]
    for name, server in (("NORTH", double), ("SOUTH", other_running_double)):
        setattr(settings, f"CHAT_PROVIDER_{name}_URL", server.base_url)
        setattr(settings, f"CHAT_PROVIDER_{name}_KEY", f"{KEY}-{name}")
    settings.CHAT_MODELS = ["north/double-1", "south/other-1"]
    settings.CHAT_FALLBACK = ["north/double-1", "south/other-1"]
    settings.CHAT_RETRIES = 0
    yield double, other_running_double
    other_running_double.clear()


@pytest.fixture
async def provider(double, settings):
    """The way to the double, which is asked once."""
    settings.CHAT_RETRIES = 0
    settings.CHAT_FIRST_PIECE_TIMEOUT = settings.CHAT_PIECE_TIMEOUT = 5.0
    provider = Provider()
    yield provider
    await provider.close()


@pytest.fixture(autouse=True)
def language_of_the_site():
    """Each test begins in it: a request leaves its own behind, as with Django itself."""
    translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def unit_settings(tmp_path_factory):
    """Nothing from this machine's environment; static files by their own names, limits wide."""
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    given = [name for name in dir(site_settings) if name.startswith(("CHAT_", "OPENAI_"))]
    with override_settings(
        STATIC_ROOT=tmp_path_factory.mktemp("static"),
        STORAGES=site_settings.STORAGES | {"staticfiles": {"BACKEND": plain}},
    ):
        for name in given:
            delattr(site_settings, name)
        with override_settings(
            CHAT_MODELS=["double-1", "double-2"],
            CHAT_MESSAGES_PER_MINUTE=1_000,
            CHAT_RUNNING_PER_USER=100,
            CHAT_TITLES=False,
            CHAT_TICK=0.01,
            CHAT_CONNECTIONS=5,  # one thread for each kind of call
        ):
            yield
