"""The steps of an answer that goes wrong."""

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .steps import send_paced
from .stream import Stream, to_json

EMPTY_DELTAS_A_WRITE = 100
GATEWAY_PAGE = b"<!doctype html><html><head><title>Gateway</title></head><body>Busy.</body></html>"


@dataclass(frozen=True)
class EmptyChoices:
    async def play(self, stream: Stream) -> None:
        await stream.chunk(choices=[])


@dataclass(frozen=True)
class EmptyDeltas:
    """`count` chunks with an empty delta, many to a write."""

    count: int

    async def play(self, stream: Stream) -> None:
        frame = stream.delta_frame({})
        writes, rest = divmod(self.count, EMPTY_DELTAS_A_WRITE)
        for _ in range(writes):
            await stream.write(frame * EMPTY_DELTAS_A_WRITE)
        await stream.write(frame * rest)


@dataclass(frozen=True)
class Status:
    """This response in place of the stream; without `body` an error object as OpenAI's."""

    code: int
    headers: Mapping[str, str] | None = None
    body: dict[str, Any] | str | None = None
    content_type: str = "application/json"

    async def play(self, stream: Stream) -> None:
        body = error_object(f"The double says {self.code}.") if self.body is None else self.body
        data = body.encode() if isinstance(body, str) else to_json(body)
        stream.respond(self.code, data, {"content-type": self.content_type, **(self.headers or {})})


@dataclass(frozen=True)
class RawResponse:
    """These bytes in place of a response, headers and all, and the end of the connection."""

    data: bytes

    async def play(self, stream: Stream) -> None:
        stream.write_raw(self.data)
        await stream.sever(reset=False)


@dataclass(frozen=True)
class Html:
    """A gateway's page in place of the stream."""

    status: int = 200

    async def play(self, stream: Stream) -> None:
        stream.respond(self.status, GATEWAY_PAGE, {"content-type": "text/html; charset=utf-8"})


@dataclass(frozen=True)
class EchoKey:
    """401 that repeats the key of the request in its message."""

    async def play(self, stream: Stream) -> None:
        key = stream.request.headers.get("authorization", "").removeprefix("Bearer ")
        error = error_object(f"Incorrect API key provided: {key}.", code="invalid_api_key")
        stream.respond(401, to_json(error), {"content-type": "application/json"})


@dataclass(frozen=True)
class ErrorChunk:
    """`data: {"error": {...}}` in the stream (OpenRouter, vLLM)."""

    message: str = "The double has failed."

    async def play(self, stream: Stream) -> None:
        await stream.write(b"data: " + to_json(error_object(self.message)) + b"\n\n")


@dataclass(frozen=True)
class ErrorEvent:
    """The same as `event: error`."""

    message: str = "The double has failed."

    async def play(self, stream: Stream) -> None:
        error = to_json(error_object(self.message))
        await stream.write(b"event: error\ndata: " + error + b"\n\n")


@dataclass(frozen=True)
class BadJson:
    """A frame whose JSON breaks off."""

    async def play(self, stream: Stream) -> None:
        await stream.write(b'data: {"id":"chatcmpl-double","choices":[{"delta":{"content":"br\n\n')


@dataclass(frozen=True)
class BadUtf8:
    """A delta of bytes that are not UTF-8; not part of `request.sent`."""

    async def play(self, stream: Stream) -> None:
        frame = stream.delta_frame({"content": "@"})
        await stream.write(frame.replace(b'"content":"@"', b'"content":"\xff\xfe"'))


@dataclass(frozen=True)
class SplitSurrogates:
    """Each UTF-16 unit of the text as a JSON escape in a delta of its own. Counts as sent in one
    piece, with the first."""

    text: str = "\N{GRINNING FACE}"

    async def play(self, stream: Stream) -> None:
        text = self.text
        for unit in _utf16_units(self.text):
            await stream.delta({"content": unit}, text)
            text = ""


@dataclass(frozen=True)
class Nul:
    """A delta of one NUL."""

    async def play(self, stream: Stream) -> None:
        await stream.delta({"content": "\0"}, "\0")


@dataclass(frozen=True)
class Huge:
    """One delta of `chars` letters."""

    chars: int

    async def play(self, stream: Stream) -> None:
        text = "x" * self.chars
        await stream.delta({"content": text}, text)


@dataclass(frozen=True)
class Reset:
    """TCP RST; as the first step, before the headers. What a slow client has not taken is lost."""

    async def play(self, stream: Stream) -> None:
        await stream.sever(reset=True)


@dataclass(frozen=True)
class Cut:
    """The body ends: clean with its last chunk, as if it were whole, else in its middle."""

    clean: bool = True

    async def play(self, stream: Stream) -> None:
        if self.clean:
            stream.over = True
        else:
            await stream.sever(reset=False)


@dataclass(frozen=True)
class Stall:
    """Sends nothing more until the client goes; as the first step, not even headers."""

    async def play(self, stream: Stream) -> None:
        await asyncio.get_running_loop().create_future()


@dataclass(frozen=True)
class Trickle:
    """Raw bytes, one at a time; `text` is the content that a client would read in them, if any.
    `Chunked(1, ..., every=...)` does the same to steps."""

    data: bytes
    every: float  # seconds
    text: str = ""

    async def play(self, stream: Stream) -> None:
        text = self.text
        for byte in self.data:
            await stream.write(bytes([byte]), text)
            text = ""
            await asyncio.sleep(self.every)


@dataclass(frozen=True)
class Endless:
    """The same piece for ever, until the client goes."""

    piece: str = "again "
    every: float = 0.0  # seconds

    async def play(self, stream: Stream) -> None:
        await send_paced(stream, itertools.repeat(self.piece), self.every)


def error_object(message: str, code: str | None = None) -> dict[str, Any]:
    """An error as OpenAI's API reference writes it."""
    return {"error": {"message": message, "type": "double_error", "param": None, "code": code}}


def _utf16_units(text: str) -> Iterator[str]:
    data = text.encode("utf-16-be", "surrogatepass")
    for start in range(0, len(data), 2):
        yield chr(int.from_bytes(data[start : start + 2], "big"))
