"""How readers follow a reply: committed text, then the end. There is no other way for text to them.

A `Tail` is what a process knows of one reply: the text that is in the database. The journal feeds
it after a commit if this process writes the reply, the watch if another one does. Any number of
readers follow a tail, from any offset.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from .endings import Ending
from .rendering import Rendering
from .sse import frame


@dataclass
class Progress:
    """What a reader gets: `text` from its offset on, at times empty, as a sign of life."""

    text: str
    offset: int  # behind `text`, in code points


class Tail:
    """The committed text of one reply, and who waits for more of it."""

    def __init__(self, reply_id: UUID, text: str = "", ending: Ending | None = None) -> None:
        self.reply_id = reply_id
        self.text = text
        self.thoughts = ""  # what the model has thought before it wrote
        self.ending = ending
        self.readers = 0
        self.is_closing = False  # this process leaves; the reply goes on elsewhere
        self._waiting: list[asyncio.Future[None]] = []
        self._last_frame = (0, 0, b"")

    @cached_property
    def rendering(self) -> Rendering:
        """The text as HTML, from the first reader on who wants that."""
        return Rendering()

    def extend(self, text: str, thoughts: str = "") -> None:
        """These have been committed."""
        if text or thoughts:
            self.text += text
            self.thoughts += thoughts
            self.wake()

    def finish(self, ending: Ending) -> None:
        """The reply has been settled, and this is what its row says."""
        self.text, self.ending = ending.text, ending
        self.wake()

    def close(self) -> None:
        """Send the readers away; they find the reply again at another process."""
        self.is_closing = True
        self.wake()

    def wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def changed(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def text_frame(self, start: int, end: int) -> bytes:
        """The text between two offsets as an event, made once for all readers."""
        if self._last_frame[:2] != (start, end):
            data = frame({"content": self.text[start:end]}, id=end)
            self._last_frame = (start, end, data)
        return self._last_frame[2]


async def follow(
    tail: Tail, after: int = 0, is_dismissed: Callable[[], bool] = lambda: False
) -> AsyncIterator[Progress]:
    """What is stored of a reply behind offset `after`, and what comes, until it ends.

    Also ends when this process is leaving, or the reader may not read any more; whether the reply
    itself has ended stands in `tail.ending`.
    """
    tail.readers += 1
    try:
        while True:
            if is_dismissed():
                return
            if len(tail.text) > after:
                start, after = after, len(tail.text)
                yield Progress(tail.text[start:], after)
            elif tail.ending or tail.is_closing:
                return
            else:
                await tail.changed()
                if len(tail.text) <= after and not (tail.ending or tail.is_closing):
                    yield Progress("", after)
    finally:
        tail.readers -= 1
