import asyncio
import threading
from uuid import UUID, uuid4

import pytest
from django.db import connection

from chat.engine.process import close
from chat.models import Message

from ..double import ENDING, Reasoning, Text, WaitFor, answer
from ..streams import Event, apply, ask, body_of, events_of, read, reading, text_of

STREAM = {"accept": "text/event-stream"}


async def begin_to_read(client, url, until):
    """What a reader has got when it goes away, as daphne sees it go."""
    body, enough = b"", asyncio.Event()

    async def reading():
        nonlocal body
        async for part in (await client.get(url, headers=STREAM)).streaming_content:
            body += part
            if until in body:
                enough.set()

    task = asyncio.create_task(reading())
    await asyncio.wait_for(enough.wait(), 30)
    task.cancel()
    await asyncio.wait([task])
    return body


@pytest.fixture
def url(conversation):
    return f"/chat/replies/{conversation.head_id}/events"


async def test_it_gives_a_settled_reply_and_its_end(aclient, url):
    assert await read(aclient, url) == [
        Event({"content": "Hi *there* 👋"}, id="12"),
        Event({"state": "complete", "finish_reason": "stop", "error": ""}, "end"),
    ]


async def test_it_gives_a_reply_as_it_is_written(aclient, double):
    double.script(Text("one two three four", every=0.03), *ENDING)
    asked = await ask(aclient, "Hello")
    *pieces, end = await read(aclient, asked["reply"]["events"])
    assert len(pieces) > 1 and text_of(pieces) == "one two three four"
    assert end.data["state"] == "complete"


async def test_it_sends_its_headers_at_once(aclient, url):
    response = await aclient.get(url, headers=STREAM)
    assert (await body_of(response)).startswith(b": open\n\n")


async def test_nothing_on_the_way_may_hold_it_back(aclient, url):
    response = await aclient.get(url, headers=STREAM | {"accept-encoding": "gzip"})
    await body_of(response)
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-cache, no-store, no-transform"
    assert (response["X-Accel-Buffering"], response["Content-Encoding"]) == ("no", "identity")
    assert "Connection" not in response and "Content-Length" not in response


@pytest.mark.parametrize("after", range(13))
async def test_it_resumes(aclient, url, after):
    *pieces, _ = await read(aclient, f"{url}?after={after}")
    assert text_of(pieces) == "Hi *there* 👋"[after:]


async def test_it_resumes_after_the_last_event(aclient, url):
    response = await aclient.get(url, headers=STREAM | {"last-event-id": "3"})
    assert text_of(events_of(await body_of(response))) == "*there* 👋"


async def test_a_reader_that_comes_back_misses_nothing(aclient, double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    url = (await ask(aclient, "Hello"))["reply"]["events"]
    first = events_of(await begin_to_read(aclient, url, until=b"one "))[-1]
    gate.set()
    rest = await read(aclient, f"{url}?after={first.id}")
    assert first.id == "4" and text_of(rest) == "two"


async def test_it_gives_the_page_blocks(aclient, url):
    changes, end = await read(aclient, f"{url}?as=html")
    assert apply([], changes.data["blocks"]) == ["<p>Hi <em>there</em> 👋</p>"]
    assert "<em>there</em>" in end.data["html"] and end.data["state"] == "complete"


async def test_it_gives_the_page_blocks_as_they_grow(aclient, double):
    gate = threading.Event()
    double.script(Text("one *two* "), WaitFor(gate), Text("three\n\nfour"), *ENDING)
    url = (await ask(aclient, "Hello"))["reply"]["events"] + "?as=html"
    stream = await reading(aclient, url)
    await begin_to_read(aclient, url, until=b"two")
    gate.set()
    *frames, _ = await stream
    blocks = []
    for frame in frames:
        if frame.data:  # no sign of life
            blocks = apply(blocks, frame.data["blocks"])
    assert blocks == ["<p>one <em>two</em> three</p>", "<p>four</p>"]
    assert len([frame for frame in frames if frame.data]) > 1


async def test_it_gives_the_page_what_the_model_thinks(aclient, double):
    gate = threading.Event()
    double.script(Reasoning("Hm. "), WaitFor(gate), Reasoning("Well."), *answer("Yes."))
    url = (await ask(aclient, "Hello"))["reply"]["events"] + "?as=html"
    for _ in range(2):  # who comes later gets them from the beginning
        thoughts = events_of(await begin_to_read(aclient, url, until=b"Hm. "))[-1]
        assert thoughts.data == {"thoughts": "Hm. "}
    gate.set()
    *frames, end = await read(aclient, url)
    assert "".join((each.data or {}).get("thoughts", "") for each in frames) == "Hm. Well."
    assert "Well." in end.data["html"]


async def test_it_ends_when_the_reply_is_stopped(aclient, running):
    stream = await reading(aclient, running["reply"]["events"])
    await aclient.post(running["reply"]["stop"])
    *pieces, end = await stream
    assert (text_of(pieces), end.data["state"]) == ("one two", "stopped")


@pytest.mark.parametrize("html", ["", "?as=html"])
async def test_it_says_that_the_reply_goes_on_when_the_process_leaves(aclient, running, html):
    stream = await reading(aclient, running["reply"]["events"] + html)
    await close()
    end = (await stream)[-1]
    assert (end.event, end.data) == (
        "end",
        {"state": "streaming", "finish_reason": "", "error": ""},
    )


@pytest.mark.parametrize("accept", ["text/event-stream", "*/*"])
async def test_it_needs_login(stranger, url, accept):
    response = await stranger.get(url, headers={"accept": accept})
    assert response.status_code == 401 and response.json()["error"]


@pytest.mark.parametrize("query", ["", "?as=html", "?after=1"])
async def test_it_is_not_there_for_others(other_client, url, query):
    assert (await other_client.get(url + query, headers=STREAM)).status_code == 404


async def test_it_is_not_there(aclient):
    assert (await aclient.get(f"/chat/replies/{uuid4()}/events")).status_code == 404


@pytest.mark.parametrize("verb", ["head", "post", "put", "delete"])
async def test_it_rejects_other_verbs(aclient, url, verb):
    response = await getattr(aclient, verb)(url)
    assert (response.status_code, response["Allow"]) == (405, "GET")


OTHER_REPLY = "5f9d2f0e-6f0b-4d0c-9a70-3b1f2c4d5e6f"
BAD = ["-1", "1e30", "x", "13", "99999999999", "1.5", "٣", "0x1", " 1", OTHER_REPLY, "1" * 5_000]


@pytest.mark.parametrize("offset", BAD)
async def test_it_refuses_an_offset_like(aclient, url, offset):
    response = await aclient.get(url, {"after": offset})
    assert response.status_code == 400 and "Begin without one" in response.json()["error"]


@pytest.mark.parametrize("offset", [each for each in BAD if each.isascii()])
async def test_it_refuses_a_last_event_id_like(aclient, url, offset):
    response = await aclient.get(url, headers=STREAM | {"last-event-id": offset})
    assert response.status_code == 400


async def test_it_limits_the_open_streams_of_one_person(aclient, running, settings):
    settings.CHAT_READERS_PER_USER = 1
    url = running["reply"]["events"]
    stream = await reading(aclient, url)
    second = await aclient.get(url, headers=STREAM)
    assert second.status_code == 429 and int(second["Retry-After"]) > 0
    stream.cancel()
    await asyncio.wait([stream])
    assert await begin_to_read(aclient, url, until=b"one two")


@pytest.mark.parametrize("query", ["", "?as=html"])
async def test_many_at_once_are_no_more_than_the_limit(aclient, running, settings, query):
    settings.CHAT_READERS_PER_USER = 3
    url = running["reply"]["events"] + query
    answers = await asyncio.gather(*(aclient.get(url, headers=STREAM) for _ in range(12)))
    assert sorted(each.status_code for each in answers) == [200] * 3 + [429] * 9
    for each in answers:
        each.close()


@pytest.mark.parametrize("status", [404, 400])
async def test_a_stream_that_was_refused_does_not_count(aclient, url, settings, status):
    settings.CHAT_READERS_PER_USER = 1
    refused = {404: f"/chat/replies/{uuid4()}/events", 400: f"{url}?after=99"}[status]
    for _ in range(2):
        assert (await aclient.get(refused, headers=STREAM)).status_code == status
    assert await read(aclient, url)


async def test_a_stream_that_was_never_read_counts_no_more(aclient, url, settings):
    settings.CHAT_READERS_PER_USER = 1
    (await aclient.get(url, headers=STREAM)).close()
    assert text_of(await read(aclient, url)) == "Hi *there* 👋"


async def test_a_stream_ends_when_its_person_logs_out(aclient, running):
    stream = await reading(aclient, running["reply"]["events"])
    await aclient.alogout()
    end = (await asyncio.wait_for(stream, 10))[-1]
    assert end.data["error"] == "You have been logged out."
    assert await Message.objects.running().aexists()


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "another"}], ids=str)
async def test_a_stream_ends_when_its_account_is_not_what_it_was(aclient, running, user, change):
    stream = await reading(aclient, running["reply"]["events"])
    await type(user).objects.filter(pk=user.pk).aupdate(**change)
    end = (await asyncio.wait_for(stream, 10))[-1]
    assert end.data["error"] == "You have been logged out."


async def test_who_may_read_on_reads_on(aclient, running, engine):
    reading = asyncio.create_task(read(aclient, running["reply"]["events"]))
    await asyncio.sleep(0.05)
    await engine.readers.send_away(engine.requests)
    await aclient.post(running["reply"]["stop"])
    assert (await asyncio.wait_for(reading, 10))[-1].data["state"] == "stopped"


async def test_the_reply_of_somebody_deactivated_is_stopped(running, user, engine):
    await type(user).objects.filter(pk=user.pk).aupdate(is_active=False)
    (generation,) = engine.generations.values()
    await asyncio.wait_for(generation.ended(), 10)
    assert (await Message.objects.aget(pk=running["reply"]["id"])).state == "abandoned"


async def test_a_stream_of_a_running_reply_can_be_read_twice(aclient, double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    url = (await ask(aclient, "Hello"))["reply"]["events"]
    readers = [await reading(aclient, url) for _ in range(2)]
    gate.set()
    assert [text_of(events) for events in await asyncio.gather(*readers)] == ["one two"] * 2


async def test_an_exception_ends_a_stream_as_it_should(aclient, engine, running, caplog):
    def fail(*_):
        raise RuntimeError("nobody expected this")

    stream = await reading(aclient, running["reply"]["events"] + "?as=html")
    await engine.requests.run(lambda: connection.execute_wrappers.append(fail))
    await engine.stop(UUID(running["reply"]["id"]))
    end = (await stream)[-1]
    await engine.requests.run(lambda: connection.execute_wrappers.remove(fail))
    assert (end.event, end.data["state"]) == ("end", "streaming")
    assert "nobody expected this" in caplog.text
