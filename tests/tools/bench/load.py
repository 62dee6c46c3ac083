"""The load: many readers at a time, each of one reply, and what they saw.

Readers are bare protocols that look for stamps in whatever bytes arrive: the load has to cost much
less than what it measures.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .provider import Directions
from .stamps import UNITS, ages, find, stamp

HOST = "127.0.0.1"
SHORTEST_RAMP, LONGEST_RAMP = 2.0, 6.0  # seconds over which the starts of readers are spread,
STARTS = 50.0  # at most so many in a second, if that is possible
PATIENCE = 2.0  # times the ideal duration, until readers that have not come to an end are cut off
LEAST_PATIENCE = 10.0  # seconds
SLACK = 0.8  # seconds that a reply may end late, a tenth of one of 400 deltas
BEAT = 0.02  # seconds between two looks at how late the load itself is
ERROR_CHARS = 300  # of an answer that was not expected


class Road(Protocol):
    """How to get a reply from a server."""

    end: bytes  # what comes behind the last text
    streams_at_once: bool  # in the answer to the first request

    def ask(self, number: int, prompt: str) -> bytes:
        """The request of reader `number`."""

    def follow(self, number: int, answer: bytes) -> bytes:
        """The second request, if there is one, made of the body of the first answer."""


@dataclass
class Seen:
    """What one reader saw of its reply. Times in seconds."""

    asked: float = 0.0
    first: float | None = None  # from the request to the first piece, less the provider's own time
    took: float | None = None  # from the request to the end
    deltas: int = 0
    delays: list[float] = field(default_factory=list)  # milliseconds since the provider's sending
    sent_over: float = 0.0  # from the provider's first delta to its last
    bytes: int = 0  # of the answer that held the text, with all headers and framing
    error: str = ""


class Reader(asyncio.Protocol):
    """Sends the request, follows the reply, and fulfils `done` with what it saw."""

    def __init__(self, road: Road, number: int, prompt: str) -> None:
        self.seen = Seen()
        self.done = asyncio.get_running_loop().create_future()
        self._road, self._number, self._prompt = road, number, prompt
        self._received = b""  # that has not been looked at
        self._last = -1  # the newest stamp

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._take = self._head if self._road.streams_at_once else self._answer
        self.seen.asked = time.monotonic()
        transport.write(self._road.ask(self._number, self._prompt))

    def data_received(self, data: bytes) -> None:
        self._take(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._finish(self.seen.error or f"lost: {error or 'closed'}")

    def cut_off(self) -> None:
        self.seen.error = "cut off"
        self._transport.abort()

    def _answer(self, data: bytes) -> None:
        """The answer to the first request: it says where to find the text."""
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if not complete:
            return
        if b" 201 " not in head[:20]:
            self._finish(self._received[:ERROR_CHARS].decode(errors="replace"))
            return
        if len(body) >= _content_length(head):
            self._received = b""
            self._take = self._head
            self._transport.write(self._road.follow(self._number, body))

    def _head(self, data: bytes) -> None:
        """The headers of the answer that holds the text."""
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if not complete:
            return
        if b" 200 " not in head[:20]:
            self._finish(self._received[:ERROR_CHARS].decode(errors="replace"))
            return
        self.seen.bytes += len(head) + 4
        self._received = b""
        self._take = self._text
        if body:
            self._text(body)

    def _text(self, data: bytes) -> None:
        """Whatever comes, counted up to the last whole frame of it."""
        now = stamp()
        self.seen.bytes += len(data)
        data = self._received + data
        whole = data.rfind(b"\n\n") + 1
        self._received = data[whole:]
        if not whole:
            return
        end = data.find(self._road.end, 0, whole)
        stamps = find(data[:end] if end >= 0 else data[:whole])
        if stamps:
            self._note(stamps, now)
        if end >= 0:
            self.seen.took = time.monotonic() - self.seen.asked
            self._finish("")

    def _note(self, stamps: list[int], now: int) -> None:
        if self._last < 0:  # the first is that of the request's arrival at the provider
            own = (stamps[1] - stamps[0]) / UNITS
            self.seen.first = time.monotonic() - self.seen.asked - own
            stamps = stamps[1:]
            self._began = stamps[0]
        if stamps[0] <= self._last:  # blocks of the page's form that came again
            stamps = [each for each in stamps if each > self._last]
        if stamps:
            self._last = stamps[-1]
            self.seen.sent_over = (self._last - self._began) / UNITS
            self.seen.deltas += len(stamps)
            self.seen.delays += ages(stamps, now)

    def _finish(self, error: str) -> None:
        self.seen.error = error
        if not self.done.done():
            self.done.set_result(self.seen)
        self._transport.close()


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if rest else 0


@dataclass
class Crowd:
    """What all readers of one run saw."""

    directions: Directions
    readers: list[Seen]
    cpu: float = 0.0  # seconds of the server
    lateness: list[float] = field(default_factory=list)  # milliseconds of the load's own beat

    @property
    def deltas(self) -> int:
        return sum(seen.deltas for seen in self.readers)

    @property
    def delays(self) -> list[float]:
        return [delay for seen in self.readers for delay in seen.delays]

    @property
    def firsts(self) -> list[float]:
        """Milliseconds to the first piece beyond the provider's own."""
        return [seen.first * 1000 for seen in self.readers if seen.first is not None]

    @property
    def first_delays(self) -> list[float]:
        """Milliseconds from the provider's first delta to its receipt."""
        return [seen.delays[0] for seen in self.readers if seen.delays]

    @property
    def kept_pace(self) -> int:
        """Readers that had the whole reply not much later than the provider could send it."""
        limit = self.directions.duration + SLACK
        return sum(
            seen.took is not None and seen.took <= limit and seen.deltas == self.directions.deltas
            for seen in self.readers
        )

    @property
    def provider_pace(self) -> float:
        """Of the rate that it should send at, 1.0 if it kept to it."""
        ideal = sum(max(seen.deltas - 1, 0) for seen in self.readers) / self.directions.rate
        real = sum(seen.sent_over for seen in self.readers)
        return ideal / real if real else 1.0

    @property
    def errors(self) -> list[str]:
        return [seen.error for seen in self.readers if seen.error]


async def crowd(
    port: int,
    road: Road,
    count: int,
    directions: Directions,
    *,
    ramp: float | None = None,
    cpu: Callable[[], float] = lambda: 0.0,
) -> Crowd:
    """`count` readers, each of a reply of its own; `cpu` tells what a server has used (seconds)."""
    if ramp is None:
        ramp = min(max(count / STARTS, SHORTEST_RAMP), LONGEST_RAMP)
    begun = cpu()
    late: list[float] = []
    beat = asyncio.create_task(_beat(late))
    deadline = max(PATIENCE * directions.duration, LEAST_PATIENCE) + ramp
    readers = [_read(port, road, n, directions, ramp, deadline) for n in range(count)]
    seen = await asyncio.gather(*readers)
    beat.cancel()
    return Crowd(directions, list(seen), cpu() - begun, late)


async def _read(
    port: int, road: Road, number: int, directions: Directions, ramp: float, deadline: float
) -> Seen:
    loop = asyncio.get_running_loop()
    wait = random.uniform(0, ramp)
    await asyncio.sleep(wait)
    try:
        _, reader = await loop.create_connection(
            lambda: Reader(road, number, directions.prompt()), HOST, port
        )
    except OSError as error:
        return Seen(error=f"refused: {error}")
    cutter = loop.call_later(deadline - wait, reader.cut_off)
    seen = await reader.done
    cutter.cancel()
    return seen


async def _beat(late: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT
        await asyncio.sleep(BEAT)
        late.append(1000 * (loop.time() - due))


class ParleyRoad:
    """What all that goes to Parley has in common: people who are logged in."""

    def __init__(self, port: int, sessions: list[str]) -> None:
        self._host = f"{HOST}:{port}".encode()
        self._sessions = sessions

    def get(self, path: str, number: int, *, accept: str = "text/html") -> bytes:
        first = f"GET {path} HTTP/1.1\r\naccept: {accept}\r\n"
        return first.encode() + self._common(number) + b"\r\n"

    def _common(self, number: int) -> bytes:
        session = self._sessions[number % len(self._sessions)].encode()
        return b"host: %b\r\ncookie: sessionid=%b; csrftoken=%b\r\n" % (self._host, session, CSRF)


class ProgramRoad(ParleyRoad):
    """The text form, as the tutorials' clients read it: one request, which streams the reply."""

    end = b"data: [DONE]"
    streams_at_once = True

    def ask(self, number: int, prompt: str) -> bytes:
        body = json.dumps({"message": prompt}).encode()
        return (
            b"POST /chat/stream HTTP/1.1\r\n%b"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
        ) % (self._common(number), len(body), body)

    def follow(self, number: int, answer: bytes) -> bytes:
        raise NotImplementedError


class PageRoad(ParleyRoad):
    """As the page does it: POST the message, then follow the events of the reply."""

    end = b"event: end"
    streams_at_once = False

    def ask(self, number: int, prompt: str) -> bytes:
        body = b"message=" + prompt.replace(" ", "+").encode()
        return (
            b"POST /chat/ HTTP/1.1\r\n%b"
            b"accept: application/json\r\nx-csrftoken: %b\r\n"
            b"content-type: application/x-www-form-urlencoded\r\ncontent-length: %d\r\n\r\n%b"
        ) % (self._common(number), CSRF, len(body), body)

    def follow(self, number: int, answer: bytes) -> bytes:
        path = json.loads(answer)["reply"]["events"] + "?as=html"
        return self.get(path, number, accept="text/event-stream")


CSRF = b"b" * 32


class ReferenceRoad:
    """One request, which streams the reply."""

    end = b"data: [DONE]"
    streams_at_once = True

    def ask(self, number: int, prompt: str) -> bytes:
        body = json.dumps({"message": prompt}).encode()
        return (
            b"POST /chat HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b"
        ) % (len(body), body)

    def follow(self, number: int, answer: bytes) -> bytes:
        raise NotImplementedError


class GivenRoad:
    """Follows replies that have been asked for before, `paths[n]` by reader n."""

    end = b"event: end"
    streams_at_once = True

    def __init__(self, parley: ParleyRoad, paths: list[str]) -> None:
        self._parley, self._paths = parley, paths

    def ask(self, number: int, prompt: str) -> bytes:
        return self._parley.get(self._paths[number], number, accept="text/event-stream")

    def follow(self, number: int, answer: bytes) -> bytes:
        raise NotImplementedError


async def fetch(port: int, request: bytes) -> tuple[float, bytes]:
    """Milliseconds until the whole answer to a request is there, and its body."""
    reader, writer = await asyncio.open_connection(HOST, port)
    begun = time.monotonic()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(_content_length(head))
    took = 1000 * (time.monotonic() - begun)
    writer.close()
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
        raise RuntimeError((head + body)[:ERROR_CHARS].decode(errors="replace"))
    return took, body
