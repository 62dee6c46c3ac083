import asyncio
import json
from uuid import uuid4

import pytest

from chat.engine.process import close
from chat.models import Message
from chat.models.endings import State

from ..double import ENDING, Cut, Stall, Status, Text
from ..replies import ended, stored, until
from ..streams import body_of, events_of

URL = "/chat/stream"


async def post(client, body, headers=None):
    data = body if isinstance(body, bytes) else json.dumps(body)
    return await client.generic("POST", URL, data, "application/json", headers=headers or {})


async def talk(client, message="Hello", **fields):
    response = await post(client, {"message": message, **fields})
    assert response.status_code == 200, response.content
    return events_of(await body_of(response))


def text_of(events):
    frames = [each.data for each in events if not each.event and each.data != "[DONE]"]
    return "".join(frame["content"] for frame in frames)


async def test_it_answers_in_one_request(aclient, double):
    double.script(Text("one two three", every=0.03), *ENDING)
    events = await talk(aclient)
    reply = await Message.objects.aget(role="assistant")
    assert text_of(events) == "one two three" == reply.text and reply.state == State.COMPLETE


async def test_its_first_event_says_what_began(aclient):
    first = (await talk(aclient))[0]
    reply = await Message.objects.aget(role="assistant")
    assert first.event == "reply" and first.data["reply"]["id"] == str(reply.pk)
    assert first.data["reply"]["events"] == f"/chat/replies/{reply.pk}/events"
    assert first.data["conversation"]["id"] == str(reply.conversation_id)


async def test_it_is_always_closed_by_done(aclient):
    *_, end, done = await talk(aclient)
    assert (end.event, end.data["state"], done.data) == ("end", "complete", "[DONE]")


async def test_its_text_frames_are_exactly_content(aclient, double):
    body = await body_of(await post(aclient, {"message": "Hello"}))
    for part in body.split(b"\n\n"):
        if part.startswith(b"data: {"):
            assert list(json.loads(part[6:])) == ["content"] and part.count(b"\n") == 0


async def test_each_of_its_text_frames_has_its_offset_before_it(aclient, double):
    double.script(Text("one two three", every=0.03), *ENDING)
    events = await talk(aclient)
    texts = [event for event in events if event.id]
    ends = [len(text_of(texts[: number + 1])) for number in range(len(texts))]
    assert len(ends) > 1 and [int(event.id) for event in texts] == ends


async def test_it_goes_on_elsewhere_from_the_offset_of_a_frame(aclient):
    first, *_ = [event for event in await talk(aclient) if event.id]
    reply = await Message.objects.aget(role="assistant")
    headers = {"last-event-id": first.id}
    response = await aclient.get(f"/chat/replies/{reply.pk}/events", headers=headers)
    rest = "".join(e.data.get("content", "") for e in events_of(await body_of(response)))
    assert text_of([first]) + rest == reply.text


async def test_what_is_no_text_is_passed_over_by_the_tutorials_clients(aclient):
    body = await body_of(await post(aclient, {"message": "Hello"}))
    named = [part for part in body.split(b"\n\n") if part.startswith(b"event:")]
    assert named and not any(b"\ndata: " in part for part in named)


@pytest.mark.parametrize("steps", [(Status(401),), (Text("one two"), Cut())])
async def test_it_tells_of_a_failure(aclient, double, steps, settings):
    settings.CHAT_RETRIES = 0
    double.script(*steps)
    *_, end, error, done = await talk(aclient)
    reply = await Message.objects.aget(role="assistant")
    assert error.data == {"error": reply.error} and not error.event and done.data == "[DONE]"
    assert end.data["state"] == "failed"


async def test_it_goes_on_with_a_conversation(aclient, conversation, double):
    await talk(aclient, "And now?", conversation=str(conversation.pk), model="double-2")
    request = double.requests[0]
    assert len(request.body["messages"]) == 3 and request.body["model"] == "double-2"


async def test_the_reply_goes_on_when_its_reader_has_gone(aclient, double):
    double.script(Text("one two three", every=0.1), *ENDING)
    reading = asyncio.create_task(talk(aclient))
    await asyncio.to_thread(double.wait_for_requests, 1)
    reading.cancel()
    await asyncio.wait([reading])
    row = await ended(await Message.objects.aget(role="assistant"))
    assert (row.state, row.text) == (State.COMPLETE, "one two three")


async def test_it_keeps_a_message_as_it_is(aclient, double):
    message = "a\r\n\tb 👋\u2028 <b> \x1b"
    await talk(aclient, message)
    assert (await Message.objects.aget(role="user")).text == message == double.requests[0].prompt


async def test_it_needs_login(stranger):
    response = await post(stranger, {"message": "Hello"})
    assert response.status_code == 401 and response.json()["error"]


async def test_it_needs_login_whatever_is_sent(stranger):
    response = await stranger.post(URL, {"message": "Hello"})
    assert response.status_code in (401, 415)


async def test_anothers_conversation_is_not_there(other_client, conversation):
    body = {"message": "Hello", "conversation": str(conversation.pk)}
    assert (await post(other_client, body)).status_code == 404
    assert await Message.objects.acount() == 2


@pytest.mark.parametrize("verb", ["get", "head", "put", "delete"])
async def test_it_rejects_other_verbs(aclient, verb):
    response = await getattr(aclient, verb)(URL)
    assert (response.status_code, response["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "x"]
)
async def test_it_takes_json_only(aclient, kind):
    response = await aclient.generic("POST", URL, '{"message": "Hello"}', kind)
    assert response.status_code == 415 and "JSON" in response.json()["error"]
    assert not await Message.objects.aexists()


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "https://testserver"},
    ],
    ids=str,
)
async def test_another_site_may_not_send(aclient, headers):
    response = await post(aclient, {"message": "Hello"}, headers)
    assert response.status_code == 403 and response.json()["error"]
    assert not await Message.objects.aexists()


@pytest.mark.parametrize(
    "headers",
    [{}, {"sec-fetch-site": "same-origin"}, {"origin": "http://testserver"}],
    ids=str,
)
async def test_the_site_itself_may_send_without_a_token(aclient, headers):
    aclient.handler.enforce_csrf_checks = True
    response = await post(aclient, {"message": "Hello"}, headers)
    assert response.status_code == 200
    await body_of(response)


BAD = [
    b"null",
    b"[]",
    b"17",
    b'"Hello"',
    b"{",
    b"{}",
    b'{"message": 1}',
    b'{"message": null}',
    b'{"message": ["Hello"]}',
    b'{"message": {"a": 1}}',
    b'{"message": true}',
    b'{"message": "Hello", "model": 1}',
    b'{"message": "Hello", "conversation": 1}',
    b'{"message": "Hello", "conversation": "1"}',
    b'{"message": "Hello", "client_id": "x"}',
    b'{"message": "Hello", "model": "gpt-9"}',
    b'{"message": NaN}',
    b'{"message": "Hello", "x": NaN}',
    b'{"message": ' + b"9" * 5_000 + b"}",
    b'{"message": "\xff\xfe"}',
    b'{"message": "\\ud83d"}',
    b'{"message": "\\udc4b\\ud83d"}',
    b'{"message": "a\\u0000b"}',
    b'{"message": ""}',
    b'{"message": " \\n "}',
    b'{"message": "' + b"x" * 32_001 + b'"}',
    b'{"message": ' + b"[" * 120_000,
    b'{"x": ' + b"[" * 120_000 + b"]" * 120_000 + b"}",
    b"\xef\xbb\xbf{}",
    b'{"message": "Hello"} x',
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body[:40]))
async def test_it_refuses(aclient, body):
    response = await post(aclient, body)
    assert response.status_code == 400, response
    assert response.json()["error"] and not await Message.objects.aexists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message": "one", "message": "two"}', "two"),
        (b'{"message": "Hello", "temperature": 1e999}', "Hello"),
        (b'{"message": "Hello", "n": ' + b"9" * 5_000 + b"}", "Hello"),
        (b'{"message": "\\ud83d\\udc4b"}', "👋"),
        (b'{"message": "Hello", "model": ""}', "Hello"),
    ],
    ids=lambda part: repr(part[:30]),
)
async def test_it_takes_or_refuses_but_does_not_break(aclient, body, message):
    response = await post(aclient, body)
    if response.status_code == 200:
        await body_of(response)
        assert (await Message.objects.aget(role="user")).text == message
    else:
        assert response.status_code == 400 and not await Message.objects.aexists()


async def test_it_refuses_a_body_without_end(aclient):
    response = await post(aclient, b'{"message": "' + b"x" * 2_000_000 + b'"}')
    assert response.status_code == 413 and response.json()["error"]


async def test_it_takes_no_message_while_a_reply_is_written(aclient, running):
    body = {"message": "And?", "conversation": running["conversation"]["id"]}
    assert (await post(aclient, body)).status_code == 409
    assert await Message.objects.acount() == 2


async def test_it_stores_the_same_client_id_once(aclient):
    client_id = str(uuid4())
    first, second = [(await talk(aclient, client_id=client_id))[0] for _ in range(2)]
    assert first.data["reply"]["id"] == second.data["reply"]["id"]
    assert await Message.objects.acount() == 2


async def test_it_limits_messages_per_minute(aclient, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    await talk(aclient)
    response = await post(aclient, {"message": "Again"})
    assert response.status_code == 429 and "Retry-After" in response


async def test_a_reader_too_many_is_told_before_its_message_is_stored(aclient, settings, running):
    settings.CHAT_READERS_PER_USER = 0
    response = await post(aclient, {"message": "Hello"})
    assert response.status_code == 429 and await Message.objects.acount() == 2


async def test_it_takes_no_message_while_the_process_leaves(aclient, engine):
    engine.is_leaving = True
    response = await post(aclient, {"message": "Hello"})
    assert response.status_code == 503 and "Retry-After" in response


async def test_it_says_when_the_reply_goes_on_without_it(aclient, double):
    double.script(Text("one two"), Stall())
    reading = asyncio.create_task(talk(aclient))
    await until(Message.objects.filter(role="assistant").aexists)
    await stored(await Message.objects.aget(role="assistant"), "one two")
    await close()
    *_, error, done = await reading
    assert "goes on" in error.data["error"] and done.data == "[DONE]"
