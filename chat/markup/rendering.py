"""A growing reply as HTML for the page, rendered once a tick for all readers.

Readers get the diff to what they have: `{"blocks": [[index, keep, html], …]}` means that block
`index` is now the first `keep` UTF-16 units of what it was, followed by `html`, and that there is
no block after the last one named.
"""

import asyncio
from bisect import bisect_left
from collections import deque

from django.utils.safestring import SafeString

from ..sse import frame
from . import Growing, renderers

KEPT_FRAMES = 40  # a reader further behind gets all blocks again
# Limit for all changes of a reply; ordinary ones take ten bytes a character.
BYTES, BYTES_A_CHARACTER = 256 * 1024, 40


class Rendering:
    def __init__(self) -> None:
        renderers.start()
        self.version = 0
        self._growing = Growing()
        self._sent: list[str] = []
        self._frames: deque[bytes] = deque(maxlen=KEPT_FRAMES)
        self._length = self._bytes = 0
        self._busy = asyncio.Lock()
        self._page: SafeString | None = None

    async def advance(self, text: str, *, is_complete: bool = False) -> None:
        """Take the current text. The version counts the changes."""
        async with self._busy:
            if len(text) <= self._length and not is_complete:
                return
            self._length = len(text)
            first = await self._grow(text, is_complete)
            self._note_changes(first)

    async def _grow(self, text: str, is_complete: bool) -> int:
        """The index of the first block that may have changed."""
        growing = self._growing
        if growing.is_plain:
            return growing.update_plain(text)
        try:
            new = await renderers.blocks(growing.unfinished(text), is_complete=is_complete)
            first = growing.update(text, new)
        except renderers.TooMuch:
            return growing.update_plain(text)
        finished = growing.finished(first)
        growing.blocks[first : first + len(finished)] = await renderers.highlighted(finished)
        return first

    def since(self, version: int) -> bytes:
        """The events that bring a reader from `version` (0: nothing) to the current one."""
        missing = self.version - version
        if version and missing <= len(self._frames):
            return b"".join(list(self._frames)[len(self._frames) - missing :])
        return _blocks_frame([[i, 0, html] for i, html in enumerate(self._sent)])

    def finished(self, first: int) -> list[str]:
        """The blocks from `first` on that can no longer change."""
        return self._growing.finished(first)

    async def rest(self, text: str, first: int) -> list[str]:
        """The blocks of `text`, now complete, from `first` on, highlighted."""
        await self.advance(text, is_complete=True)
        return await renderers.highlighted(self._growing.blocks[first:])

    async def page(self, text: str) -> SafeString:
        """`text`, now complete, as HTML: rendered once for all readers."""
        async with self._busy:
            if self._page is None:
                self._page = await renderers.page_in_loop(text)
            return self._page

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
        self._bytes += len(self._frames[-1])
        if self._bytes > BYTES + BYTES_A_CHARACTER * self._length:
            self._growing.is_plain = True  # the same HTML is sent again and again
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
