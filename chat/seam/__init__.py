"""The seam between the stored text and what a model writes when asked to continue.

Some continue exactly. Others repeat the last words, the last paragraph, list item or line of code,
reopen the fence or the table, say that they continue, start over, or find the answer complete.
What is not new text is cut here, before it is stored.

Text is held back only while it may still be a repetition, and then only if it is not found in the
stored text; all of it is linear in both. When in doubt, nothing is cut.
"""

from collections.abc import Generator

from .fences import Outline, closes, outline, run_of
from .lines import LONGEST, is_begun_again, is_decided_by_line
from .preambles import Remarks, remarks
from .repetition import Joint, Overlap, repeats_itself
from .separators import separator

LEAD = 80  # characters of whitespace that are held back
FENCE_LINE = 80  # characters
AHEAD = 4  # characters after a repetition that decide if it is one
WORD = 40  # characters of the first new word that we wait for
RESTART = 40  # characters in common with the beginning: the answer starts over
SHORTEST_PERIOD = 12  # characters; "ha ha ha" continues with another one

Reading = Generator[None, str, str]  # takes a character at a time, "" at the end


class Seam:
    """Joins what a model writes when asked to continue to the `stored` text.

    The result does not depend on how the text is split into pieces.
    """

    def __init__(self, stored: str) -> None:
        self._stored = stored
        self._bare = stored.rstrip()
        self._white = stored[len(self._bare) :]
        self._ahead = ""  # read, not yet judged
        self._is_all = False  # nothing more will come
        self._reading: Reading | None = None  # until it is decided
        if self._bare:
            self._reading = self._join()
            next(self._reading)

    def take(self, text: str) -> str:
        """What may be stored now, of `text` and the held-back text."""
        if not self._reading:
            return text
        for index, char in enumerate(text):
            released = self._send(char)
            if released is not None:
                return released + text[index + 1 :]
        return ""

    def rest(self) -> str:
        """At the end of the answer: the held-back text that is no repetition."""
        released = "" if self._reading else None
        while self._reading and not released:
            released = self._send("")
        return released or ""

    def _send(self, char: str) -> str | None:
        try:
            self._reading.send(char)
        except StopIteration as decided:
            self._reading = None
            return decided.value
        return None

    def _join(self) -> Reading:
        before = yield from self._white_space()
        if len(before) > LEAD:
            return before + self._ahead
        outlined = outline(self._stored)
        said, is_certain = yield from self._remarks(before, outlined)
        lead = (yield from self._white_space()) if said else before
        line, is_opened = yield from self._opened_again(outlined)
        indent = (yield from self._white_space()) if line else lead
        overlap, new = yield from self._overlap(outlined)
        joint = self._joint(overlap, indent, new, outlined, is_opened)
        if self._is_judged_by_line(new, outlined) and is_begun_again(
            self._stored, new, overlap.length
        ):
            return (yield from self._behind(new[overlap.length :]))
        goes_round = self._goes_round(overlap, joint)
        if joint.is_repetition() and not goes_round:
            return (yield from self._behind(new[joint.length :]))
        if overlap.top >= RESTART and not goes_round:
            return "" if self._is_all and overlap.top == len(new) else self._rewritten(overlap, new)
        text = indent + new if is_opened or not line else lead + line + indent + new
        if is_opened:
            begun = self._stored.rpartition("\n")[2]
            text = text.removeprefix(begun) if begun.isspace() else text
        if is_certain or is_opened:
            return separator(self._stored, text, outlined) + text if text else ""
        return self._apart((before if said else "") + said + text, outlined)

    # Reading:

    def _more(self) -> Reading:
        char = yield
        self._ahead += char
        self._is_all = not char
        return char

    def _white_space(self) -> Reading:
        """Takes it; more than LEAD is no seam."""
        while not self._is_all and self._ahead.isspace() | (not self._ahead):
            if len(self._ahead) > LEAD:
                break
            yield from self._more()
        bare = self._ahead.lstrip()
        white = self._ahead[: len(self._ahead) - len(bare)]
        self._ahead = bare
        return white

    def _remarks(self, before: str, outlined: Outline) -> Generator[None, str, tuple[str, bool]]:
        """Takes the remarks before the continuation; whether they are certainly not answer."""
        found = Remarks()
        if not before.strip("\n") or self._white:  # " Sure" goes on within a line
            while (found := remarks(self._ahead, is_all=self._is_all)) is None:
                yield from self._more()
        said = "" if self._stands(self._ahead[: found.end]) else self._take(found.end)
        if said or outlined.fence or self._white or not self._bare[-1].isalnum():
            return said, found.is_certain
        return (yield from self._ellipsis())

    def _stands(self, said: str) -> bool:
        """Whether it is not a remark but stored text."""
        overlap = Overlap(self._bare)
        is_open = all(map(overlap.feed, said.rstrip()))
        return said != "" and (is_open or overlap.length > 1)

    def _ellipsis(self) -> Generator[None, str, tuple[str, bool]]:
        for dots in ("…", "..."):
            while dots.startswith(self._ahead) and self._ahead != dots and not self._is_all:
                yield from self._more()
            if self._ahead == dots and not self._is_all:
                yield from self._more()
            follows = self._ahead.removeprefix(dots)[:1]
            if self._ahead.startswith(dots) and (follows.isalpha() or follows.isspace()):
                said = self._take(len(dots))
                while follows == "\n" and self._ahead == "\n" and not self._is_all:
                    yield from self._more()
                if follows == "\n":
                    said += self._take(2 if self._ahead.startswith("\n\n") else 1)
                return said, dots not in self._stored
        return "", False

    def _opened_again(self, outlined: Outline) -> Generator[None, str, tuple[str, bool]]:
        """Takes the repeated fence line, or table head, in which the stored text ends."""
        head = outlined.head
        while head and not self._is_all and head.startswith(self._ahead) and self._ahead != head:
            yield from self._more()
        if head and self._ahead.startswith(head):
            return self._take(len(head)), True
        mark = outlined.fence[:1]
        while mark and self._may_be_fence_line(mark * 3):
            yield from self._more()
        line, newline, _ = self._ahead.partition("\n")
        if not mark or not newline or run_of(line)[:1] != mark:
            return "", False
        is_same = line.strip() == outlined.fence and not closes(line.strip(), outlined.fence)
        return self._take(len(line) + 1), is_same

    def _may_be_fence_line(self, mark: str) -> bool:
        ahead = self._ahead
        is_one = ahead.startswith(mark) or mark.startswith(ahead)
        return is_one and "\n" not in ahead and len(ahead) < FENCE_LINE and not self._is_all

    def _overlap(self, outlined: Outline) -> Generator[None, str, tuple[Overlap, str]]:
        """Takes all that occurs in the stored text, and a little more to judge it by."""
        overlap, is_open = Overlap(self._bare), True
        while is_open:
            if not self._ahead:
                yield from self._more()
            char = self._take(1)
            if not char:
                overlap.close()
            is_open = char and overlap.feed(char)
        read = overlap.text
        while not self._is_all and not self._is_enough(read[overlap.length :] + self._ahead):
            yield from self._more()
        while not self._is_all and self._wants_line(read + self._ahead, overlap, outlined):
            yield from self._more()
        return overlap, read + self._take(len(self._ahead))

    def _is_enough(self, new: str) -> bool:
        return len(new) >= AHEAD + min(len(self._white), LEAD) and (
            not new.isalnum() or len(new) > WORD
        )

    def _wants_line(self, new: str, overlap: Overlap, outlined: Outline) -> bool:
        is_open = "\n" not in new and len(new) < LONGEST
        return is_open and overlap.length > 0 and self._is_judged_by_line(new, outlined)

    def _is_judged_by_line(self, new: str, outlined: Outline) -> bool:
        return not outlined.fence and is_decided_by_line(self._stored, new)

    def _behind(self, new: str) -> Reading:
        """The text after a repetition whose whitespace is partly stored."""
        if not self._white:
            return new
        self._ahead = new
        white = yield from self._white_space()
        common = 0
        while self._white[common : common + 1] == white[common : common + 1] != "":
            common += 1
        is_shorter = len(self._white) > common and "\n" not in white[common:]
        return ("" if is_shorter else white[common:]) + self._ahead

    def _take(self, length: int) -> str:
        taken, self._ahead = self._ahead[:length], self._ahead[length:]
        return taken

    # Judging:

    def _joint(
        self, overlap: Overlap, lead: str, new: str, outlined: Outline, is_opened: bool
    ) -> Joint:
        length, period = overlap.length, overlap.period
        if length < len(self._bare) and SHORTEST_PERIOD <= period <= length // 2:
            length = length % period or period  # the last of several candidates
            length += period if length < SHORTEST_PERIOD else 0
        is_code, is_closed = outlined.fence != "", self._is_closed(outlined)
        return Joint(self._bare, self._white, lead, new, length, is_code, is_opened, is_closed)

    def _is_closed(self, outlined: Outline) -> bool:
        line = self._stored.rpartition("\n")[2].strip()
        return outlined.is_closed and not self._white and run_of(line) == line != ""

    def _goes_round(self, overlap: Overlap, joint: Joint) -> bool:
        """Whether the stored text already repeats itself, so that repeating continues it."""
        length, period = overlap.length, overlap.period
        if not length or joint.is_begun_fence:
            return False
        gap = len(joint.lead) + len(self._white)
        distances = {period if length % period == 0 else length, joint.length + gap}
        twice = period < length and 2 * period <= length + len(self._white)
        return (twice and period < SHORTEST_PERIOD) or any(
            repeats_itself(self._bare, distance) for distance in distances
        )

    def _rewritten(self, overlap: Overlap, new: str) -> str:
        """An answer that starts over, from the first block that differs."""
        ends = outline(self._stored)
        closing = f"\n{ends.closing}" if ends.fence else ""
        begin = outline(self._bare[: overlap.top]).block
        text = f"{closing}\n\n{new[begin:]}"
        return text if closing else text[min(2, len(self._white) - len(self._white.rstrip("\n"))) :]

    def _apart(self, text: str, outlined: Outline) -> str:
        """`text` itself, but never on the line that closes a fence."""
        return (
            f"\n\n{text}" if self._is_closed(outlined) and run_of(text.partition("\n")[0]) else text
        )
