"""A growing reply as HTML for the page, made once a tick whoever reads it.

What readers get is the difference to what they have: `{"blocks": [[index, keep, html], …]}` says
that block `index` is now the first `keep` UTF-16 units of what it was, followed by `html`, and that
there is no block behind the last one named.
"""

import asyncio
from bisect import bisect_left
from collections import deque

from .markdown import Growing, highlight_code
from .sse import frame

KEPT_FRAMES = 40  # a reader that is further behind gets all blocks anew


class Rendering:
    def __init__(self) -> None:
        self.version = 0
        self._growing = Growing()
        self._sent: list[str] = []
        self._frames: deque[bytes] = deque(maxlen=KEPT_FRAMES)
        self._length = 0
        self._busy = asyncio.Lock()

    async def advance(self, text: str) -> None:
        """Take the text as it is now. The version counts the changes."""
        async with self._busy:
            if len(text) <= self._length:
                return
            self._length = len(text)
            first = self._growing.update(text)
            if self._growing.has_new_code(first):
                await asyncio.to_thread(self._growing.highlight_finished, first)
            self._note_changes(first)

    def since(self, version: int) -> bytes:
        """The events that bring a reader from `version` to the current one; 0 is from nothing."""
        missing = self.version - version
        if version and missing <= len(self._frames):
            return b"".join(list(self._frames)[len(self._frames) - missing :])
        return _blocks_frame([[i, 0, html] for i, html in enumerate(self._sent)])

    def finished(self, first: int) -> list[str]:
        """The blocks from `first` on that cannot change any more."""
        return self._growing.finished(first)

    async def rest(self, text: str, first: int) -> list[str]:
        """The blocks from `first` on of `text`, which is all there is, highlighted."""
        await self.advance(text)
        blocks = self._growing.blocks[first:]
        return await asyncio.to_thread(lambda: [highlight_code(block) for block in blocks])

    def _note_changes(self, first: int) -> None:
        blocks = self._growing.blocks
        changes = [
            _change(index, self._sent[index] if index < len(self._sent) else "", blocks[index])
            for index in range(first, len(blocks))
            if index >= len(self._sent) or self._sent[index] != blocks[index]
        ]
        last = len(blocks) - 1
        if last >= 0 and (not changes or changes[-1][0] != last):
            changes.append(_change(last, blocks[last], blocks[last]))
        self._sent[first:] = blocks[first:]
        self._frames.append(_blocks_frame(changes))
        self.version += 1


def _change(index: int, old: str, new: str) -> list:
    keep = _common_prefix(old, new)
    return [index, _utf16_units(new[:keep]), new[keep:]]


def _common_prefix(a: str, b: str) -> int:
    """The length of what both begin with; never in the middle of a tag or an entity's bytes."""
    sizes = range(min(len(a), len(b)) + 1)
    return bisect_left(sizes, True, key=lambda size: a[:size] != b[:size]) - 1


def _utf16_units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _blocks_frame(blocks: list) -> bytes:
    return frame({"blocks": blocks})
