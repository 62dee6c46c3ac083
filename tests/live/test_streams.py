import asyncio
import io
import json
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from ..conftest import skip_unless
from ..double import ENDING, Endless, Stall, Text, WaitFor, answer
from ..streams import apply, event_of
from .conftest import CSRF_TOKEN

TEXT = "héllo 👋 one two three\n\nfour `five` \N{EN DASH} and 🏴󠁧󠁢󠁷󠁬󠁳󠁿 six seven.\r\nThe end"
ARRIVES = 60.0  # seconds
NO_LINGER = struct.pack("ii", 1, 0)  # closing sends RST


async def ask(client, message="Hello"):
    form = {"data": {"message": message}, "headers": {"Accept": "application/json"}}
    async with client.post("/chat/", **form) as response:
        assert response.status == 201, await response.text()
        return await response.json()


class Frames:
    """The events of a response, one after the other as they arrive."""

    def __init__(self, response):
        assert response.status == 200
        self._content = response.content

    def __aiter__(self):
        return self

    async def __anext__(self):
        while True:
            block = b""
            while not block.endswith(b"\n\n"):
                line = await self._content.readline()
                if not line:
                    raise StopAsyncIteration
                block += line
            if event := event_of(block[:-2].decode("ascii")):
                return event


def listen(client, asked, after=""):
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
    return client.get(asked["reply"]["events"], headers=headers)


async def read(client, asked, after=""):
    """Text and end of a reply."""
    text = ""
    async with listen(client, asked, after) as response:
        async for event in Frames(response):
            if event.event == "end":
                return text, event.data
            text += event.data["content"]
    raise AssertionError("no end")


async def stored(client, asked):
    async with client.get(asked["reply"]["url"]) as response:
        return (await response.json())["text"]


# Pieces


async def test_a_piece_arrives_before_the_next_one_is_there(ana, double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    asked = await ask(ana)
    async with listen(ana, asked) as response:
        frames = Frames(response)
        assert (await anext(frames)).data == {"content": "one "}
        gate.set()
        assert (await anext(frames)).data == {"content": "two"}
        assert (await anext(frames)).data["state"] == "complete"


async def test_programs_get_a_piece_before_the_next_one_is_there(ana, double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    async with ana.post("/chat/stream", json={"message": "Hello"}) as response:
        frames = Frames(response)
        assert (await anext(frames)).event == "reply"
        assert (await anext(frames)).data == {"content": "one "}
        gate.set()
        rest = [event async for event in frames]
    assert rest[0].data == {"content": "two"} and rest[-1].data == "[DONE]"


async def test_the_page_gets_a_piece_before_the_next_one_is_there(ana, double):
    gate = threading.Event()
    double.script(Text("*one* "), WaitFor(gate), Text("two"), *ENDING)
    asked = await ask(ana)
    async with ana.get(asked["reply"]["events"] + "?as=html") as response:
        frames = Frames(response)
        blocks = apply([], (await anext(frames)).data["blocks"])
        assert blocks == ["<p><em>one</em></p>"]
        gate.set()
        assert apply(blocks, (await anext(frames)).data["blocks"]) == ["<p><em>one</em> two</p>"]


async def test_headers_come_before_the_first_piece(ana, double):
    double.script(Stall())
    asked = await ask(ana)
    async with listen(ana, asked) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert await response.content.readline() == b": open\n"
    async with ana.post(asked["reply"]["stop"]):
        pass


async def test_the_page_without_script_grows_block_by_block(site, double):
    first, second = threading.Event(), threading.Event()
    double.script(
        *(
            Text("One.\n\nTwo.\nStill"),
            WaitFor(first),
            Text("two.\n\nThree.\nEnd"),
            WaitFor(second),
        ),
        *ENDING,
    )
    form = f"csrfmiddlewaretoken={CSRF_TOKEN}&message=Hello&as=stream"
    async with wire(site, "POST /chat/", form) as answer:
        head = await answer.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 303 ")
    place = re.search(rb"(?i)\r\nlocation: (\S+\?stream)\r\n", head)[1].decode()
    async with wire(site, f"GET {place}") as answer:
        page = await answer.readuntil(b"<p>One.</p>")
        assert b"<!doctype html>" in page and b"Stop the reply" in page
        first.set()
        page += await answer.readuntil(b"<p>Two.\nStilltwo.</p>")
        assert b"</chat-reply>" not in page
        second.set()
        rest = await answer.readuntil(b"0\r\n\r\n")
    assert rest.index(b"<p>Three.\nEnd</p>") < rest.index(b"</chat-reply>") < rest.index(b"</html>")


@asynccontextmanager
async def wire(site, line, body=""):
    """The bytes of an answer as they arrive, without any client between."""
    port = next(iter(site.processes))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000_000)
    head = f"{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {site.cookies()}\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded\r\n"
    writer.write(f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    try:
        async with asyncio.timeout(ARRIVES):
            yield reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


# Readers


async def test_a_reader_that_comes_back_after_every_frame_gets_exactly_the_text(ana, double):
    double.script(*answer(TEXT, every=0.1))  # slower than the ticks of a busy machine
    asked, text, after, visits = await ask(ana), "", "", 0
    while True:
        async with listen(ana, asked, after) as response:
            event = await anext(Frames(response))
        if event.event == "end":
            break
        text, after, visits = text + event.data["content"], event.id, visits + 1
    assert text == TEXT == await stored(ana, asked) and visits > 3


async def test_every_offset_of_a_reply_leads_to_the_same_end(ana, double):
    double.script(*answer(TEXT))
    asked = await ask(ana)
    await read(ana, asked)
    rests = [(await read(ana, asked, str(after)))[0] for after in range(1, len(TEXT) + 1)]
    assert rests == [TEXT[after:] for after in range(1, len(TEXT) + 1)]


async def test_all_readers_get_the_same(ana, double):
    double.script(*answer(TEXT, every=0.02))
    asked = await ask(ana)
    texts = await asyncio.gather(*[read(ana, asked) for _ in range(5)])
    assert {text for text, _ in texts} == {TEXT} == {await stored(ana, asked)}


async def test_a_reader_that_leaves_changes_nothing(ana, double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    asked = await ask(ana)
    async with listen(ana, asked) as response:
        await anext(Frames(response))
        response.close()
    gate.set()
    text, end = await read(ana, asked)
    assert (text, end["state"]) == ("one two", "complete")
    assert not double.requests[0].wait_closed().closed_by_client


async def test_readers_that_come_and_go_at_once_leave_nothing_behind(site, ana, double):
    double.script(Text("one"), Stall())
    asked = await ask(ana)
    chance = random.Random(1)
    for _ in range(60):
        knock(site, asked, chance.uniform(0, 0.02))
    await asyncio.sleep(1)
    async with AsyncExitStack() as streams:
        for _ in range(30):
            response = await streams.enter_async_context(listen(ana, asked))
            assert response.status == 200, await response.text()
    async with ana.post(asked["reply"]["stop"]):
        pass


def knock(site, asked, patience):
    """Asks for a stream and is gone before long."""
    port = next(iter(site.processes))
    path, cookies = asked["reply"]["events"], site.cookies()
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\n\r\n".encode()
        )
        link.settimeout(patience)
        with suppress(OSError):
            link.recv(1)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)


async def test_open_streams_hold_no_connection_to_the_database(site, ana, double):
    double.script(Text("one"), Stall())
    asked = await ask(ana)
    async with AsyncExitStack() as streams:
        for _ in range(20):
            response = await streams.enter_async_context(listen(ana, asked))
            await anext(Frames(response))
        assert site.connections(next(iter(site.processes))) <= 7
    async with ana.post(asked["reply"]["stop"]):
        pass


# Processes


async def test_another_process_serves_the_same_reply(site, ana, double):
    double.script(*answer(TEXT, every=0.05))
    other = site.start()
    async with site.login("ana", other) as there:
        asked = await ask(ana)
        (text, end), (same, _) = await asyncio.gather(read(there, asked), read(ana, asked))
    site.signal(other, signal.SIGTERM)
    assert site.wait_exit(other) == 0
    assert text == same == TEXT and end["state"] == "complete"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_that_is_told_to_leave_sends_its_readers_on(site, ana, double, number):
    double.script(Text("one "), Stall(), times=1)
    double.script(*answer("two"), when="cut off")
    port = site.start()
    async with site.login("ana", port) as there:
        asked = await ask(there)
        async with listen(there, asked) as response:
            frames = Frames(response)
            first = await anext(frames)
            site.signal(port, number)
            end = await anext(frames)
        assert (end.event, end.data["state"]) == ("end", "streaming")
        assert await asyncio.to_thread(site.wait_exit, port) == 0
    text, end = await read(ana, asked, first.id)
    assert (text, end["state"]) == ("two", "complete") and await stored(ana, asked) == "one two"


# The tutorials' clients

SPLITS_AT_BLANK_LINES = """
  for (const part of decoder.decode(value).split("\\n\\n")) {
    if (!part.startsWith("data: ")) continue;
    const data = part.slice(6);
    if (data === "[DONE]") { done = true; break; }
    text += JSON.parse(data).content;
  }
"""
FILTERS_LINES = """
  const lines = decoder.decode(value).split("\\n").filter((line) => line.startsWith("data: "));
  for (const line of lines) {
    const data = line.replace("data: ", "");
    if (data === "[DONE]") { done = true; break; }
    text += JSON.parse(data).content;
  }
"""
CLIENT = """
const response = await fetch(process.env.URL, {
  method: "POST",
  headers: { "Content-Type": "application/json", Cookie: process.env.COOKIES },
  body: JSON.stringify({ message: "Hello" }),
});
const reader = response.body.getReader();
const decoder = new TextDecoder();
let text = "", done = false;
while (!done) {
  const { value, done: over } = await reader.read();
  if (over) throw new Error("no [DONE]");
  %s
}
process.stdout.write(JSON.stringify(text));
"""


@pytest.mark.parametrize("loop", [SPLITS_AT_BLANK_LINES, FILTERS_LINES])
async def test_a_client_from_a_tutorial_gets_exactly_the_text(site, double, loop):
    skip_unless(shutil.which("node"), "no Node")
    double.script(*answer(TEXT, every=0.02))
    port = next(iter(site.processes))
    address = {"URL": f"http://127.0.0.1:{port}/chat/stream", "COOKIES": site.cookies()}
    client = await asyncio.to_thread(run_in_node, CLIENT % loop, address)
    assert json.loads(client) == TEXT == double.requests[0].sent
    assert "undefined" not in client


def run_in_node(code, environment):
    node = [shutil.which("node"), "--input-type=module", "-e", code]
    run = subprocess.run(node, env=environment, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    return run.stdout


# What else goes over the wire


@pytest.mark.parametrize("path", ["/chat/", "/healthz"])
async def test_it_answers_head(ana, path):
    async with ana.head(path) as response:
        assert response.status == 200 and await response.read() == b""


async def test_static_files_are_hashed_compressed_and_kept_for_ever(ana):
    async with ana.get("/chat/") as response:
        html = await response.text()
    paths = re.findall(r'(?:href|src)="(/static/[^"#]+)', html)
    assert paths
    for path in paths:
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", path), path
        async with ana.get(path, headers={"Accept-Encoding": "gzip"}) as response:
            assert response.status == 200, path
            assert "immutable" in response.headers["Cache-Control"]
            if len(await response.read()) > 1_000:
                assert response.headers["Content-Encoding"] == "gzip", path


async def test_scripts_import_hashed_scripts(ana):
    async with ana.get("/chat/") as response:
        html = await response.text()
    imported = []
    for path in re.findall(r'<script type="module" src="([^"]+)"', html):
        async with ana.get(path) as response:
            imported += re.findall(r'(?:from|import) "([^"]+)"', await response.text())
    assert imported
    assert all(re.search(r"\.[0-9a-f]{12}\.js$", name) for name in imported), imported


async def test_too_much_at_once_is_refused(ana):
    async with ana.post("/chat/stream", data=io.BytesIO(b"x" * 10_000_000)) as response:
        assert response.status == 413 and (await response.json())["error"]


async def test_a_websocket_is_passed_over(site):
    """RFC 9110, section 7.8: a server may ignore the wish, and answer in HTTP."""
    async with site.login() as client:
        response = await client.get(
            "/chat/",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        )
        assert response.status == 200
        response.close()


async def test_a_client_cannot_move_the_site(ana):
    async with ana.get("/chat/", headers={"Daphne-Root-Path": "/evil"}) as response:
        assert "/evil" not in await response.text()


async def test_the_stream_of_a_reply_without_end_is_stopped_by_a_person(ana, double):
    double.script(Endless("again ", every=0.01))
    asked = await ask(ana)
    async with listen(ana, asked) as response:
        await anext(Frames(response))
        async with ana.post(asked["reply"]["stop"]):
            pass
        events = [event async for event in Frames(response)]
    assert events[-1].data["state"] == "stopped"
    assert double.requests[0].wait_closed().closed_by_client
