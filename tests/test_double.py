import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import aiohttp
import openai
import pytest

from tests.double import (
    ENDING,
    BadJson,
    BadUtf8,
    Chunked,
    Continues,
    Cut,
    Done,
    EchoKey,
    EmptyChoices,
    EmptyDeltas,
    Endless,
    ErrorChunk,
    ErrorEvent,
    Finish,
    Frame,
    Headers,
    Html,
    Huge,
    Nul,
    Pause,
    ProviderDouble,
    Raw,
    Reasoning,
    Reset,
    SplitSurrogates,
    Stall,
    Status,
    Text,
    Trickle,
    Usage,
    WaitFor,
    answer,
    default_reply,
)
from tests.double.continuing import PREAMBLE

HOUR = 3600.0
NOTICE = 0.5  # seconds in which the double has to see that a client has gone
PROMPT = "Why is the sky blue?"


@pytest.fixture(scope="module")
def running():
    with ProviderDouble() as double:
        yield double


@pytest.fixture
def double(running):
    yield running
    running.clear()


@contextlib.asynccontextmanager
async def call(verb, url, **options):
    async with aiohttp.ClientSession() as session, session.request(verb, url, **options) as answer:
        yield answer


@contextlib.asynccontextmanager
async def ask(double, prompt=PROMPT, **fields):
    body = {"model": "double-1", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    url, key = f"{double.base_url}/chat/completions", {"Authorization": "Bearer sk-secret"}
    async with call("POST", url, json=body | fields, headers=key) as response:
        yield response


async def body_of(double, *steps, **fields):
    if steps:
        double.script(*steps)
    async with ask(double, **fields) as response:
        return await response.read()


async def chunks_of(double, *steps, **fields):
    lines = (await body_of(double, *steps, **fields)).split(b"\n\n")
    return [json.loads(line[len("data: ") :]) for line in lines if line.startswith(b"data: {")]


def text_of(chunks):
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    return "".join(delta.get("content", "") for delta in deltas)


# The ordinary answer


async def test_it_takes_up_the_prompt_when_it_has_no_script(double):
    chunks = await chunks_of(double)
    assert text_of(chunks) == default_reply(PROMPT) == double.requests[0].sent
    assert PROMPT in text_of(chunks)


async def test_it_goes_on_in_the_manner_that_is_asked_for(double):
    begun = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": "one two"}]
    steps = Continues("one two three", "preamble and last words"), *ENDING
    assert text_of(await chunks_of(double, *steps)) == "one two three"
    went_on = text_of(await chunks_of(double, *steps, messages=begun))
    assert went_on == double.requests[1].sent == f"{PREAMBLE}one two three"


async def test_it_sends_the_role_first_and_the_finish_reason_last(double):
    chunks = await chunks_of(double)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]


async def test_it_ends_the_stream_with_done(double):
    assert (await body_of(double)).endswith(b"data: [DONE]\n\n")


async def test_it_sends_usage_only_when_asked(double):
    double.script(Text("one two"), Usage(3, 4), Done())
    assert "usage" not in (await chunks_of(double))[-1]
    usage = (await chunks_of(double, stream_options={"include_usage": True}))[-1]["usage"]
    assert usage == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


async def test_it_answers_whole_when_not_asked_to_stream(double):
    body = json.loads(await body_of(double, *answer("one two", reason="length"), stream=False))
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "one two"}
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 2


async def test_it_lists_its_models(double):
    async with call("GET", f"{double.base_url}/models") as response:
        data = (await response.json())["data"]
    assert [model["id"] for model in data] == ["double-1", "double-2"]


@pytest.mark.parametrize("path", ["/models", "/nothing"])
async def test_it_knows_nothing_else(double, path):
    async with call("POST", double.base_url + path) as response:
        assert response.status == 404


async def test_it_refuses_a_body_that_is_no_chat_request(double):
    async with call("POST", f"{double.base_url}/chat/completions", data=b"[1") as response:
        assert response.status == 400


async def test_it_speaks_to_the_openai_client(double):
    double.script(Reasoning("hm "), *answer("blue, of course"))
    async with openai.AsyncOpenAI(base_url=double.base_url, api_key="sk-secret") as client:
        stream = await client.chat.completions.create(
            model="double-2",
            messages=[{"role": "user", "content": PROMPT}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert deltas[0].model_extra["reasoning_content"] == "hm "
    assert "".join(delta.content or "" for delta in deltas) == "blue, of course"
    assert (chunks[-2].choices[0].finish_reason, chunks[-1].usage.completion_tokens) == ("stop", 4)


# Scripts


async def test_it_prefers_the_newest_script_that_fits(double):
    double.script(*answer("any"))
    double.script(*answer("sky"), when="sky")
    double.script(*answer("sea"), when="sea")
    assert text_of(await chunks_of(double)) == "sky"


async def test_it_uses_a_script_so_many_times(double):
    double.script(*answer("later"))
    double.script(*answer("once"), times=1)
    assert [text_of(await chunks_of(double)) for _ in range(3)] == ["once", "later", "later"]


def test_it_refuses_a_script_that_does_not_say_how_it_ends(double):
    with pytest.raises(ValueError, match="how the script ends"):
        double.script(Text("one"))


def test_it_refuses_pieces_that_are_not_the_text():
    with pytest.raises(ValueError, match="not the text"):
        Text("one", pieces=["o", "n"])


async def test_it_sends_the_pieces_it_is_given(double):
    double.script(Text(pieces=["on", "e"]), *ENDING)
    async with ask(double) as response:
        frames = [data async for data, _ in response.content.iter_chunks()]
    assert b'"content":"on"' in frames[0]
    assert b'"content":"e"' in frames[1]


async def test_it_tells_of_a_script_that_cannot_be_played():
    with pytest.raises(AssertionError, match="could not play"), ProviderDouble() as double:
        double.script(Text("one"), Status(500))
        with pytest.raises(aiohttp.ClientError):
            await body_of(double)


async def test_it_waits_for_the_test(double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    async with ask(double) as response:
        first = await response.content.readuntil(b"\n\n")
        assert b"one " in first and double.texts_sent() == ["one "]
        gate.set()
        assert b"two" in await response.read()


async def test_it_sends_headers_before_the_first_piece(double):
    double.script(Headers(), Stall())
    async with ask(double) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert double.requests[0].wait_closed().sent == ""


# Frames that are wrong


@pytest.mark.parametrize(
    ("step", "wire"),
    [
        (Raw(b"junk"), b"junk"),
        (Frame("text"), b"data: text\n\n"),
        (Frame({"a": "\u00e9"}), 'data: {"a":"\u00e9"}\n\n'.encode()),
        (EmptyChoices(), b'"choices":[]}\n\n'),
        (ErrorChunk("no"), b'data: {"error":{"message":"no",'),
        (ErrorEvent("no"), b'event: error\ndata: {"error":{"message":"no",'),
        (BadJson(), b'"content":"br\n\n'),
        (BadUtf8(), b'"content":"\xff\xfe"}'),
        (Nul(), b'"content":"\\u0000"}'),
        (Trickle(b"drip", every=0.0), b"drip"),
        (Finish("content_filter"), b'"finish_reason":"content_filter"'),
    ],
)
async def test_it_writes_the_frame(double, step, wire):
    assert wire in await body_of(double, step, Done())


async def test_it_splits_a_pair_of_surrogates_over_two_deltas(double):
    wire = await body_of(double, SplitSurrogates("😀"), *ENDING)
    assert [b"\\ud83d" in line for line in wire.split(b"\n\n")[:2]] == [True, False]
    assert b"\\ude00" in wire.split(b"\n\n")[1]
    assert double.texts_sent() == ["😀"]


async def test_it_sends_one_huge_delta(double):
    chunks = await chunks_of(double, Huge(1_000_000), *ENDING)
    assert text_of(chunks[:1]) == double.requests[0].sent == "x" * 1_000_000


@pytest.mark.parametrize("count", [1, 250])
async def test_it_sends_empty_deltas(double, count):
    chunks = await chunks_of(double, EmptyDeltas(count), *ENDING)
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [{}] * (count + 1)


@pytest.mark.parametrize("size", [1, 7, 64, 1460])
async def test_it_cuts_the_frames_into_blocks(double, size):
    double.script(Chunked(size, Text("héllo 👋\r\n again"), *ENDING))
    async with ask(double) as response:
        blocks = [data async for data, _ in response.content.iter_chunks() if data]
    assert {len(block) for block in blocks[:-1]} <= {size}
    assert "héllo".encode() in b"".join(blocks) and b"".join(blocks).endswith(b"[DONE]\n\n")


async def test_it_counts_what_a_client_would_read_as_sent(double):
    frame = {"choices": [{"index": 0, "delta": {"content": "two "}}]}
    await body_of(double, Text("one "), Frame(frame), Raw(b": ", text="three"), BadUtf8(), Done())
    assert double.texts_sent() == ["one two three"]


# Answers in place of the stream


async def test_it_answers_with_a_status(double):
    double.script(Status(429, headers={"Retry-After": "7"}))
    async with ask(double) as response:
        assert (response.status, response.headers["retry-after"]) == (429, "7")
        assert "429" in (await response.json())["error"]["message"]


async def test_it_answers_with_a_body_of_any_type(double):
    double.script(Status(503, body="busy", content_type="text/plain"))
    async with ask(double) as response:
        assert (response.content_type, await response.text()) == ("text/plain", "busy")


@pytest.mark.parametrize("status", [200, 502])
async def test_it_answers_with_the_page_of_a_gateway(double, status):
    double.script(Html(status))
    async with ask(double) as response:
        assert (response.status, response.content_type) == (status, "text/html")


async def test_it_repeats_the_key(double):
    double.script(EchoKey())
    async with ask(double) as response:
        assert response.status == 401
        assert "sk-secret" in (await response.json())["error"]["message"]


@pytest.mark.parametrize("step", [Status(500), Reset(), Cut(clean=False)])
async def test_it_fails_when_not_asked_to_stream_too(double, step):
    double.script(Text("one"), step)
    with pytest.raises(aiohttp.ClientError):
        async with ask(double, stream=False) as response:
            response.raise_for_status()


# Ends


@pytest.mark.parametrize("before", [(), (Text("one two "),)])
async def test_it_ends_the_body_as_if_it_were_whole(double, before):
    wire = await body_of(double, *before, Cut(clean=True), Text("never"), *ENDING)
    assert (wire == b"") == (before == ())
    assert b"never" not in wire and b"[DONE]" not in wire


@pytest.mark.parametrize(("step", "is_reset"), [(Reset(), True), (Cut(clean=False), False)])
async def test_it_breaks_off_in_the_middle_of_the_body(double, step, is_reset):
    double.script(Text("one two "), step)
    async with ask(double) as response:
        with pytest.raises(aiohttp.ClientPayloadError) as caught:
            await response.read()
    assert ("reset by peer" in str(caught.value)) == is_reset
    assert not double.requests[0].wait_closed().closed_by_client


@pytest.mark.parametrize("step", [Reset(), Cut(clean=False)])
async def test_it_breaks_off_before_the_headers(double, step):
    double.script(step)
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await body_of(double)


@pytest.mark.parametrize(
    "step",
    [Stall(), Pause(HOUR), WaitFor(threading.Event()), Trickle(b"ab", HOUR), Endless(every=HOUR)],
    ids=lambda step: type(step).__name__,
)
async def test_it_notices_at_once_that_the_client_has_gone(double, step):
    double.script(Text("one"), step, *ENDING)
    async with ask(double) as response:
        await response.content.readuntil(b"\n\n")
    request = double.requests[0].wait_closed(NOTICE)
    assert request.closed_by_client and request.closed_at > request.started_at


async def test_it_is_endless_until_the_client_goes(double):
    double.script(Endless("more "))
    async with ask(double) as response:
        for _ in range(1000):
            assert b"more " in await response.content.readuntil(b"\n\n")
    assert double.requests[0].wait_closed().closed_by_client


async def test_it_does_not_call_a_whole_answer_closed_by_the_client(double):
    await body_of(double)
    assert not double.requests[0].wait_closed().closed_by_client


# Records


async def test_it_keeps_what_was_asked(double):
    await body_of(double, temperature=0)
    request = double.requests[0]
    assert (request.prompt, request.body["temperature"]) == (PROMPT, 0)
    assert request.headers["authorization"] == "Bearer sk-secret"


async def test_it_reads_a_prompt_made_of_parts(double):
    await body_of(double, prompt=[{"type": "text", "text": "a "}, {"type": "text", "text": "b"}])
    assert double.requests[0].prompt == "a b"


async def test_it_waits_for_requests(double):
    await asyncio.gather(*(body_of(double) for _ in range(3)))
    assert len(double.wait_for_requests(3)) == 3
    with pytest.raises(AssertionError, match="3 of 4 requests"):
        double.wait_for_requests(4, timeout=0)


async def test_it_says_which_request_is_still_open(double):
    double.script(Headers(), Stall())
    async with ask(double):
        with pytest.raises(AssertionError, match=r"sky blue.*still open"):
            double.requests[0].wait_closed(timeout=0)


async def test_it_forgets_and_ends_open_answers_when_cleared(double):
    double.script(Headers(), Stall())
    async with ask(double) as response:
        request = double.requests[0]
        double.clear()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert request.finished and not request.closed_by_client
    assert double.requests == [] and text_of(await chunks_of(double)) == default_reply(PROMPT)


# The server


async def test_it_can_be_down_and_come_back(double):
    double.stop_listening()
    with pytest.raises(aiohttp.ClientConnectorError):
        await body_of(double)
    double.listen_again()
    assert text_of(await chunks_of(double)) == default_reply(PROMPT)


async def test_it_goes_on_with_open_answers_when_it_is_down(double):
    gate = threading.Event()
    double.script(Headers(), WaitFor(gate), *answer("still here"))
    async with ask(double) as response:
        double.stop_listening()
        gate.set()
        assert b"here" in await response.read()
    double.listen_again()


async def test_it_closes_idle_connections_when_it_is_down(double):
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{double.base_url}/models") as response:
            await response.read()
        double.stop_listening()
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{double.base_url}/models")
    double.listen_again()


def test_it_says_that_its_port_is_taken(double):
    with pytest.raises(OSError, match="in use"), ProviderDouble(port=double.port):
        pass


@pytest.mark.parametrize("step", [Stall(), Endless("x" * 10_000)])
async def test_it_leaves_nothing_behind_when_its_clients_stay(step):
    before = open_things()
    async with contextlib.AsyncExitStack() as clients:
        with ProviderDouble() as double:
            double.script(Headers(), step)
            for _ in range(2):
                await clients.enter_async_context(ask(double))
        assert all(request.finished for request in double.requests)
    assert open_things() == before


def open_things():
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


async def test_it_answers_two_hundred_at_once(double):
    double.script(Text("one two three", every=0.01), *ENDING)
    await asyncio.gather(*(body_of(double) for _ in range(200)))
    assert double.texts_sent() == ["one two three"] * 200


def test_it_runs_alone_until_it_is_told_to_stop():
    command = [sys.executable, "-m", "tests.double", "--deltas", "3", "--text", "one two"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        alone = ProviderDouble(port=int(process.stdout.readline().split(":")[2].split("/")[0]))
        assert text_of(asyncio.run(chunks_of(alone))) == "one two one "
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
