"""The separator missing between a stored text and one after a remark."""

import re
from collections import Counter

from .fences import Outline
from .repetition import MARKER

WORD = 40  # characters of it that are examined
_WORDS = re.compile(r"[^\W\d_]+")


def separator(stored: str, new: str, outlined: Outline) -> str:
    """What a remark swallowed between the stored and the new text."""
    last, first = stored[-1], new[0]
    if last.isspace() or first.isspace():
        return ""
    if outlined.fence:
        return "\n" if last in ");" and (first.isalpha() or first in "_@#") else ""
    line = stored.rpartition("\n")[2].strip()
    if first == "|":
        return "\n" if last == "|" else ""
    if MARKER.match(new) and (last in ".!?:" or MARKER.match(line)) and first != ">":
        return "\n" if MARKER.match(line) else "\n\n"
    if last.isalpha() and first.isalpha() and _are_words(stored, new):
        return " "
    is_sentence = last in ".!?" and stored[-2:-1].islower() and first.isupper()
    return " " if is_sentence or (last.islower() and first.isupper()) else ""


def _are_words(stored: str, new: str) -> bool:
    """Whether the last and the first word occur in the text alone, never joined."""
    known = Counter(_WORDS.findall(stored))
    last, first = _WORDS.findall(stored[-WORD:])[-1], _WORDS.findall(new[:WORD])[0]
    return known[last] > 1 and known[first] > 0 and not known[last + first]
