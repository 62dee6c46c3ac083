"""The steps of an answer that goes well. A script is a row of them, played as it stands.

Nothing is added to a script: one that ends without `*ENDING` is a body that merely ends. `answer`
makes the ordinary whole answer.
"""

import asyncio
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .stream import Step, Stream, to_json

FIRST_LOOK = 0.002  # seconds until a threading.Event is looked at again, doubled each time
LAST_LOOK = 0.05  # seconds
QUOTED_WORDS = 6  # of the prompt, in the default reply


@dataclass(frozen=True)
class Text:
    """Content deltas: the given pieces, or the words of `text`; `every` seconds between them."""

    text: str = ""
    pieces: Sequence[str] | None = None
    every: float = 0.0

    def __post_init__(self) -> None:
        if self.text and self.pieces is not None and "".join(self.pieces) != self.text:
            raise ValueError("the pieces are not the text")

    async def play(self, stream: Stream) -> None:
        pieces = words(self.text) if self.pieces is None else self.pieces
        await send_paced(stream, pieces, self.every)


@dataclass(frozen=True)
class GoOn:
    """`text` word by word; for a request that hands in its beginning, what is behind that.

    So all requests of one reply together give `text`, however often it was continued.
    """

    text: str
    every: float = 0.0

    async def play(self, stream: Stream) -> None:
        rest = self.text.removeprefix(stream.request.beginning)
        await send_paced(stream, words(rest), self.every)


@dataclass(frozen=True)
class Reasoning:
    """Word by word as `delta.reasoning_content` (DeepSeek, vLLM) or as another `field`, such as
    `reasoning` (OpenRouter); not part of `request.sent`."""

    text: str
    field: str = "reasoning_content"
    every: float = 0.0

    async def play(self, stream: Stream) -> None:
        for piece in words(self.text):
            await stream.delta({self.field: piece})
            await asyncio.sleep(self.every)


@dataclass(frozen=True)
class Pause:
    seconds: float

    async def play(self, stream: Stream) -> None:
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class WaitFor:
    """Holds the stream until the test sets the event (noticed within 50 ms) or the client goes."""

    event: threading.Event

    async def play(self, stream: Stream) -> None:
        pause = FIRST_LOOK
        while not self.event.is_set():
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_LOOK)


@dataclass(frozen=True)
class Headers:
    """Sends the headers now, which otherwise go out with the first frame."""

    async def play(self, stream: Stream) -> None:
        await stream.begin()


@dataclass(frozen=True)
class Finish:
    reason: str = "stop"

    async def play(self, stream: Stream) -> None:
        stream.finish_reason = self.reason
        choice = {"index": 0, "delta": {}, "finish_reason": self.reason}
        await stream.chunk(choices=[choice])


@dataclass(frozen=True)
class Usage:
    """The usage chunk, if the request asked for it (`stream_options.include_usage`) or `always`.
    Tokens that are not given are counted: words of the prompt, deltas of the answer."""

    prompt: int | None = None
    completion: int | None = None
    always: bool = False

    async def play(self, stream: Stream) -> None:
        stream.tokens = (self.prompt, self.completion)
        if self.always or stream.wants_usage:
            await stream.chunk(choices=[], usage=stream.usage())


@dataclass(frozen=True)
class Done:
    async def play(self, stream: Stream) -> None:
        await stream.write(b"data: [DONE]\n\n")


@dataclass(frozen=True)
class Raw:
    """Bytes as they are; `text` is the content that a client would read in them, if any."""

    data: bytes
    text: str = ""

    async def play(self, stream: Stream) -> None:
        await stream.write(self.data, self.text)


@dataclass(frozen=True)
class Frame:
    """One `data:` line: a dict as JSON, a string as it is. A dict's delta counts as sent."""

    data: dict[str, Any] | str

    async def play(self, stream: Stream) -> None:
        if isinstance(self.data, str):
            await stream.write(b"data: " + self.data.encode() + b"\n\n")
        else:
            await stream.write(b"data: " + to_json(self.data) + b"\n\n", _content(self.data))


@dataclass(frozen=True, init=False)
class Chunked:
    """The frames of `steps` cut into blocks of `size` bytes, across the bounds of frames and of
    characters; each block is one write and one HTTP chunk, `every` seconds after the last."""

    size: int
    steps: tuple[Step, ...]
    every: float

    def __init__(self, size: int, *steps: Step, every: float = 0.0) -> None:
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "every", every)

    async def play(self, stream: Stream) -> None:
        await stream.play_in_blocks(self.size, self.every, self.steps)


ENDING: tuple[Step, ...] = (Finish(), Usage(), Done())


def answer(
    text: str, *, pieces: Sequence[str] | None = None, every: float = 0.0, reason: str = "stop"
) -> tuple[Step, ...]:
    """The steps of an ordinary answer: the text, a finish reason, usage if asked for, `[DONE]`."""
    return (Text(text, pieces, every), Finish(reason), Usage(), Done())


def default_reply(prompt: str) -> str:
    """What a double without a script answers to `prompt`."""
    quoted = " ".join(prompt.split()[:QUOTED_WORDS])
    return f"You said: {quoted}. That is all I have to say."


def words(text: str) -> list[str]:
    """The words with the blanks after them; together they are the text."""
    return re.findall(r"\S+\s*|\s+", text)


async def send_paced(stream: Stream, pieces: Iterable[str], every: float) -> None:
    """Keeps to the timetable: a piece that was late does not delay those after it."""
    clock = asyncio.get_running_loop().time
    start = clock()
    for number, piece in enumerate(pieces):
        if number and every:
            await asyncio.sleep(start + number * every - clock())
        await stream.delta({"content": piece}, piece)


def _content(frame: dict[str, Any]) -> str:
    choices = frame.get("choices") or [{}]
    return choices[0].get("delta", {}).get("content") or ""
