"""Reads the site's event streams, more strictly than a browser would."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

BEGINS = 10.0  # seconds


@dataclass
class Event:
    data: Any
    event: str = ""
    id: str = ""


def events_of(body):
    """The events of a whole stream. Each is ASCII, one line a field, one line of JSON as data."""
    assert not body or body.endswith(b"\n\n"), f"breaks off: {body[-80:]!r}"
    body = re.sub(
        rb"^(id: \d+\n)\n(?=data: )", rb"\1", body, flags=re.MULTILINE
    )  # for what follows
    blocks = body.decode("ascii").split("\n\n")[:-1]
    return [event for block in blocks if (event := event_of(block))]


def event_of(block):
    """The event of a block without its blank line; None for a comment or an offset alone."""
    fields = {}
    for line in block.split("\n"):
        name, colon, value = line.partition(":")
        assert colon and name in ("", "id", "event", "data"), f"no field: {line!r}"
        assert name not in fields, f"{name!r} twice in {block!r}"
        fields[name] = value.removeprefix(" ")
    if fields.keys() in ({""}, {"id"}):
        return None
    assert "data" in fields and "" not in fields, block
    data = fields["data"] if fields["data"] == "[DONE]" else json.loads(fields["data"])
    return Event(data, fields.get("event", ""), fields.get("id", ""))


def text_of(events):
    """The text of a reply, from the events that are text."""
    return "".join(each.data["content"] for each in events if not each.event and each.id)


def apply(blocks, changes):
    """What the page does with a frame of `?as=html`."""
    blocks = list(blocks)
    for index, keep, html in changes:
        blocks += [""] * (index + 1 - len(blocks))
        units = blocks[index].encode("utf-16-le")[: 2 * keep]
        blocks[index] = units.decode("utf-16-le") + html
    return blocks[: changes[-1][0] + 1 if changes else 0]


async def body_of(response):
    """All of a streaming response of the test client."""
    return b"".join([part async for part in response.streaming_content])


async def ask(client, message, url="/chat/", **fields):
    """Sends a message as the page's script does; what the site says of it."""
    answer = await client.post(
        url, {"message": message, **fields}, headers={"accept": "application/json"}
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


async def read(client, url):
    """The events of a stream, to its end."""
    response = await client.get(url, headers={"accept": "text/event-stream"})
    assert response.status_code == 200, response.content
    return events_of(await body_of(response))


async def reading(client, url):
    """A task that reads a stream to its end, now that the first of its events has come."""
    begun = asyncio.Event()

    async def read_on():
        response = await client.get(url, headers={"accept": "text/event-stream"})
        body = b""
        async for part in response.streaming_content:
            body += part
            if b"data: " in body:
                begun.set()
        return events_of(body)

    task = asyncio.create_task(read_on())
    async with asyncio.timeout(BEGINS):
        await begun.wait()
    return task


async def ask_and_wait(client, message, url="/chat/", **fields):
    """Sends a message and waits for the end of its reply; the reply's JSON."""
    asked = await ask(client, message, url, **fields)
    await read(client, asked["reply"]["events"])
    return (await client.get(asked["reply"]["url"])).json()
