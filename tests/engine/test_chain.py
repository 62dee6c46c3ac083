"""A provider fails, and another one answers or goes on. Nothing is doubled, nobody asked twice."""

import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async

from chat.models import Message
from chat.models.endings import State
from chat.provider.health import FAILURES, Health

from ..double import (
    ENDING,
    MANNERS,
    BadJson,
    Continues,
    Cut,
    Done,
    ErrorChunk,
    ErrorEvent,
    Finish,
    Frame,
    Html,
    RawResponse,
    Reasoning,
    Reset,
    Stall,
    Status,
    Text,
    Usage,
    WaitFor,
    answer,
)
from ..hooks.site_hooks import Chosen
from ..replies import OtherProcess, begin, ended, resume, stored

TEXT = "First we take the boat to the island. Then we walk up to the old lighthouse."
BEGINNING = "First we take the boat to the island. "
NORTH, SOUTH = "north/double-1", "south/other-1"


@pytest.fixture
def doubles(engine, north_and_south):
    return north_and_south


@pytest.fixture
def north(doubles):
    return doubles[0]


@pytest.fixture
def south(doubles):
    return doubles[1]


async def asked(engine, user, model=NORTH):
    return await ended(await begin(engine, user, model=model))


def wrote(reply):
    """Which model wrote which part of its text; of replies without other parts."""
    return [(model, reply.text[at : at + chars]) for model, at, chars in reply.shares]


# Before the first piece


FAILS = {
    "key": [Status(401)],
    "forbidden": [Status(403)],
    "no such model": [Status(404)],
    "no such model, as 400": [Status(400, body={"error": {"message": "not a valid model ID"}})],
    "quota": [Status(429, body={"error": {"code": "insufficient_quota"}})],
    "busy": [Status(429)],
    "timeout": [Status(408)],
    "server": [Status(503)],
    "elsewhere": [Status(302, headers={"Location": "http://127.0.0.1:1/"})],
    "reset": [Reset()],
    "headers only": [Cut()],
    "page": [Html()],
    "no HTTP": [RawResponse(b"garbage\r\n\r\n")],
    "garbage": [BadJson(), Cut()],
    "error": [ErrorChunk(), Cut()],
    "error event": [ErrorEvent(), Cut()],
}


@pytest.mark.parametrize("script", FAILS.values(), ids=FAILS.keys())
async def test_another_provider_answers(engine, user, north, south, script):
    north.script(*script)
    south.script(*answer(TEXT))
    reply = await asked(engine, user)
    assert (reply.state, reply.text, reply.error) == (State.COMPLETE, TEXT, "")
    assert (reply.model, reply.authors, reply.credit) == (SOUTH, None, "")
    assert (len(north.requests), len(south.requests)) == (1, 1)


async def test_one_that_says_nothing_is_not_waited_for(engine, user, north, south, settings):
    settings.CHAT_PROVIDER_NORTH_FIRST_PIECE_TIMEOUT = 0.2
    north.script(Stall())
    south.script(*answer(TEXT))
    assert (await asked(engine, user)).text == TEXT


async def test_it_is_tried_again_before_another_one(engine, user, north, south, settings):
    settings.CHAT_RETRIES = 1
    north.script(Status(503))
    await asked(engine, user)
    assert (len(north.requests), len(south.requests)) == (2, 1)


async def test_each_is_asked_in_its_own_way(engine, user, north, south, settings):
    settings.CHAT_PROVIDER_SOUTH_EXTRA_BODY = {"temperature": 0.5}
    settings.CHAT_EXTRA_BODY = {"top_p": 0.1}
    north.script(Status(503))
    await asked(engine, user)
    first, second = north.requests[0], south.requests[0]
    assert (first.body["model"], second.body["model"]) == ("double-1", "other-1")
    assert (first.body["top_p"], second.body["temperature"]) == (0.1, 0.5)
    assert "temperature" not in first.body and "top_p" not in second.body
    assert first.headers["authorization"].endswith("-NORTH")
    assert second.headers["authorization"].endswith("-SOUTH")


# In the middle


BREAKS = {
    "reset": [Reset()],
    "end": [Cut()],
    "cut": [Cut(clean=False)],
    "garbage": [BadJson(), Cut()],
    "error": [ErrorChunk(), Cut()],
    "error event": [ErrorEvent(), Cut()],
    "finish reason": [Finish("error"), Done()],
}


@pytest.mark.parametrize("script", BREAKS.values(), ids=BREAKS.keys())
async def test_another_provider_finishes_it(engine, user, north, south, script):
    gate = threading.Event()
    north.script(Text(BEGINNING), WaitFor(gate), *script)
    south.script(Continues(TEXT), *ENDING)
    reply = await begin(engine, user, model=NORTH)
    await stored(reply, BEGINNING)
    gate.set()
    row = await ended(reply)
    assert (row.state, row.text, row.error) == (State.COMPLETE, TEXT, "")
    assert (row.model, row.finisher) == (NORTH, SOUTH)
    assert wrote(row) == [(NORTH, BEGINNING), (SOUTH, TEXT.removeprefix(BEGINNING))]
    assert row.credit == "Begun by north/double-1, finished by south/other-1."
    assert south.requests[0].beginning == BEGINNING


@pytest.mark.parametrize("manner", MANNERS)
async def test_nothing_is_doubled(engine, user, north, south, manner):
    north.script(Text(BEGINNING), Cut())
    south.script(Continues(TEXT, manner), *ENDING)
    row = await asked(engine, user)
    assert row.text == (BEGINNING if manner == "complete already" else TEXT)


async def test_one_that_stalls_is_left(engine, user, north, south, settings):
    settings.CHAT_PROVIDER_NORTH_PIECE_TIMEOUT = 0.2
    north.script(Text(BEGINNING), Stall())
    south.script(Continues(TEXT), *ENDING)
    assert (await asked(engine, user)).text == TEXT


@pytest.mark.parametrize(("manner", "last"), [("ask", "user"), ("prefix", "assistant")])
async def test_who_goes_on_is_asked_in_its_own_manner(
    engine, user, north, south, settings, manner, last
):
    settings.CHAT_PROVIDER_SOUTH_CONTINUE = manner
    settings.CHAT_CONTINUE = "ask" if manner == "prefix" else "prefix"
    north.script(Text(BEGINNING), Cut())
    south.script(Continues(TEXT), *ENDING)
    assert (await asked(engine, user)).text == TEXT
    assert south.requests[0].body["messages"][-1]["role"] == last


async def test_thoughts_of_both_are_kept_and_tokens_added(engine, user, north, south):
    north.script(Reasoning("Hm."), Text(BEGINNING), Usage(3, 4), Cut())
    south.script(Reasoning("Well."), Continues(TEXT), Finish(), Usage(5, 6), Done())
    row = await asked(engine, user)
    assert (row.text, row.reasoning) == (TEXT, "Hm.\n\nWell.")
    assert (row.prompt_tokens, row.completion_tokens) == (8, 10)
    assert [share.start for share in row.shares] == [0, len("Hm." + BEGINNING)]


# The end of the chain


async def test_each_is_asked_once_and_the_last_one_says_why(engine, user, north, south, settings):
    settings.CHAT_FALLBACK = [SOUTH, NORTH, "south/other-2", SOUTH]
    north.script(Text(BEGINNING), Cut())
    south.script(Status(401), times=1)
    south.script(Status(404), times=1)
    row = await asked(engine, user)
    assert (row.state, row.text, row.model) == (State.FAILED, BEGINNING, NORTH)
    assert row.error == "The model's server refused this site's key. Please tell the site's staff."
    assert (row.authors, row.can_continue) == (None, True)
    assert [each.body["model"] for each in south.requests] == ["other-1", "other-2"]
    assert len(north.requests) == 1


async def test_three_may_write_one_reply(engine, user, north, south, settings):
    settings.CHAT_FALLBACK = [SOUTH, "south/other-2"]
    south.script(Continues(TEXT), *ENDING)
    south.script(Text("Then we walk "), Cut(), times=1)
    north.script(Text(BEGINNING), Cut())
    row = await asked(engine, user)
    assert row.text == TEXT
    assert [model for model, _ in wrote(row)] == [NORTH, SOUTH, "south/other-2"]
    assert row.credit == (
        "Begun by north/double-1, continued by south/other-1, finished by south/other-2."
    )


async def test_a_person_who_continues_it_begins_with_the_last_one(engine, user, north, south):
    north.script(Text(BEGINNING), Cut())
    south.script(Text("Then we walk "), Cut())
    begun = await asked(engine, user)
    assert begun.credit == "Begun by north/double-1, continued by south/other-1."
    south.clear()
    south.script(Continues(TEXT), *ENDING)
    row = await ended(await resume(engine, begun))
    assert (row.text, row.state, len(north.requests)) == (TEXT, State.COMPLETE, 1)
    assert row.credit == "Begun by north/double-1, finished by south/other-1."


# What is tried nowhere else


NEVER = {
    "bad request": [Status(400)],
    "unknown parameter": [Status(422)],
    "too long": [Status(413)],
    "too long, as 500": [Status(500, body={"error": {"message": "prompt is too long"}})],
    "filtered request": [Status(400, body={"error": {"code": "content_filter"}})],
    "moderated": [Status(403, body={"error": {"message": "requires moderation"}})],
    "bad request in the stream": [ErrorChunk("BadRequestError"), Cut()],
    "too long in the stream": [ErrorChunk("maximum context length"), Cut()],
    "filtered in the stream": [Text(BEGINNING), ErrorChunk("content_filter"), Cut()],
    "filtered": [Text(BEGINNING), Finish("content_filter"), Done()],
    "declined": [Frame({"choices": [{"delta": {"refusal": "I cannot."}}]}), Cut()],
    "length": [Text(BEGINNING), Finish("length"), Done()],
}


@pytest.mark.parametrize("script", NEVER.values(), ids=NEVER.keys())
async def test_nobody_else_is_asked(engine, user, north, south, script):
    north.script(*script)
    reply = await asked(engine, user)
    assert reply.state != State.COMPLETE and reply.model == NORTH
    assert (len(north.requests), south.requests) == (1, [])


@pytest.mark.parametrize("state", [State.STOPPED, State.ABANDONED])
async def test_nobody_goes_on_with_what_was_stopped(engine, user, north, south, state):
    north.script(Text(BEGINNING), Stall())
    reply = await begin(engine, user, model=NORTH)
    await stored(reply, BEGINNING)
    engine.generations[reply.pk].stop(state)
    row = await ended(reply)
    assert (row.state, row.text, south.requests) == (state, BEGINNING, [])


async def test_nobody_goes_on_with_what_is_at_its_limit(engine, user, north, south, settings):
    settings.CHAT_REPLY_CHARS = len(BEGINNING)
    north.script(Text(BEGINNING), Cut())
    row = await asked(engine, user)
    assert (row.text, south.requests) == (BEGINNING, [])


# The site's hooks


async def test_a_client_of_the_sites_own_choice_is_not_replaced(
    engine, user, north, south, settings
):
    settings.CHAT_HOOKS = "tests.hooks.site_hooks.Chosen"
    Chosen.choices = {NORTH: (north.base_url, "its-own")}
    north.script(Status(503))
    row = await asked(engine, user)
    assert (row.state, len(north.requests), south.requests) == (State.FAILED, 1, [])
    assert north.requests[0].body["model"] == "double-1"


@pytest.mark.parametrize("model", [NORTH, SOUTH])
async def test_a_model_of_the_sites_own_choice_is_not_replaced(
    engine, user, north, south, settings, model
):
    settings.CHAT_HOOKS = "tests.hooks.site_hooks.AlwaysNorth"
    north.script(Text(BEGINNING), Cut())
    row = await asked(engine, user, model)
    assert (row.state, row.text, row.authors) == (State.FAILED, BEGINNING, None)
    assert (len(north.requests), south.requests) == (1, [])


async def test_nobody_gets_a_model_that_the_site_does_not_allow(
    engine, user, north, south, settings
):
    settings.CHAT_HOOKS = "tests.hooks.site_hooks.NorthOnly"
    settings.CHAT_FALLBACK = [SOUTH, "north/spare"]
    north.script(*answer(TEXT))
    north.script(Status(503), times=1)
    assert (await asked(engine, user)).model == "north/spare"
    assert not south.requests


# Providers that fail again and again


async def test_one_that_keeps_failing_is_asked_last(engine, user, north, south):
    engine.provider.health = Health(clock=lambda: 0.0)
    north.script(*answer(TEXT))
    north.script(Status(503), times=FAILURES)
    for _ in range(FAILURES):
        assert (await asked(engine, user)).model == SOUTH
    assert (await asked(engine, user)).model == SOUTH
    assert len(north.requests) == FAILURES
    south.script(Status(503))
    assert (await asked(engine, user)).model == NORTH
    assert (len(north.requests), len(south.requests)) == (FAILURES + 1, FAILURES + 2)


async def test_what_is_no_fault_of_a_provider_is_not_counted(engine, user, north, south):
    north.script(Status(404))
    for _ in range(FAILURES + 1):
        await asked(engine, user)
    assert not engine.provider.health.is_poor("north")
    assert len(north.requests) == FAILURES + 1


# Processes that die


async def test_who_takes_over_asks_the_one_that_was_writing(engine, user, north, south):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.write)(BEGINNING)
    authors = [{"model": NORTH, "from": 0, "failed": True}, {"model": SOUTH, "from": 10}]
    await Message.objects.filter(pk=other.reply.pk).aupdate(model=NORTH, authors=authors)
    south.script(Text("Then we walk "), Cut())
    await sync_to_async(other.die)()
    row = await ended(other.reply)
    assert (row.state, row.text) == (State.FAILED, BEGINNING + "Then we walk ")
    assert (len(south.requests), north.requests) == (1, [])
    assert wrote(row)[1] == (SOUTH, row.text[10:])
    assert all("failed" not in each for each in row.authors)


async def test_who_goes_on_is_stored_before_a_word_of_it(engine, user, north, south):
    gate = threading.Event()
    north.script(Text(BEGINNING), Cut())
    south.script(WaitFor(gate), Continues(TEXT), *ENDING)
    reply = await begin(engine, user, model=NORTH)
    await stored(reply, BEGINNING)
    await asyncio.to_thread(south.wait_for_requests, 1, 60)
    row = await Message.objects.aget(pk=reply.pk)
    assert row.authors == [
        {"model": NORTH, "from": 0, "failed": True},
        {"model": SOUTH, "from": len(BEGINNING)},
    ]
    gate.set()
    assert (await ended(reply)).text == TEXT
