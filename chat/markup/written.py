"""What a person wrote, as it was written, but for code in fences."""

import re

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

LONG = 20  # lines
LINE = 60  # characters, about as many as fit on one

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n]*)\n?", re.MULTILINE)


def written(text: str) -> SafeString:
    """`text` as HTML whose text content is `text`: the fences are hidden, and what is between
    them is code. A fence that is never closed is no fence."""
    shown, begin, opening = [], 0, None
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening = fence if _opens(fence) else None
        elif _closes(fence, opening):
            shown += [
                escape(text[begin : opening.start()]),
                f"<span hidden>{escape(opening[0])}</span>",
                f"<pre><code>{escape(text[opening.end() : fence.start()])}</code></pre>",
                f"<span hidden>{escape(fence[0])}</span>",
            ]
            begin, opening = fence.end(), None
    return mark_safe("".join([*shown, escape(text[begin:])]))


def is_long(text: str) -> bool:
    """Whether it takes more than LONG lines."""
    return sum(1 + len(line) // LINE for line in text.split("\n", LONG)) > LONG


def topic(text: str) -> str:
    """The first line that has words and is no fence; else the first line."""
    lines = [line.strip() for line in text.strip().split("\n")]
    spoken = (line for line in lines if re.search(r"\w", line) and not _FENCE.match(line))
    return next(spoken, lines[0])


def _opens(fence: re.Match[str]) -> bool:
    """CommonMark 0.31, section 4.5."""
    return fence[1][0] == "~" or "`" not in fence[2]


def _closes(fence: re.Match[str], opening: re.Match[str]) -> bool:
    return fence[1].startswith(opening[1]) and not fence[2].strip()
