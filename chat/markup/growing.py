"""Which blocks of a growing text are finished: only what follows them is rendered again."""

from .parsing import plain_block


class Growing:
    """The HTML of a growing text, as a list of blocks."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.is_plain = False  # from now on it is not rendered
        self._finished = 0  # how many blocks can no longer change
        self._begin = 0  # where the first unfinished block starts in the text

    def unfinished(self, text: str) -> str:
        """The part of `text` that must be rendered."""
        return text[self._begin :]

    def update(self, text: str, positioned: list[tuple[int, str]]) -> int:
        """Take the blocks of `unfinished(text)`; the index of the first that may have changed."""
        first = self._finished
        self.blocks[first:] = [html for _, html in positioned]
        # A block is closed as soon as a whole line begins its next sibling: CommonMark is parsed
        # line by line (appendix "A parsing strategy").
        is_whole = positioned and "\n" in text[self._begin + positioned[-1][0] :]
        closed = len(positioned) - (1 if is_whole else 2)
        if closed > 0:
            self._finished += closed
            self._begin += positioned[closed][0]
        return first

    def update_plain(self, text: str) -> int:
        """Like `update`, but not rendered from now on."""
        self.is_plain = True
        self.blocks[self._finished :] = [plain_block(self.unfinished(text))]
        return self._finished

    def finished(self, first: int) -> list[str]:
        """The blocks from `first` on that can no longer change."""
        return self.blocks[first : self._finished]
