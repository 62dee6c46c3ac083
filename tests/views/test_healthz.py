import pytest
from django.db import OperationalError, connection


async def test_it_says_ok_to_anybody(stranger):
    response = await stranger.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_it_answers_head(stranger):
    assert (await stranger.head("/healthz")).status_code == 200


async def test_it_says_when_the_process_is_leaving(stranger, engine):
    engine.is_leaving = True
    response = await stranger.get("/healthz")
    assert response.status_code == 503 and response.json()["status"] == "shutting down"


async def test_it_says_when_the_database_does_not_answer(stranger, no_database):
    response = await stranger.get("/healthz")
    assert response.status_code == 503 and "database" in response.json()["status"]


@pytest.fixture
async def no_database(engine):
    """Every query of a request fails from now on."""

    def fail(*_):
        raise OperationalError

    await engine.requests.run(lambda: connection.execute_wrappers.append(fail))
    yield


@pytest.mark.parametrize("verb", ["post", "put", "delete"])
async def test_it_rejects_other_verbs(stranger, verb):
    assert (await getattr(stranger, verb)("/healthz")).status_code == 405
