"""Whether a text begins with the end of another, and not by coincidence."""

import re
from array import array
from dataclasses import dataclass

SURE = 24  # characters; never repeated by coincidence
LIKELY = 12  # characters of more than one word
LETTERS = 6  # and digits, or different characters, in either
SOME_LETTERS = 4  # and digits, of a restarted line or text
WORD = 5  # letters of a single whole word: below that it may be a syllable, as in "chercher"
PERIOD = 40  # characters that a text that repeats itself shares with what came before
NEEDLE = 32  # characters that are searched for at once
MARKER = re.compile(
    r"(?:[-*+]|\d{1,3}[.)]|#{1,6}|>) |\|(?=[ :-])|```|~~~"
)  # of a line: item, row, fence
BULLETS = ("-", "*", "+")


class Overlap:
    """The longest prefix of a growing text that is a suffix of `stored`.

    Knuth-Morris-Pratt with a growing pattern: linear in both texts together. The text read
    is not kept while it occurs somewhere in `stored`.
    """

    def __init__(self, stored: str) -> None:
        self.stored = stored
        self.start = 0  # of the first occurrence in `stored` of the text read
        self.read = 0  # characters
        self.top = 0  # characters it shares with the beginning of `stored`
        self.length = 0  # of the overlap; final once `feed` returns False
        self.last = ""  # the character after which it occurs nowhere
        self._borders = array("L")  # of each prefix, the longest one that is also its suffix

    @property
    def text(self) -> str:
        """All text read so far."""
        return self.stored[self.start : self.start + self.read - len(self.last)] + self.last

    @property
    def period(self) -> int:
        """The period at which the overlap repeats itself; its length if it does not."""
        return self.length - self._borders[self.length - 1] if self.length else 0

    def feed(self, char: str) -> bool:
        """Take the next character; whether more can change the overlap."""
        begin, matched = self.start, self.read
        self._grow(char)
        begin, matched = self._search(char, begin, begin + matched, matched)
        if matched < self.read:
            self.last, self.length = char, matched
            return False
        self.start, self.length = begin, matched
        self.top = self.read if begin == 0 else self.top
        return begin + matched < len(self.stored)

    def close(self) -> None:
        """No more text follows: a match in mid-`stored` may end with an overlap."""
        if self.read and self.start + self.read < len(self.stored):
            self.feed("")  # which matches nothing
            self.read -= 1

    def _grow(self, char: str) -> None:
        border = self._borders[-1] if self.read else 0
        while border and self.stored[self.start + border] != char:
            border = self._borders[border - 1]
        if self.read and self.stored[self.start + border] == char:
            border += 1
        self._borders.append(border)
        self.read += 1

    def _search(self, char: str, start: int, at: int, matched: int) -> tuple[int, int]:
        """Where the text read so far begins, or the end, and how much of it matches there."""
        stored, wanted = self.stored, self.read
        while at < len(stored):
            if stored[at] == (char if matched == wanted - 1 else stored[start + matched]):
                at, matched = at + 1, matched + 1
                if matched == wanted:
                    break
            elif matched:
                matched = self._borders[matched - 1]
            else:
                at = self._leap(char, start, at + 1)
        return at - matched, matched

    def _leap(self, char: str, start: int, at: int) -> int:
        """The next place from `at` on where the text read may begin."""
        needle = (self.stored[start : start + self.read - 1] + char)[:NEEDLE]
        found = self.stored.find(needle, at)
        return found if found >= 0 else max(at, len(self.stored) - len(needle) + 1)


@dataclass(frozen=True)
class Joint:
    """The first `length` characters of `new` are the end of `stored`, which does not end in
    whitespace; `white` follows it there. The whitespace `lead` came before `new`."""

    stored: str
    white: str
    lead: str
    new: str
    length: int
    is_code: bool
    is_opened: bool  # the line that opens the fence, or a table's head, came again before `new`
    is_closed: bool  # the stored text ends with the line that closes a fence

    def is_repetition(self) -> bool:
        """Whether the model repeats itself, and it is not just two similar texts."""
        if not self.length or self._is_next_fence():
            return False
        if self.is_opened and self._is_line_of_code():
            return True
        if self._is_whole() or self.is_begun_fence:
            return True
        is_restart = self._is_tight or self._is_spaced
        return self._is_long() or self._is_line() or (is_restart and self._is_restart())

    @property
    def _text(self) -> str:
        return self.new[: self.length]

    @property
    def _after(self) -> str:
        return self.new[self.length :]

    @property
    def _line(self) -> str:
        """The text before the repetition on its line."""
        return self.stored[: -self.length].rpartition("\n")[2]

    @property
    def _is_tight(self) -> bool:
        """No whitespace in between, so to continue is to continue within a word."""
        is_indented = self.lead == self._line and not self.lead.strip()
        return not self.white and (not self.lead or is_indented)

    @property
    def _is_spaced(self) -> bool:
        """The space that ends the stored text is repeated too."""
        is_blank = self.white != "" and "\n" not in self.white
        is_indented = not self.lead or self.lead == self._line
        return is_blank and is_indented and self._after.startswith(self.white)

    def _is_whole(self) -> bool:
        is_word = self._text.isalpha() and self._text.islower()
        is_all = self.length == len(self.stored) and not self.lead and not is_word
        return is_all and _letters(self._text[:SURE]) >= SOME_LETTERS

    def _is_line_of_code(self) -> bool:
        """The line where the stored text stops, or the last whole one, after the fence."""
        if self.lead != self._line:
            return False
        return "\n" not in self.white or _letters(self._text) >= LETTERS

    @property
    def is_begun_fence(self) -> bool:
        is_run = not self._text.strip("`") or not self._text.strip("~")
        return is_run and not self._line.strip() and self.new.startswith(self._text[0] * 3)

    def _is_long(self) -> bool:
        text = self._text
        if self.length >= SURE:
            return len(set(text)) >= LETTERS
        begins_word = not (self._before.isalnum() and text[0].isalnum())
        return (
            self.length >= LIKELY
            and begins_word
            and not text.isalnum()
            and _letters(text) >= LETTERS
        )

    @property
    def _before(self) -> str:
        return self.stored[-self.length - 1 : -self.length]

    def _is_line(self) -> bool:
        """A list item, row or heading that is restarted, or an item repeated whole."""
        text, marker = self._text, MARKER.match(f"{self._text} ")
        if self._line.strip():
            return False
        if not marker:
            return False
        if text in BULLETS and self.white in ("", " "):
            is_begun = self.lead == self._line and self._after[:1] == " "
            return is_begun and self._after[1:2].isalnum()
        if self._is_tight:  # a table's rule continues as it begins
            return self.length >= len(marker[0]) and not ("-" in text and not text.strip("|:- "))
        if self._is_spaced:
            is_cell = text.startswith("|") and text.count("|") == 1
            return _letters(text) >= LETTERS if is_cell else any(map(str.isalpha, text))
        is_item = not self.is_code and not text.startswith(("| ", "```", "~~~"))
        return is_item and "\n" in self.white and (_letters(text) >= 3 or text.startswith("|"))

    def _is_next_fence(self) -> bool:
        """A fence that opens after one that closes."""
        is_run = self._text in ("```", "~~~") and not self._line.strip()
        return is_run and self.is_closed and self._after[:1].isalnum()

    def _is_restart(self) -> bool:
        """Words that are already stored, begun again."""
        text, after = self._text, self._after[:1]
        if text[0].lower() == text[0].upper() or self._before.isalnum():
            return False  # a script without words, or the middle of one
        if len(text.split()) > 1:
            return _letters(text) >= 3
        word = text.rstrip(".,:;!?")
        if not word.isalpha():
            return False
        if self._is_spaced:  # "that that" is real
            return word.istitle() and not self._line.strip()
        if after.isalpha():  # "inter", "interrupted"; not "s", "sh"
            return self.length > 1 or (text.isupper() and after.islower())
        return self.length >= WORD or (word.istitle() and self.length > 1)


def repeats_itself(stored: str, distance: int) -> bool:
    """Whether `stored` ends with the text `distance` before: repeating is then genuine."""
    same = min(distance, PERIOD)
    before = stored[-distance - same : -distance]
    return len(before) == same and stored.endswith(before)


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))
