import asyncio
import threading
from time import monotonic

import pytest
from django.db import OperationalError, connection

from chat.engine import lanes
from chat.engine.lanes import Crowded, Lane


@pytest.fixture
async def lane(database):
    lane = Lane("engine", width=2)
    yield lane
    await lane.close()


def ask(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


async def test_it_gives_what_a_function_returns(lane):
    assert await lane.run(ask, "SELECT 1") == 1


async def test_it_raises_what_a_function_raises(lane):
    with pytest.raises(LookupError):
        await lane.run({}.__getitem__, "nothing")


async def test_it_has_as_many_threads_as_are_needed_at_once(lane):
    for _ in range(3):
        await lane.run(ask, "SELECT 1")
    assert len(lane._threads) == 1
    await asyncio.gather(*[lane.run(ask, "SELECT 1") for _ in range(5)])
    assert len(lane._threads) == 2


async def test_two_calls_run_at_the_same_time(lane):
    both = threading.Barrier(2)
    await asyncio.gather(lane.run(both.wait, 30), lane.run(both.wait, 30))


async def test_nothing_is_done_for_who_has_gone(lane):
    gate, done = threading.Event(), []
    busy = [asyncio.create_task(lane.run(gate.wait, 30)) for _ in range(2)]
    gone = asyncio.create_task(lane.run(done.append, "gone"))
    await asyncio.sleep(0)
    gone.cancel()
    gate.set()
    await asyncio.gather(*busy)
    await lane.run(done.append, "here")
    assert done == ["here"]


async def test_there_is_a_bound_to_who_may_wait(lane, monkeypatch):
    both, gate = threading.Barrier(3), threading.Event()
    busy = [
        asyncio.create_task(lane.run(lambda: both.wait(30) and gate.wait(30))) for _ in range(2)
    ]
    await asyncio.to_thread(both.wait, 30)
    waiting = asyncio.create_task(lane.run(gate.wait, 30))
    await asyncio.sleep(0)
    monkeypatch.setattr(lanes, "LONGEST_QUEUE", 0)
    with pytest.raises(Crowded):
        await lane.run(ask, "SELECT 1")
    gate.set()
    await asyncio.gather(*busy, waiting)


async def test_it_asks_once_more_over_a_new_connection(lane):
    tries = []

    def fail_once():
        tries.append(connection.connection)
        if len(tries) == 1:
            raise OperationalError("gone")
        return ask("SELECT 1")

    await lane.run(ask, "SELECT 1")
    assert await lane.repeat(fail_once) == 1 and tries[0] is not None and tries[1] is not tries[0]


@pytest.mark.needs_server
async def test_it_does_not_wait_for_ever(lane):
    begun = monotonic()
    with pytest.raises(OperationalError):
        await lane.run(ask, "SELECT pg_sleep(4)", patience=0.2)
    assert await lane.run(ask, "SELECT 1") == 1 and monotonic() - begun < 4
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(4)'"
    while await lane.run(ask, asleep):  # noqa: ASYNC110 - the server does not tell when it is over
        await asyncio.sleep(0.1)


@pytest.mark.needs_server
async def test_its_connections_have_deadlines_of_their_own(lane):
    assert await lane.run(ask, "SHOW lock_timeout") == "2s"
    assert await lane.run(ask, "SHOW idle_in_transaction_session_timeout") == "3s"
