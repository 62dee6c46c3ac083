"""Models as they are when they are asked to go on."""

import re
from dataclasses import dataclass

from .steps import send_paced, words
from .stream import Stream

MANNERS = (
    "exact",
    "last words",
    "last paragraph",
    "preamble",
    "preamble and last words",
    "from the top",
    "complete already",
)
PREAMBLE = "Sure! Here's the rest of the answer:\n\n"
COMPLETE = "It looks complete already."
LAST_WORDS = 6
_FENCE = re.compile(r"^(```|~~~).*$", re.MULTILINE)


@dataclass(frozen=True)
class Continues:
    """`text` word by word; a request that hands in a beginning of it is answered in a `manner`.

    `request.sent` is what was sent, repetitions and remarks too; what is to be stored in the end
    is `text`, whatever the manner, but for "complete already", which adds nothing to what is there.
    """

    text: str
    manner: str = "exact"
    every: float = 0.0

    async def play(self, stream: Stream) -> None:
        answer = continuation(self.text, stream.request.beginning, self.manner)
        await send_paced(stream, words(answer), self.every)


def continuation(text: str, stored: str, manner: str = "exact") -> str:
    """What the model writes that has written `stored` of `text`."""
    if not stored or not text.startswith(stored):
        return text
    rest = text[len(stored) :]
    return {
        "exact": rest,
        "last words": _last_words(stored) + rest,
        "last paragraph": _last_paragraph(stored) + rest,
        "preamble": PREAMBLE + rest,
        "preamble and last words": PREAMBLE + _last_words(stored) + rest,
        "from the top": text,
        "complete already": COMPLETE,
    }[manner]


def _last_words(stored: str) -> str:
    return "".join(words(stored)[-LAST_WORDS:])


def _last_paragraph(stored: str) -> str:
    """The last paragraph; within a list or a table the last line, within code that line behind
    the fence, which is opened again."""
    line = stored[stored.rstrip().rfind("\n") + 1 :]
    fences = list(_FENCE.finditer(stored))
    if len(fences) % 2 and fences[-1].end() < len(stored):
        opening = fences[-1]
        return f"{opening[0]}\n{line}" if opening.end() < len(stored) - len(line) else line
    if line.lstrip().startswith(("-", "*", "|", "#")) or line.lstrip()[:1].isdigit():
        return line
    return stored[stored.rstrip().rfind("\n\n") + 1 :].lstrip("\n")
