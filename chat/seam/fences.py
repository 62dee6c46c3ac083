"""Finds the blocks and code fences of unfinished Markdown."""

import re
from dataclasses import dataclass
from itertools import pairwise

_RULE = re.compile(r"\| ?:?-")  # between a table's head and its rows
_FENCE = re.compile(r"`{3,}(?=[^`]*$)|~{3,}")


@dataclass
class Outline:
    """How a text ends: in which fence (its opening line, or ""), and where its body begins;
    where the last block begins; the table head that a model may repeat to reopen it."""

    fence: str = ""
    body: int = 0
    block: int = 0
    head: str = ""
    is_closed: bool = False  # its last line closes a fence

    @property
    def closing(self) -> str:
        """The line that ends the fence."""
        return run_of(self.fence)


def outline(text: str) -> Outline:
    """CommonMark's fenced code and blank lines, line by line (sections 4.5 and 4.9)."""
    found, run, at, is_fresh = Outline(), "", 0, True
    for line in text.split("\n"):
        bare, after = line.strip(), at + len(line) + 1
        if not found.fence and is_fresh:
            found.block = at
        is_fresh, found.is_closed = not bare, False
        if found.fence:
            found.is_closed = _ends(bare, run)
            found.fence = "" if found.is_closed else found.fence
        elif (run := run_of(bare)) and after <= len(text):  # an incomplete line may continue
            found.fence, found.body = bare, after
        at = after
    if not found.fence:
        found.head = _table_head(text[found.block :])
    return found


def run_of(line: str) -> str:
    """The backticks or tildes that start a fence line, or ""."""
    match = _FENCE.match(line)
    return match[0] if match else ""


def closes(line: str, fence: str) -> bool:
    return _ends(line, run_of(fence))


def _ends(line: str, run: str) -> bool:
    return len(line) >= len(run) and not line.strip(run[0])


def _table_head(block: str) -> str:
    """The first two lines of the table that ends `block`."""
    lines = block.removesuffix("\n").split("\n")
    if not lines[-1].startswith("|"):
        return ""
    for head, rule in pairwise(block.split("\n")[:-1]):
        if head.startswith("|") and _RULE.match(rule):
            return f"{head}\n{rule}\n"
    return ""
