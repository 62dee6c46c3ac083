"""Whatever a provider sends: what can be read of a reply comes through, and it can be stored."""

import gzip
import json

import pytest

from chat.parts import Kind, Part, call
from chat.provider import Delta, ProviderError

from ..asking import PROMPT, deltas_of, failure_of, text_of, whole_of
from ..double import (
    ENDING,
    Cut,
    Done,
    Finish,
    Frame,
    Raw,
    RawResponse,
    SplitSurrogates,
    Text,
    Usage,
)
from ..double.stream import to_json
from ..parts import said, thought, thoughts_of

ODD = [
    *("null", "true", "false", "0", "5", "-1", "-0", "1.5", "1e999", "NaN", "-Infinity"),
    *("2147483647", "2147483648", "9223372036854775808", "-9223372036854775809", "9" * 5_000),
    *('""', '" "', '"x"', f'"{"x" * 10_000}"', r'"\ud83d"', r'"\udc4b\ud83d"', r'"a\u0000b"'),
    *("[]", "[[]]", '[null,5,"x",[],{}]', "{}", '{"":{"a":[null]}}', '{"text":5,"type":"text"}'),
    "[" * 500 + "]" * 500,
]
CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "double-1",
    "system_fingerprint": None,
    "choices": [{"index": 0, "delta": {"role": "assistant"}, "logprobs": None}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {}},
}
CHOICE, DELTA = ("choices", 0), ("choices", 0, "delta")
FIELDS = [
    *((name,) for name in (*CHUNK, "unknown")),
    *(("usage", name) for name in (*CHUNK["usage"], "unknown")),
    *((*CHOICE, name) for name in ("index", "delta", "finish_reason", "logprobs", "unknown")),
    *((*DELTA, name) for name in ("role", "reasoning", "reasoning_content", "refusal")),
    *((*DELTA, name) for name in ("tool_calls", "function_call", "audio", "unknown")),
]


def chunk_with(path, value):
    """The bytes of a frame that has this JSON in this place."""
    chunk = inner = json.loads(json.dumps(CHUNK))
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = "@@"
    return Raw(b"data: " + to_json(chunk).replace(b'"@@"', value.encode()) + b"\n\n")


def can_be_stored(delta):
    counts = (delta.prompt_tokens, delta.completion_tokens)
    words = "".join(part.text for part in delta.parts) + delta.finish_reason
    return (
        "\0" not in words.encode().decode()
        and len(delta.finish_reason) <= 40
        and all(count is None or 0 <= count < 2**31 for count in counts)
    )


# A value that is odd loses its field and nothing else


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: ".".join(map(str, path)))
async def test_an_odd_value_loses_its_field_only(provider, double, path):
    steps = [step for value in ODD for step in (chunk_with(path, value), Text("!"))]
    double.script(*steps, *ENDING)
    deltas = await deltas_of(provider)
    assert "".join(delta.text for delta in deltas) == "!" * len(ODD)
    assert all(map(can_be_stored, deltas)) and deltas[-1].finish_reason in ("", "stop")


async def test_odd_content_loses_itself_only(provider, double):
    values = [value for value in ODD if not value.startswith('"')]
    steps = [
        step for value in values for step in (chunk_with((*DELTA, "content"), value), Text("!"))
    ]
    double.script(*steps, *ENDING)
    whole = await whole_of(provider)
    assert (whole.text, whole.finish_reason) == ("!" * len(values), "stop")


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
async def test_a_frame_that_is_no_chunk_is_skipped(provider, double, value):
    double.script(Text("<"), Raw(f"data: {value}\n\n".encode()), Text(">"), *ENDING)
    assert await text_of(provider) == "<>"


@pytest.mark.parametrize("value", ["null", "false", "0", '""', "[]", "{}"])
async def test_an_empty_error_is_none(provider, double, value):
    double.script(Text("<"), chunk_with(("error",), value), Text(">"), *ENDING)
    assert await text_of(provider) == "<>"


@pytest.mark.parametrize("value", ['"x"', "5", "true", "[0]", '{"code":null}'])
async def test_any_other_error_is_one(provider, double, value):
    double.script(Text("<"), chunk_with(("error",), value), Text(">"), *ENDING)
    text, error = await failure_of(provider)
    assert (text, str(error)) == ("<", "garbage: error in the stream")


@pytest.mark.parametrize("count", [0, 5, 2**31 - 1])
async def test_it_counts_tokens(provider, double, count):
    double.script(Text("one"), Finish(), Usage(count, count), Done())
    whole = await whole_of(provider)
    assert (whole.prompt_tokens, whole.completion_tokens) == (count, count)


@pytest.mark.parametrize("count", [-1, 2**31, 2**63, 1.5, True, "5", [5]])
async def test_a_count_that_is_none_leaves_the_last_one(provider, double, count):
    usage = {"prompt_tokens": count, "completion_tokens": 7}
    double.script(Text("one"), Finish(), Usage(3, 4), Frame({"usage": usage}), Done())
    whole = await whole_of(provider)
    assert (whole.prompt_tokens, whole.completion_tokens) == (3, 7)


@pytest.mark.parametrize(
    ("reason", "cleaned"),
    [
        ("STOP", "STOP"),
        ("x" * 10_000, "x" * 40),
        ("a\0b", "a\ufffdb"),
        ("\ud83d", "\ufffd"),
        (" stop\n", "stop"),
    ],
    ids=range(5),
)
async def test_a_finish_reason_can_be_stored(provider, double, reason, cleaned):
    double.script(Text("one"), Finish(reason), Done())
    assert (await whole_of(provider)).finish_reason == cleaned


@pytest.mark.parametrize("reason", ["", " ", None, 5, {}, ["stop"], True])
async def test_what_is_no_finish_reason_finishes_nothing(provider, double, reason):
    double.script(Text("one"), Finish(reason), Done())
    assert (await failure_of(provider))[0] == "one"


# Choices, parts, refusals, calls


@pytest.mark.parametrize("other", [1, 2, -1, 2**40, 2**70])
async def test_other_choices_are_ignored(provider, double, other):
    first = {"index": 0, "delta": {"content": "one"}}
    second = {"index": other, "delta": {"content": "TWO"}, "finish_reason": "length"}
    double.script(Frame({"choices": [second]}), Frame({"choices": [second, first]}), *ENDING)
    whole = await whole_of(provider)
    assert (whole.text, whole.finish_reason) == ("one", "stop")


async def test_a_choice_needs_no_index(provider, double):
    double.script(Frame({"choices": [{"delta": {"content": "one"}}]}), *ENDING)
    assert await text_of(provider) == "one"


async def test_thoughts_and_text_can_come_in_parts(provider, double):
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]}
    parts = [thinking, {"type": "reference", "reference_ids": [1]}, {"type": "text", "text": "Yes"}]
    double.script(Frame({"choices": [{"delta": {"content": parts}}]}), Text("."), *ENDING)
    whole = await whole_of(provider)
    assert (thoughts_of(whole.parts), whole.text) == ("Let me see.", "Yes.")


async def test_reasoning_can_be_an_object(provider, double):
    double.script(Frame({"choices": [{"delta": {"reasoning": {"text": "Hm."}}}]}), *ENDING)
    assert thoughts_of((await whole_of(provider)).parts) == "Hm."


async def test_it_tells_a_refusal(provider, double):
    pieces = [Frame({"choices": [{"delta": {"refusal": word}}]}) for word in ("I ", "can't.")]
    double.script(*pieces, *ENDING)
    whole = await whole_of(provider)
    assert whole.parts == [Part(Kind.REFUSAL, "I can't.")]


async def test_it_keeps_the_order_of_parts(provider, double):
    kinds = ("reasoning", "content", "reasoning", "content")
    double.script(*[Frame({"choices": [{"delta": {kind: "x"}}]}) for kind in kinds], *ENDING)
    parts = [part.kind for delta in await deltas_of(provider) for part in delta.parts]
    assert parts == ["reasoning", "text", "reasoning", "text"]


# Calls


def piece_of_call(index, **function):
    call = {"index": index, "id": f"call_{index}"} if "name" in function else {"index": index}
    return Frame({"choices": [{"delta": {"tool_calls": [call | {"function": function}]}}]})


TWO_CALLS = (
    piece_of_call(0, name="weather", arguments=""),
    piece_of_call(0, arguments='{"city": '),
    piece_of_call(0, arguments='"Köln"}'),
    piece_of_call(1, name="time", arguments="{}"),
)


async def test_calls_come_whole(provider, double):
    double.script(*TWO_CALLS, Finish("tool_calls"), Done())
    assert (await whole_of(provider)).parts == [
        call("call_0", "weather", '{"city": "Köln"}'),
        call("call_1", "time", "{}"),
    ]


async def test_a_call_that_breaks_off_is_none(provider, double):
    double.script(Text("Let me look."), *TWO_CALLS, Cut())
    parts = []
    with pytest.raises(ProviderError):
        async for delta in provider.stream([{"role": "user", "content": PROMPT}], "double-1"):
            parts += delta.parts
    assert {part.kind for part in parts} == {Kind.TEXT}
    assert "".join(part.text for part in parts) == "Let me look."


async def test_an_endless_call_is_none(provider, double):
    more = piece_of_call(0, arguments="x" * 50_000)
    double.script(TWO_CALLS[0], *[more] * 6, Finish("tool_calls"), Done())
    assert "endless function call" in str((await failure_of(provider))[1])


@pytest.mark.parametrize(
    ("delta", "called"),
    [
        ({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]}, True),
        ({"function_call": {"name": "f"}}, True),
        ({"tool_calls": [], "function_call": {"name": "", "arguments": ""}}, False),
        ({"tool_calls": [None, {}], "function_call": None}, False),
    ],
)
async def test_it_tells_a_call(provider, double, delta, called):
    double.script(Frame({"choices": [{"delta": delta}]}), Finish("tool_calls"), Done())
    assert bool((await whole_of(provider)).parts) is called


# Halves of characters


@pytest.mark.parametrize("field", ["content", "reasoning", "reasoning_content", "refusal"])
async def test_a_pair_may_be_split(provider, double, field):
    halves = [Frame({"choices": [{"delta": {field: half}}]}) for half in ("\ud83d", "\udc4b")]
    double.script(*halves, *ENDING)
    whole = await whole_of(provider)
    assert "".join(part.text for part in whole.parts) == "👋"


@pytest.mark.parametrize("end", [(Done(),), (Cut(),)], ids=repr)
async def test_half_a_character_at_the_end_is_seen(provider, double, end):
    double.script(Text("one"), SplitSurrogates("\ud83d"), Finish(), *end)
    assert await text_of(provider) == "one\ufffd"


async def test_half_a_character_at_a_break_is_left_to_who_goes_on(provider, double):
    double.script(Text("one"), SplitSurrogates("\ud83d"), Cut())
    assert (await failure_of(provider))[0] == "one"


# Responses that are broken


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
ONE = b'data: {"choices":[{"delta":{"content":"one"},"finish_reason":"stop"}]}\n\n'
HALF = ONE.replace(b'"stop"', b"null")


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.0 200 OK\r\n\r\n" + ONE,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + HEAD + b"Connection: close\r\n\r\n" + ONE,
        HEAD + b"X-Odd: \xff\xfe\x80\r\nConnection: close\r\n\r\n" + ONE,
        HEAD + b"Content-Length: 5000\r\n\r\n" + ONE,
        HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(ONE),
    ],
    ids=range(5),
)
async def test_a_whole_reply_in_an_odd_response_counts(provider, double, response):
    double.script(RawResponse(response))
    assert await text_of(provider) == "one"


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\x15\x03\x01\x00\x02\x02\x50" * 50,
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        HEAD + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        HEAD + b"Content-Length: many\r\n\r\n" + ONE,
        HEAD + b"Content-Length: 5000\r\n\r\n" + HALF,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\nnonsense" % (len(HALF), HALF),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + HALF,
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 99\r\n\r\n" + HALF.ljust(99),
        HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(HALF)[:50],
        HEAD + b"Content-Encoding: br\r\nConnection: close\r\n\r\n" + HALF,
        HEAD + b"Content-Type: \xff\r\nConnection: close\r\n\r\n" + HALF,
        b"HTTP/1.1 500 No\r\nContent-Type: x; charset=rot13\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 500 No\r\nContent-Length: 5000\r\n\r\nno",
        b"HTTP/1.1 401 No\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nno!!",
        b"HTTP/1.1 400 No\r\nConnection: close\r\n\r\n" + b"[" * 200_000,
        b"HTTP/1.1 400 No\r\nConnection: close\r\n\r\n" + b'{"error":{"code":%b}}' % (b"9" * 5000),
        b"HTTP/1.1 302 Go\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=range(20),
)
async def test_a_broken_response_is_a_provider_error(provider, double, response):
    double.script(RawResponse(response))
    error = (await failure_of(provider))[1]
    assert error.text and len(str(error)) < 200 and PROMPT not in str(error)


async def test_the_status_of_a_broken_error_counts(provider, double):
    double.script(RawResponse(b"HTTP/1.1 401 No\r\nContent-Length: 5000\r\n\r\nno"))
    assert "refused this site's key" in (await failure_of(provider))[1].text


async def test_an_endless_error_is_not_read_to_its_end(provider, double):
    body = b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n" + b"x" * 20_000_000
    double.script(RawResponse(body))
    assert str((await failure_of(provider))[1]).startswith("InternalServerError 500")


async def test_what_inflates_without_end_is_an_endless_line(provider, double):
    bomb = gzip.compress(b"data: " + b"x" * 50_000_000)
    double.script(RawResponse(HEAD + b"Content-Encoding: gzip\r\n\r\n" + bomb))
    assert str((await failure_of(provider))[1]) == "garbage: endless line"


@pytest.mark.parametrize("key", ["clé", "two\nlines", "\ud83d"], ids=range(3))
async def test_a_key_that_cannot_be_sent_is_a_provider_error(provider, settings, key):
    settings.OPENAI_API_KEY = key
    with pytest.raises(ProviderError) as caught:
        await deltas_of(provider)
    assert key not in str(caught.value)


# Deltas


def test_what_is_not_said_changes_nothing():
    delta = Delta([*said("a")], "stop", 0, 5)
    delta.add(Delta())
    assert delta == Delta([*said("a")], "stop", 0, 5)


def test_what_is_said_later_counts():
    delta = Delta([*said("a")], finish_reason="stop", prompt_tokens=9)
    delta.add(Delta([*thought("b")], "length", 0, 1))
    assert delta == Delta([*said("a"), *thought("b")], "length", 0, 1)
