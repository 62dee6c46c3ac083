import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import time
from urllib.request import urlopen

import pytest

from project.guard import Guard

from ..site import ROOT, free_port

SCOPE = {"type": "http", "method": "GET", "path": "/x", "headers": []}
START = {"type": "http.response.start", "status": 200, "headers": []}


def fails(*messages):
    async def application(scope, receive, send):
        for message in messages:
            await send(message)
        raise RuntimeError("in the application")

    return application


def defers(parts):
    """A body that is sent after the request, and fails behind these parts."""

    async def body():
        for part in parts:
            yield part
        raise RuntimeError("in the body")

    async def application(scope, receive, send):
        scope["extensions"]["deferred_body"](body())
        await send(START)
        await send({"type": "http.response.body"})

    return application


async def answer_of(application, scope=SCOPE, *, receive=None, leaving=False):
    sent = []

    async def send(message):
        sent.append(message)

    await Guard(application, lambda: leaving)(dict(scope), receive, send)
    return sent


async def test_it_closes_a_response_that_has_begun(caplog):
    caplog.set_level(logging.ERROR, logger="chat")
    part = {"type": "http.response.body", "body": b"part", "more_body": True}
    sent = await answer_of(fails(START, part))
    assert sent == [START, part, {"type": "http.response.body"}]
    assert "in the application" in caplog.text


class Closed:
    """A body that knows whether it was closed; nobody ever begins it."""

    is_closed = False

    def __aiter__(self):
        raise AssertionError("begun")

    async def aclose(self):
        self.is_closed = True


@pytest.mark.parametrize("end", ["the client is gone", "it fails"])
async def test_it_closes_a_deferred_body_that_never_begins(end):
    body = Closed()

    async def application(scope, receive, send):
        scope["extensions"]["deferred_body"](body)
        if end == "it fails":
            raise RuntimeError
        await receive()
        await send(START)

    async def receive():
        return {"type": "http.disconnect"}

    await answer_of(application, receive=receive)
    assert body.is_closed


@pytest.mark.parametrize("parts", [[], [b"one"], [b"one", b"two"]], ids=len)
async def test_it_closes_a_deferred_body_that_fails(caplog, parts):
    caplog.set_level(logging.ERROR, logger="chat")
    sent = await answer_of(defers(parts), receive=asyncio.Event().wait)
    assert [message.get("body") for message in sent[1:]] == [*parts, None]
    assert not sent[-1].get("more_body") and "in the body" in caplog.text


async def test_a_client_that_has_gone_ends_a_deferred_body():
    async def gone():
        return {"type": "http.disconnect"}

    endless = (b"part" for _ in iter(int, 1))
    sent = await asyncio.wait_for(answer_of(defers(endless), receive=gone), 5)
    assert sent[0] == START


SITE = """
import os, sys

os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
import django

django.setup()
from tests.project.test_guard import Guard, defers


async def site(scope, receive, send):
    await receive()  # the request's own body, as Django does
    await defers([b"part"])(scope, receive, send)


application = Guard(site, lambda: False)
"""


def test_the_client_of_a_body_that_fails_is_not_left_waiting(tmp_path):
    (tmp_path / "failing.py").write_text(SITE)
    port, log = free_port(), tmp_path / "log"
    path = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "daphne", "-p", str(port), "failing:application"]
    with log.open("w") as out:
        server = subprocess.Popen(command, env=os.environ | path, stdout=out, stderr=out)
    try:
        _wait_until_up(port)
        with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as response:
            assert response.read() == b"part"
    finally:
        server.kill()
        server.wait()
    assert "in the body" in log.read_text()


def _wait_until_up(port):
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


async def test_it_answers_for_an_application_that_did_not():
    start, body = await answer_of(fails())
    assert start["status"] == 500 and b'"error"' in body["body"]


async def test_it_closes_websockets():
    assert await answer_of(fails(), {"type": "websocket"}) == [{"type": "websocket.close"}]


@pytest.mark.parametrize("length", [b"99999999", b"9" * 5_000])
async def test_it_refuses_a_body_by_its_declared_length(length):
    scope = SCOPE | {"headers": [(b"content-length", length)]}
    assert (await answer_of(fails(), scope))[0]["status"] == 413


async def test_it_refuses_a_body_that_the_server_has_cut_off():
    scope = SCOPE | {"extensions": {"is_cut_off": True}}
    assert (await answer_of(fails(), scope))[0]["status"] == 413


async def test_it_counts_a_body_of_unknown_length_as_it_comes():
    received = 0

    async def part():
        nonlocal received
        received += 1
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    async def reads_all(scope, receive, send):
        while (await receive())["more_body"]:
            pass

    sent = await answer_of(reads_all, receive=part)
    assert sent[0]["status"] == 413 and received == 17


async def test_its_own_answers_are_nothing_but_data():
    headers = dict((await answer_of(fails()))[0]["headers"])
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")


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
