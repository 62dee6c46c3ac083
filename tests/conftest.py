"""What all tests share: the database, people, the provider double, and who may be skipped."""

import asyncio
import os
import signal
import threading
from contextlib import suppress

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as site_settings
from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.test import AsyncClient

from chat import engine as engine_module
from chat.engine import close as close_engine
from chat.engine import engine as the_engine

from .double import ProviderDouble

KEY = "sk-secret-of-the-site"
THREADS_END = 2.0  # seconds
CLOSES = 10.0  # seconds


def pytest_addoption(parser):
    help = "how often each kind of fault is tried, each time at another moment"
    parser.addoption("--faults", type=int, default=1, help=help)


def pytest_configure():
    # A shell that starts the tests in the background has SIGINT ignored, for all processes below.
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
        options["options"] += " -c synchronous_commit=off"
    if connection.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture
async def database(transactional_db):
    """For async tests: rows that all threads see, and no task or connection left at the end."""
    yield
    await sync_to_async(connections.close_all)()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks that nobody ended: {left}"
    await asyncio.to_thread(_wait_for_threads, ("engine", "journal", "requests"))


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
def empty_directory(tmp_path_factory):
    return tmp_path_factory.mktemp("static")


@pytest.fixture(autouse=True)
def unit_settings(settings, empty_directory):
    """Nothing from this machine's environment; static files by their own names, limits wide."""
    for name in dir(site_settings):
        if name.startswith(("CHAT_", "OPENAI_")):
            with suppress(AttributeError):
                delattr(settings, name)
    settings.CHAT_MODELS = ["double-1", "double-2"]
    settings.CHAT_MESSAGES_PER_MINUTE = 1_000
    settings.CHAT_RUNNING_PER_USER = 100
    settings.CHAT_TITLES = False
    settings.CHAT_TICK = 0.01
    settings.STATIC_ROOT = empty_directory
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = site_settings.STORAGES | {"staticfiles": {"BACKEND": plain}}
