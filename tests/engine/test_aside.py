"""Code of the site runs beside ours, and leaves nothing behind."""

import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.translation import get_language, override

from chat.engine import aside
from chat.engine.aside import Aside, where


@pytest.fixture
async def beside(database):
    beside = Aside()
    yield beside
    await beside.close()


def ask_database():
    link = connections[DEFAULT_DB_ALIAS]
    link.ensure_connection()
    return link, threading.current_thread()


async def ask_database_async():
    return await sync_to_async(ask_database)()


@pytest.mark.parametrize("function", [ask_database, ask_database_async])
async def test_it_gives_its_connection_back(beside, function):
    link, thread = await beside.run(function)
    assert link.connection is None and thread is not threading.current_thread()


async def test_it_gives_its_connection_back_if_it_is_cancelled(beside):
    asked = asyncio.Future()

    async def hang():
        asked.set_result(await ask_database_async())
        await asyncio.sleep(20)

    task = asyncio.create_task(beside.run(hang))
    link, _ = await asked
    task.cancel()
    await asyncio.wait([task])
    await beside.close()
    assert task.cancelled() and link.connection is None


async def test_whoever_is_cancelled_does_not_wait(beside):
    gate = threading.Event()
    task = asyncio.create_task(beside.run(gate.wait, 20))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and not gate.is_set()
    gate.set()


async def get_language_async():
    return get_language()


@pytest.mark.parametrize("function", [get_language, get_language_async])
async def test_it_has_the_callers_language(beside, function):
    with override("de"):
        assert await beside.run(function) == "de"


def stop():
    raise StopIteration


async def fail():
    raise ValueError("secret")


async def test_what_it_raises_is_raised(beside):
    with pytest.raises(RuntimeError):  # as in every coroutine
        await beside.run(stop)
    with pytest.raises(ValueError, match="secret"):
        await beside.run(fail)


async def test_no_more_than_so_many_threads_run(database, monkeypatch):
    monkeypatch.setattr(aside, "THREADS", 1)
    beside, gate = Aside(), threading.Event()
    first = asyncio.create_task(beside.run(gate.wait, 20))
    await asyncio.sleep(0)
    second = asyncio.create_task(beside.run(int))
    running = asyncio.create_task(beside.run(get_language_async))  # wants no thread
    await running
    assert not first.done() and not second.done()
    gate.set()
    assert [await first, await second] == [True, 0]


async def test_the_log_gets_the_place_and_not_the_words(beside):
    with pytest.raises(ValueError, match="secret") as caught:
        await beside.run(fail)
    line = where(caught.value)
    assert line.startswith("ValueError\n") and "in fail" in line
    assert "secret" not in line.replace('raise ValueError("secret")', "")
