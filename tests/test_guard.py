import json
import logging

import pytest

from project.guard import Guard

SCOPE = {"type": "http", "method": "GET", "path": "/x", "headers": []}
START = {"type": "http.response.start", "status": 200, "headers": []}


def fails(*messages):
    async def application(scope, receive, send):
        for message in messages:
            await send(message)
        raise RuntimeError("in the application")

    return application


async def answer_of(application, scope=SCOPE, *, leaving=False):
    sent = []

    async def send(message):
        sent.append(message)

    await Guard(application, lambda: leaving)(dict(scope), None, send)
    return sent


async def test_it_closes_a_response_that_has_begun(caplog):
    caplog.set_level(logging.ERROR, logger="chat")
    part = {"type": "http.response.body", "body": b"part", "more_body": True}
    sent = await answer_of(fails(START, part))
    assert sent == [START, part, {"type": "http.response.body"}]
    assert "in the application" in caplog.text


async def test_it_answers_for_an_application_that_did_not():
    start, body = await answer_of(fails())
    assert start["status"] == 500 and b'"error"' in body["body"]


async def test_it_closes_websockets():
    assert await answer_of(fails(), {"type": "websocket"}) == [{"type": "websocket.close"}]


async def test_it_refuses_a_body_by_its_declared_length():
    scope = SCOPE | {"headers": [(b"content-length", b"99999999")]}
    assert (await answer_of(fails(), scope))[0]["status"] == 413


@pytest.mark.parametrize("length", [b"17", b"x", b"-1", b""])
async def test_it_leaves_other_bodies_to_the_application(length):
    scope = SCOPE | {"headers": [(b"content-length", length)]}
    assert (await answer_of(fails(START), scope))[0] == START


async def test_a_client_does_not_say_where_the_site_is():
    async def application(scope, receive, send):
        await send({"type": scope["root_path"]})

    assert await answer_of(application, SCOPE | {"root_path": "/evil"}) == [{"type": ""}]


async def test_it_takes_nothing_new_while_the_process_leaves():
    assert (await answer_of(fails(START), leaving=True))[0]["status"] == 503


async def test_it_refuses_in_the_language_of_the_browser():
    headers = [(b"content-length", b"99999999"), (b"accept-language", b"de-AT,en;q=0.5")]
    _, body = await answer_of(fails(), SCOPE | {"headers": headers})
    assert json.loads(body["body"]) == {"error": "Das ist zu viel auf einmal. Sende weniger."}
