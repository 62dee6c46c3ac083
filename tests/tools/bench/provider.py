"""A provider double for hundreds of streams: `python -m tests.tools.bench.provider --port 21000`.

It costs as little as it can, so that it does not become what is measured: frames are made once a
millisecond and shared by all answers that are due in it. What to answer stands in the prompt.
"""

import argparse
import asyncio
import json
import random
import re
from collections import defaultdict
from dataclasses import dataclass

import uvloop

from .stamps import DIGITS, UNITS, stamp

TICK = 0.001  # seconds
JITTER = 0.02  # seconds by which first deltas are spread, so that answers do not march in step
PARAGRAPH = 60  # stamped deltas
BACKLOG = 4096  # connections
HOST = "127.0.0.1"
MODEL = "bench"

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_CHUNK = {
    "id": "chatcmpl-bench",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": MODEL,
    "system_fingerprint": "fp-bench",
}
_DIRECTIONS = re.compile(rb"bench (\d+) deltas, ([\d.]+) a second, after ([\d.]+) s, (\w+)")

PROSE = (
    "A reply of a model is mostly **plain sentences**, some of them with `code` in them and others "
    "with a [link](https://example.com/) to somewhere else. They make up paragraphs of a few lines "
    "each, which is how people write, and how models have learned to write from people.\n\n"
    "1. Then comes a list, because models like lists.\n"
    "2. Its second entry is *longer* than the first, and says nothing that matters to anybody.\n"
    "3. The third one ends it.\n\n"
    '```python\nfor word in ("one", "two", "three"):\n    print(word.upper(), end=" ")\n```\n\n'
)


@dataclass(frozen=True)
class Directions:
    """What an answer is to be like."""

    deltas: int
    rate: float = 50.0  # deltas a second
    after: float = 0.2  # seconds from the request to the first delta, as if the model was thinking
    kind: str = "stamped"  # or "prose": Markdown, 4 characters a delta

    def prompt(self) -> str:
        return (
            f"bench {self.deltas} deltas, {self.rate} a second, after {self.after} s, {self.kind}"
        )

    @property
    def duration(self) -> float:
        """Seconds from the request to the last delta."""
        return self.after + (self.deltas - 1) / self.rate


def _read_directions(body: bytes) -> Directions:
    """What the last prompt in a request's body asks for."""
    deltas, rate, after, kind = _DIRECTIONS.findall(body)[-1]
    return Directions(int(deltas), float(rate), float(after), kind.decode())


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(**fields: object) -> bytes:
    return b"data: " + json.dumps(_CHUNK | fields, separators=(",", ":")).encode() + b"\n\n"


def _delta(content: str) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    return _http_chunk(_event(choices=[choice], usage=None))


def _ending(deltas: int) -> bytes:
    finish = {"index": 0, "delta": {}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": deltas, "total_tokens": deltas + 10}
    events = _event(choices=[finish], usage=None) + _event(choices=[], usage=usage)
    return _http_chunk(events + b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Template:
    """A frame with a place for a stamp."""

    def __init__(self, before: str) -> None:
        self._head, self._tail = _delta(before + "#" * DIGITS).split(b"#" * DIGITS)

    def at(self, time: int) -> bytes:
        return b"%b%0*d%b" % (self._head, DIGITS, time, self._tail)


class Frames:
    """The frames of one millisecond, made when the first answer wants them."""

    word, paragraph = Template(" "), Template("\n\n")
    prose = [_delta((PROSE * 10)[i * 4 : i * 4 + 4]) for i in range(len(PROSE) * 10 // 4)]

    def __init__(self, time: int) -> None:
        self.time = time
        self._word = self._paragraph = b""

    def of(self, answer: "Answer") -> bytes:
        if answer.directions.kind == "prose":
            return self.prose[answer.sent % len(self.prose)]
        if answer.sent == 0:
            return Template(f"{answer.asked_at:0{DIGITS}d} ").at(self.time)
        if answer.sent % PARAGRAPH == 0:
            self._paragraph = self._paragraph or self.paragraph.at(self.time)
            return self._paragraph
        self._word = self._word or self.word.at(self.time)
        return self._word


class Answer:
    def __init__(self, transport: asyncio.Transport, directions: Directions) -> None:
        self.directions = directions
        self.asked_at = stamp()  # is sent along with the first delta
        self.sent = 0  # deltas
        self._transport = transport

    def send(self, frames: Frames) -> bool:
        """One more delta; False when it was the last, or the client is gone."""
        if self._transport.is_closing():
            return False
        frame = frames.of(self)
        self.sent += 1
        if self.sent == self.directions.deltas:
            frame += _ending(self.sent)
        self._transport.write(frame)
        return self.sent < self.directions.deltas


class Clock:
    """Sends what is due, every millisecond. If it is late it sends all it owes, in order."""

    def __init__(self) -> None:
        self._due: dict[int, list[tuple[Answer, float]]] = defaultdict(list)
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._done = 0  # ticks
        self._stamp = 0

    def begin(self, answer: Answer) -> None:
        delay = answer.directions.after + random.uniform(0, JITTER)
        self._plan(answer, self._loop.time() - self._begun + delay)

    def _plan(self, answer: Answer, when: float) -> None:
        self._due[max(int(when / TICK), self._done + 1)].append((answer, when))

    def tick(self) -> None:
        now = self._loop.time() - self._begun
        for number in range(self._done + 1, int(now / TICK) + 1):
            self._done = number
            if number in self._due:
                self._send(self._due.pop(number))
        self._loop.call_at(self._begun + (self._done + 1) * TICK, self.tick)

    def _send(self, due: list[tuple[Answer, float]]) -> None:
        self._stamp = max(stamp(), self._stamp + 1)  # each tick has its own, also when it is late
        frames = Frames(self._stamp)
        for answer, when in due:
            if answer.send(frames):
                self._plan(answer, when + 1 / answer.directions.rate)


class Connection(asyncio.Protocol):
    """Speaks just enough HTTP for the clients of this benchmark: one request after the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._received = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if not complete:
            return
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if length is None or len(body) >= int(length[1]):
            self._received = b""
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        if not _DIRECTIONS.search(body):  # from a stranger
            self._transport.close()
            return
        self._transport.write(HEAD)
        self._clock.begin(Answer(self._transport, _read_directions(body)))


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    clock = Clock()
    server = await loop.create_server(lambda: Connection(clock), HOST, port, backlog=BACKLOG)
    clock.tick()
    await server.serve_forever()


if __name__ == "__main__":
    assert UNITS * TICK >= 1, "a tick must be longer than the unit of a stamp"
    parser = argparse.ArgumentParser("tests.tools.bench.provider")
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
