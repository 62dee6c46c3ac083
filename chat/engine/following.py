"""How readers follow a reply: committed parts, then the end. There is no other way.

A `Tail` is what a process knows of one reply: the committed part of its log. The journal
feeds it after a commit if this process writes the reply, the watch if another one does. Any number
of readers follow a tail, from any offset, each while it is counted (`Tails.reading`).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from ..markup.rendering import Rendering
from ..models.endings import Ending
from ..parts import SAID, Kind, Log, Part
from ..sse import frame


@dataclass
class Progress:
    """What a reader gets: `parts` from its offset on; none at times, as a keep-alive."""

    parts: list[Part]
    offset: int  # after them

    def placed(self) -> Iterator[tuple[Part, int]]:
        """Each part, and the offset after it."""
        offset = self.offset - sum(len(part.text) for part in self.parts)
        for part in self.parts:
            offset += len(part.text)
            yield part, offset


class Tail:
    """What is committed of one reply, and who waits for more."""

    def __init__(
        self, reply_id: UUID, log: Log | None = None, ending: Ending | None = None
    ) -> None:
        self.reply_id = reply_id
        self.log = log or Log()
        self.ending = ending
        self.readers = 0
        self.is_closing = False  # this process shuts down; the reply goes on elsewhere
        self._waiting: list[asyncio.Future[None]] = []
        self._last_frames = (0, 0, b"")

    @cached_property
    def rendering(self) -> Rendering:
        """The text as HTML, from the first reader that wants it."""
        return Rendering()

    @property
    def text(self) -> str:
        """What the reply says so far."""
        return self.log.text

    def extend(self, start: int, parts: Iterable[Part]) -> None:
        """`parts` have been committed from offset `start` on; they may be known already."""
        if self.log.extend(start, parts):
            self.wake()

    def finish(self, ending: Ending) -> None:
        """The reply has settled, as its row says."""
        self.log, self.ending = ending.log, ending
        self.wake()

    def close(self) -> None:
        """Disconnect the readers; they find the reply again in another process."""
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

    def frames(self, after: int) -> bytes:
        """The parts after an offset as events, made once for all readers."""
        end = len(self.log)
        if self._last_frames[:2] != (after, end):
            new = Progress(self.log.behind(after), end)
            data = b"".join(part_frame(part, offset) for part, offset in new.placed())
            self._last_frames = (after, end, data)
        return self._last_frames[2]


def part_frame(part: Part, offset: int | str = "") -> bytes:
    """A part as an event; `offset` is after it.

    What the reply says has no event name: clients that know only text get just that.
    """
    if part.kind in SAID:
        return frame({"content": part.text}, id=offset)
    is_call = part.kind == Kind.CALL
    data = json.loads(part.text) if is_call else {part.kind: part.text}
    return frame(data, event=part.kind, id=offset)


async def follow(
    tail: Tail, after: int = 0, is_dismissed: Callable[[], bool] = lambda: False
) -> AsyncIterator[Progress]:
    """What is stored of a reply after offset `after`, and what comes, until it ends.

    Also ends when this process shuts down, or the reader may not read any more; `tail.ending` says
    whether the reply itself has ended.
    """
    while not is_dismissed():
        if len(tail.log) > after:
            parts, after = tail.log.behind(after), len(tail.log)
            yield Progress(parts, after)
        elif tail.ending or tail.is_closing:
            return
        else:
            await tail.changed()
            if len(tail.log) <= after and not (tail.ending or tail.is_closing):
                yield Progress([], after)
