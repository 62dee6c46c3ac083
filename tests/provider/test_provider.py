import asyncio
import json
import logging
import threading

import pytest

from chat.conf import conf
from chat.provider import Provider, ProviderError, clean
from chat.provider import answer as answers

from ..asking import PROMPT, deltas_of, failure_of, text_of
from ..conftest import KEY
from ..double import (
    ENDING,
    BadJson,
    BadUtf8,
    Chunked,
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
)
from ..parts import thoughts_of

FIVE = Text(pieces=["one ", "two ", "three ", "four ", "five "])
LOST = "The connection to the model was lost before its reply was finished."
GARBAGE = "The model's server sent something that is not a reply. Try again in a moment."
STALLED = "The model stopped answering. Try again, or choose another model."
UNREACHABLE = "The model's server cannot be reached. Try again in a moment."
KEY_REFUSED = "The model's server refused this site's key. Please tell the site's staff."
REJECTED = "The provider rejected the request. Try again, or choose another model."
TOO_LONG = "This chat has become too long for the model. Start a new chat, or choose another model."
BUSY = "The model is busy. Try again in a minute."
BUSY_OR_USED_UP = "The model is busy or its quota is used up. Try again in a minute."
USED_UP = "This site's quota for the model is used up. Please tell the site's staff."
ELSEWHERE = "The model's server sends this site elsewhere. Please tell the site's staff."
TROUBLE = "The model's server has a problem. Try again in a moment."
SOON = 0.3  # seconds


# Replies


async def test_it_gives_the_text_as_it_comes(provider, double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    deltas = provider.stream([{"role": "user", "content": PROMPT}], "double-1")
    first = [(await anext(deltas)).text]
    while first[-1] != "one ":
        first.append((await anext(deltas)).text)
    gate.set()
    assert "".join([delta.text async for delta in deltas]) == "two"


async def test_it_sends_the_messages_the_model_and_the_key(provider, double):
    await deltas_of(provider, "double-2")
    request = double.requests[0]
    assert (request.prompt, request.body["model"]) == (PROMPT, "double-2")
    assert request.headers["authorization"] == f"Bearer {KEY}"


async def test_it_sends_what_the_site_adds(provider, double, settings):
    settings.CHAT_EXTRA_BODY = {"reasoning_effort": "low"}
    await deltas_of(provider)
    assert double.requests[0].body["reasoning_effort"] == "low"


async def test_it_tells_usage_and_finish_reason(provider, double):
    double.script(Text("one two"), Finish("length"), Usage(3, 4), Done())
    last = await deltas_of(provider)
    assert "length" in [delta.finish_reason for delta in last]
    assert (3, 4) in [(delta.prompt_tokens, delta.completion_tokens) for delta in last]


async def test_it_needs_no_done_behind_the_finish_reason(provider, double):
    double.script(Text("one"), Finish(), Cut())
    assert await text_of(provider) == "one"


async def test_it_does_not_wait_long_for_usage(provider, double, monkeypatch):
    monkeypatch.setattr(answers, "AFTER_FINISH", 0.1)
    double.script(Text("one"), Finish(), Stall())
    async with asyncio.timeout(10):
        assert await text_of(provider) == "one"


@pytest.mark.parametrize("end", [Reset(), Cut(clean=False)])
async def test_it_forgives_a_bad_end_behind_the_finish_reason(provider, double, end):
    double.script(Text("one"), Finish(), end)
    assert await text_of(provider) == "one"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_it_tells_reasoning_apart(provider, double, field):
    double.script(Reasoning("Let me see.", field), *answer("Yes."))
    deltas = await deltas_of(provider)
    assert "".join(thoughts_of(delta.parts) for delta in deltas) == "Let me see."
    assert "".join(delta.text for delta in deltas) == "Yes."


# Odd but whole


@pytest.mark.parametrize("size", [1, 7, 64, 1460])
async def test_it_reads_blocks_of_any_size(provider, double, size):
    double.script(Chunked(size, Text("héllo 👋\r\n\u2028 end"), *ENDING))
    assert await text_of(provider) == "héllo 👋\r\n\u2028 end"


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (SplitSurrogates("👋🏽"), "👋🏽"),
        (SplitSurrogates("\ud83d"), "\ufffd"),
        (Nul(), "\ufffd"),
        (EmptyChoices(), ""),
        (EmptyDeltas(10_000), ""),
        (Huge(1_000_000), "x" * 1_000_000),
        (Raw(b": a comment\n\n"), ""),
        (Raw(b"event: ping\nid: 1\nretry: 5\n\n"), ""),
        (Raw(b'data: {"choices":[{"delta":null}],"usage":null}\n\n'), ""),
        (Frame({"choices": None}), ""),
        (Frame({"choices": [{"delta": {"content": None}}]}), ""),
        (Frame({"choices": [{"delta": {"content": "a\0b"}, "other": [{}]}], "x": {}}), "a\ufffdb"),
    ],
    ids=repr,
)
async def test_it_takes(provider, double, step, text):
    double.script(Text("<"), step, Text(">"), *ENDING)
    assert await text_of(provider) == f"<{text}>"


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
async def test_it_takes_other_newlines(provider, double, end):
    chunk = b'data: {"choices":[{"delta":{"content":"one"},"finish_reason":"stop"}]}'
    double.script(Raw(chunk + end + end + b"data: [DONE]" + end + end, text="one"), Cut())
    assert await text_of(provider) == "one"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\0b", "a\ufffdb"),
        ("\ud83d\udc4b", "👋"),
        ("a\ud83db\udc4b", "a\ufffdb\ufffd"),
        ("héllo 👋\r\n\x1b", "héllo 👋\r\n\x1b"),
    ],
)
def test_it_makes_text_that_can_be_stored(text, cleaned):
    assert clean(text) == cleaned


# Faults

FAULTS = [
    (Reset(), LOST),
    (Cut(clean=True), LOST),
    (Cut(clean=False), LOST),
    (Done(), LOST),
    (ErrorChunk(), GARBAGE),
    (ErrorEvent(), GARBAGE),
    (BadJson(), GARBAGE),
    (BadUtf8(), GARBAGE),
    (Frame("[" * 100_000), GARBAGE),
]


@pytest.mark.parametrize(("fault", "text"), FAULTS, ids=repr)
async def test_it_fails_before_the_first_piece_with(provider, double, fault, text):
    double.script(Headers(), fault, Cut())
    assert (await failure_of(provider))[1].text == text


@pytest.mark.parametrize(("fault", "text"), FAULTS, ids=repr)
async def test_it_fails_after_five_with(provider, double, settings, fault, text):
    settings.CHAT_RETRIES = 2
    gate = threading.Event()
    double.script(FIVE, WaitFor(gate), fault, Cut())
    came = ""
    with pytest.raises(ProviderError) as caught:
        async for delta in provider.stream([{"role": "user", "content": PROMPT}], "double-1"):
            came += delta.text
            if came == "".join(FIVE.pieces):
                gate.set()
    assert (came, caught.value.text) == ("one two three four five ", text)
    assert len(double.requests) == 1


@pytest.mark.parametrize("fault", [BadJson(), ErrorChunk(), Done()], ids=repr)
async def test_it_gives_the_text_that_came_together_with_a_fault(provider, double, fault):
    double.script(Chunked(100_000, FIVE, fault), Cut())
    assert (await failure_of(provider))[0] == "one two three four five "


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Status(400), REJECTED),
        (Status(422), REJECTED),
        (Status(402), USED_UP),
        (Status(408), STALLED),
        (Status(413), TOO_LONG),
        (Status(401), KEY_REFUSED),
        (Status(403), KEY_REFUSED),
        (EchoKey(), KEY_REFUSED),
        (Status(404), "The model is not there any more. Choose another one."),
        (Status(429), BUSY_OR_USED_UP),
        (Status(429, headers={"Retry-After": "7"}), BUSY),
        (Status(429, headers={"Retry-After": "7200"}), "The model is busy. Try again later."),
        (Status(429, headers={"Retry-After": "inf"}), "The model is busy. Try again later."),
        (Status(429, headers={"Retry-After": "nan"}), BUSY),
        (Status(429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), BUSY_OR_USED_UP),
        (Status(529), BUSY),
        (Status(500), TROUBLE),
        (Status(503, body="busy", content_type="text/plain"), TROUBLE),
        (Html(502), TROUBLE),
        (Status(304), ELSEWHERE),
        (Html(200), GARBAGE),
        (Status(200, body={"error": {"message": "no"}}), GARBAGE),
        (Reset(), UNREACHABLE),
        (Cut(clean=False), UNREACHABLE),
    ],
    ids=repr,
)
async def test_it_says_in_its_own_words(provider, double, step, text):
    double.script(step)
    came, error = await failure_of(provider)
    assert (came, error.text, len(double.requests)) == ("", text, 1)


SAID = [
    (400, "This model's maximum context length is 8192 tokens. However, …", TOO_LONG),  # vLLM
    (400, "request (4390 tokens) exceeds the available context size (4096 tokens)", TOO_LONG),
    (500, "Context size has been exceeded.", TOO_LONG),  # llama.cpp
    (400, "Prompt contains 40000 tokens, too large for model with 32768 maximum …", TOO_LONG),
    (400, "prompt is too long: 201130 tokens > 200000 maximum", TOO_LONG),  # Anthropic
    (400, "The input token count (1048577) exceeds the maximum number of …", TOO_LONG),  # Gemini
    (429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, …", TOO_LONG),
    (400, "max_tokens is too large: 100000. This model supports at most 16384 …", REJECTED),
    (400, "x" * 3_000 + "maximum context length", REJECTED),  # is not looked at
    (429, "Rate limit reached for gpt-4o in organization org-1 on requests per min", BUSY),
    (400, "Your credit balance is too low to access the Anthropic API.", USED_UP),
]


@pytest.mark.parametrize(("status", "message", "text"), SAID)
@pytest.mark.parametrize("shape", ["{}", '{"error":{}}', '[{"error":{}}]'])
async def test_it_understands(provider, double, status, message, text, shape):
    said = json.dumps({"message": message, "type": ["odd"], "code": status})
    double.script(Status(status, body=shape.replace("{}", said)))
    error = (await failure_of(provider))[1]
    assert error.text == text and "tokens" not in str(error)


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (400, "context_length_exceeded", TOO_LONG),
        (429, "insufficient_quota", USED_UP),
        (429, "rate_limit_exceeded", BUSY),
    ],
)
async def test_it_understands_the_code(provider, double, status, code, text):
    double.script(Status(status, body={"error": {"message": "No.", "code": code}}))
    assert (await failure_of(provider))[1].text == text


async def test_it_understands_an_overflow_that_is_told_in_the_stream(provider, double, settings):
    settings.CHAT_RETRIES = 2
    double.script(ErrorChunk("the request exceeds the available context size."), Cut())
    assert (await failure_of(provider))[1].text == TOO_LONG
    assert len(double.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_it_takes_prompt_and_key_nowhere_else(provider, double, settings, status):
    settings.CHAT_RETRIES = 2
    itself = f"{double.base_url}/chat/completions"
    double.script(Status(status, headers={"Location": itself}))
    error = (await failure_of(provider))[1]
    assert (error.text, len(double.requests)) == (ELSEWHERE, 1)
    assert str(status) in str(error) and itself not in str(error)


HOME = "http://provider.home.arpa/v1"  # a name that leads nowhere
ON_THE_WAY = "The way to the model's server is not encrypted. Please tell the site's staff."
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture
def elsewhere(settings):
    """The provider is on another machine, to which the site speaks plain http."""
    settings.OPENAI_BASE_URL, settings.CHAT_PLAIN_HTTP = HOME, True


async def test_it_tells_nobody_on_the_way(provider, double, settings, elsewhere):
    settings.CHAT_PLAIN_HTTP, settings.CHAT_PROXY = False, double.base_url
    error = (await failure_of(provider))[1]
    assert (error.text, double.requests) == (ON_THE_WAY, [])
    assert "CHAT_PLAIN_HTTP=on" in str(error)


async def test_it_asks_no_proxy_of_the_environment(provider, double, elsewhere, monkeypatch):
    for name in PROXIES + tuple(map(str.lower, PROXIES)):
        monkeypatch.setenv(name, double.base_url)
    assert (await failure_of(provider))[1].text == UNREACHABLE
    assert not double.requests


async def test_it_asks_the_proxy_of_the_site(provider, double, settings, elsewhere):
    settings.CHAT_PROXY = double.base_url
    assert await text_of(provider)
    assert double.requests[0].headers["host"] == "provider.home.arpa"


async def test_it_asks_no_proxy_for_this_machine(provider, double, settings):
    settings.CHAT_PROXY = "http://127.0.0.1:9"  # nobody listens
    assert await text_of(provider)


async def test_it_sends_nobody_cookies_of_somebody_else(provider, double):
    double.script(Status(500, headers={"Set-Cookie": f"a={'x' * 4_000}; Path=/"}), times=1)
    await failure_of(provider)
    await deltas_of(provider)
    assert "cookie" not in double.requests[1].headers


async def test_it_says_when_nobody_listens(provider, double):
    double.stop_listening()
    try:
        assert (await failure_of(provider))[1].text == UNREACHABLE
    finally:
        double.listen_again()


async def test_it_refuses_a_line_that_never_ends(provider, double, monkeypatch):
    monkeypatch.setattr("chat.sse.MAX_LINE", 100_000)
    double.script(FIVE, Raw(b"data: " + b"x" * 200_000), Stall())
    assert (await failure_of(provider))[1].text == GARBAGE


# Time


@pytest.mark.parametrize(
    "steps", [(Stall(),), (Headers(), Stall()), (Trickle(b": " * 99, 0.05), Cut())]
)
async def test_it_waits_so_long_for_the_first_piece(provider, double, settings, steps):
    settings.CHAT_FIRST_PIECE_TIMEOUT = SOON
    double.script(*steps)
    async with asyncio.timeout(SOON + 1):
        assert (await failure_of(provider))[1].text == STALLED


@pytest.mark.parametrize(
    "steps", [(Stall(),), (Trickle(b": " * 99, 0.05), Cut()), (EmptyDeltas(1), Stall())]
)
async def test_it_waits_so_long_for_the_next_piece(provider, double, settings, steps):
    settings.CHAT_PIECE_TIMEOUT = SOON
    double.script(FIVE, *steps)
    async with asyncio.timeout(SOON + 1):
        came, error = await failure_of(provider)
    assert (came, error.text) == ("one two three four five ", STALLED)


async def test_it_waits_for_each_piece_anew(provider, double, settings):
    settings.CHAT_FIRST_PIECE_TIMEOUT = settings.CHAT_PIECE_TIMEOUT = 4 * SOON
    double.script(Text("one two three four", every=1.5 * SOON), *ENDING)
    assert await text_of(provider) == "one two three four"


# Tries


@pytest.mark.parametrize(
    "fault", [Reset(), Status(500), Status(429), Html(200), ErrorChunk(), Cut()], ids=repr
)
async def test_it_tries_again_before_the_first_piece(provider, double, settings, fault):
    settings.CHAT_RETRIES = 1
    double.script(fault, Cut(), times=1)
    assert await text_of(provider) and len(double.requests) == 2


async def test_it_tries_no_more_often_than_it_may(provider, double, settings):
    settings.CHAT_RETRIES = 1
    double.script(Status(503))
    assert (await failure_of(provider))[1].text == TROUBLE
    assert len(double.requests) == 2


OUT_OF_QUOTA = Status(429, body={"error": {"message": "No.", "type": "insufficient_quota"}})


@pytest.mark.parametrize(
    "fault",
    [*map(Status, (302, 400, 401, 402, 403, 404, 413, 422)), OUT_OF_QUOTA, BadJson()],
    ids=repr,
)
async def test_it_does_not_ask_again_what_was_refused(provider, double, settings, fault):
    settings.CHAT_RETRIES = 2
    double.script(fault, Cut())
    await failure_of(provider)
    assert len(double.requests) == 1


async def test_it_waits_as_long_as_it_is_told(provider, double, settings):
    settings.CHAT_RETRIES = 1
    double.script(Status(429, headers={"Retry-After": "1"}), times=1)
    await text_of(provider)
    first, second = double.requests
    assert second.started_at - first.started_at > 0.7


async def test_it_does_not_wait_for_minutes(provider, double, settings):
    settings.CHAT_RETRIES = 2
    double.script(Status(429, headers={"Retry-After": "60"}))
    text = (await failure_of(provider))[1].text
    assert "in a minute" in text and len(double.requests) == 1


# What it leaves


async def test_it_closes_the_stream_of_who_stops(provider, double):
    double.script(Endless("again ", every=0.01))
    deltas = provider.stream([{"role": "user", "content": PROMPT}], "double-1")
    await anext(deltas)
    await deltas.aclose()
    request = await asyncio.to_thread(double.requests[0].wait_closed, 1)
    assert request.closed_by_client


async def test_it_closes_the_request_of_who_stops_before_the_first_piece(provider, double):
    double.script(Stall())
    task = asyncio.create_task(deltas_of(provider))
    await asyncio.to_thread(double.wait_for_requests, 1)
    task.cancel()
    request = await asyncio.to_thread(double.requests[0].wait_closed, 1)
    assert request.closed_by_client


@pytest.mark.parametrize(
    "steps",
    [
        (EchoKey(),),
        (Status(500, body=f"{KEY} {PROMPT}"),),
        (FIVE, ErrorChunk(f"{KEY} {PROMPT}"), Cut()),
        (FIVE, Frame(f"{KEY} {PROMPT}"), Cut()),
    ],
    ids=repr,
)
async def test_it_keeps_key_and_prompt_to_itself(provider, double, caplog, steps):
    caplog.set_level(logging.DEBUG, logger="chat")
    double.script(*steps)
    error = (await failure_of(provider))[1]
    for words in (caplog.text, str(error), error.text):
        assert KEY not in words and PROMPT not in words


@pytest.mark.parametrize(
    ("id", "logged"),
    [
        ("req_1.2-3", "request req_1.2-3"),
        ("a b\tc/\u00e9{}", "request abc"),
        ("x" * 5_000, "request " + "x" * 64),
        ("", "request unknown"),
        (KEY, "request withheld"),
        (f"{'x' * 60}-{KEY[:4]} {KEY[4:]}", "request withheld"),
        (f"req_{KEY[2:12]}", "request withheld"),
    ],
    ids=range(7),
)
async def test_it_logs_so_much_of_a_request_id(provider, double, id, logged):
    double.script(Status(500, headers={"x-request-id": id}))
    assert str((await failure_of(provider))[1]) == f"InternalServerError 500, {logged}"


async def test_it_tells_staff_where_to_look(provider, double):
    double.script(Status(401))
    error = (await failure_of(provider))[1]
    assert str(error).endswith("The provider refused the key. Check OPENAI_API_KEY.")


# Connections that are used again


async def test_an_end_that_comes_in_a_burst_does_not_starve_the_next_reply(
    provider, double, monkeypatch
):
    monkeypatch.setattr(answers, "MUCH", 16 * 1024)
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), _burst(16 * 1024), Cut(), times=1)
    async with provider.answer([{"role": "user", "content": PROMPT}], "double-1") as answer:
        answer.keep_out()
        gate.set()
        while not answer.is_over:
            await answer.arrival()
            answer.take()
        async with asyncio.timeout(10):  # before the first is closed
            assert await text_of(provider)
    first, second = double.requests
    assert first.port == second.port


def _burst(size):
    """The end of a body, which is of `size` bytes with the marks of its chunks."""
    finish = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    marks = len(f"{size:x}\r\n\r\n0\r\n\r\n")
    return Raw(b":".ljust(size - marks - len(finish) - 1, b"x") + b"\n" + finish)


async def test_the_demo_answers_without_key_and_address(settings):
    settings.OPENAI_BASE_URL = settings.OPENAI_API_KEY = ""
    settings.CHAT_MODELS = []
    provider = Provider()
    assert conf().is_demo and await provider.models() == ["demo"]
    first = await anext(deltas := provider.stream([{"role": "user", "content": "Hi"}], "demo"))
    await deltas.aclose()
    await provider.close()
    assert first.text == "You"
