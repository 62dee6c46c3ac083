"""The answer to one request, as the steps write it."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from aiohttp import web

from .request import Request

EVENT_STREAM = "text/event-stream; charset=utf-8"
NO_LINGER = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends RST


class Step(Protocol):
    async def play(self, stream: "Stream") -> None: ...


class Stream:
    """Writes the event stream of a chat completion. Headers go out with the first write.

    `over` is set by a step that ends the answer: what stands after it is not played.
    """

    def __init__(self, http: web.Request, request: Request, number: int) -> None:
        self.request = request
        self.response: web.StreamResponse | None = None
        self.deltas = 0
        self.finish_reason = "stop"
        self.tokens: tuple[int | None, int | None] = (None, None)  # of prompt, of completion
        self.over = False
        self._http = http
        self._severed = False
        self._block_size = 0  # bytes; 0 = every frame as it is
        self._block_every = 0.0  # seconds
        self._block = bytearray()
        self._chunk = {
            "id": f"chatcmpl-double-{number}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": request.body.get("model", ""),
        }
        self._extra_headers = {"cache-control": "no-cache", "x-request-id": f"req-double-{number}"}
        self._delta_head = (
            b"data: " + to_json(self._chunk)[:-1] + b',"choices":[{"index":0,"delta":'
        )
        self._delta_tail = b',"finish_reason":null}]'
        if self.wants_usage:
            self._delta_tail += b',"usage":null'  # as the API reference says of include_usage
        self._delta_tail += b"}\n\n"

    @property
    def wants_usage(self) -> bool:
        options = self.request.body.get("stream_options")
        return bool(options and options.get("include_usage"))

    async def play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if not self.over:
                await step.play(self)

    async def delta(self, delta: dict[str, Any], text: str = "") -> None:
        """Sends one delta, the first with the role; `text` is what it adds to `request.sent`."""
        if not self.deltas:
            delta = {"role": "assistant", **delta}
        self.deltas += 1
        await self.write(self.delta_frame(delta), text)

    def delta_frame(self, delta: dict[str, Any]) -> bytes:
        return self._delta_head + to_json(delta) + self._delta_tail

    async def chunk(self, **fields: Any) -> None:
        """Sends a chunk with these fields beside its id and model."""
        await self.write(b"data: " + to_json(self._chunk | fields) + b"\n\n")

    async def write(self, data: bytes, text: str = "") -> None:
        """Sends `data` as one write and one HTTP chunk, unless in blocks."""
        await asyncio.sleep(0)  # before it, so that a script has ended with its last write
        if text:
            self.request.record_sent(text)
        if self._block_size:
            await self._write_in_blocks(data)
        else:
            await self._send(data)

    def usage(self) -> dict[str, int]:
        prompt, completion = self.tokens
        prompt = len(self.request.prompt.split()) if prompt is None else prompt
        completion = self.deltas if completion is None else completion
        total = prompt + completion
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}

    async def play_in_blocks(self, size: int, every: float, steps: Iterable[Step]) -> None:
        self._block_size, self._block_every = size, every
        await self.play(steps)
        await self.flush()
        self._block_size = 0

    async def _write_in_blocks(self, data: bytes) -> None:
        self._block += data
        while len(self._block) >= self._block_size:
            await self._send_block()

    async def flush(self) -> None:
        while self._block and not self._severed:
            await self._send_block()

    async def _send_block(self) -> None:
        block = bytes(self._block[: self._block_size])
        del self._block[: self._block_size]
        await asyncio.sleep(self._block_every)
        await self._send(block)

    async def _send(self, data: bytes) -> None:
        await self.begin()
        await self.response.write(data)

    async def begin(self) -> None:
        """Sends the headers of an event stream, if they have not been sent."""
        if self.response is None:
            headers = {"content-type": EVENT_STREAM, **self._extra_headers}
            self.response = web.StreamResponse(headers=headers)
            await self.response.prepare(self._http)

    def respond(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Ends the answer with a whole response in place of the stream."""
        if self.response is not None:
            raise RuntimeError(f"status {status} cannot be sent: the stream has begun")
        headers = {"x-request-id": self._extra_headers["x-request-id"], **headers}
        self.response = web.Response(status=status, body=body, headers=headers)
        self.over = True

    def write_raw(self, data: bytes) -> None:
        """Past all that knows HTTP."""
        if self._http.transport is not None:
            self._http.transport.write(data)

    async def sever(self, *, reset: bool) -> None:
        """Ends the answer without the end of its body: with RST, or with FIN."""
        await self.flush()
        self.over = self._severed = True
        transport = self._http.transport
        if transport is None:
            return
        if reset:
            linger = (socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            transport.get_extra_info("socket").setsockopt(*linger)
            transport.abort()
        else:
            transport.close()

    async def end(self) -> None:
        """Ends the body properly, unless the connection has been severed."""
        if self._severed:
            return
        await self.begin()
        await self.response.prepare(self._http)
        await self.response.write_eof()


class Whole(Stream):
    """The same steps as one JSON completion (`stream` false): text is gathered and sent at the
    end. Statuses, waits and severed connections hold; what is about frames does not."""

    async def write(self, data: bytes, text: str = "") -> None:
        await asyncio.sleep(0)
        if text:
            self.request.record_sent(text)

    async def begin(self) -> None:
        pass

    async def end(self) -> None:
        if self.response is None and not self._severed:
            self.respond(200, self._completion(), {"content-type": "application/json"})
        await super().end()

    def _completion(self) -> bytes:
        message = {"role": "assistant", "content": self.request.sent}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        fields = {"object": "chat.completion", "choices": [choice], "usage": self.usage()}
        return to_json(self._chunk | fields)


def to_json(value: Any) -> bytes:
    """Compact UTF-8; a lone surrogate, which has no UTF-8, becomes its JSON escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
