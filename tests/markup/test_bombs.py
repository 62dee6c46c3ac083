"""What is made to do harm, as long as a message may be.

`python -m tests.tools.bombs` looks for more.
"""

import time

import pytest

from chat.engine.titles import cleaned
from chat.markup import blocks, page
from chat.markup.costs import GROWTH, SLACK
from chat.provider.demo import _title
from chat.seam import Seam
from chat.seam.fences import outline
from chat.seam.preambles import remarks
from chat.seam.separators import separator
from chat.sse import Decoder
from chat.views.exporting import NOT_IN_NAMES

from ..html import forbidden
from ..tools.bombs.corpus import BOMBS
from ..tools.bombs.hostile import HOSTILE
from .test_growing import grown

LONG = 64 * 1024  # characters
DEADLINE = 2.0  # seconds of CPU; the longest takes 0.3

# What else reads texts of strangers by regular expressions, or again and again.
READERS = {
    "outline of a long fence": lambda n: outline("~" * n + "\n" + "~~~\n" * n),
    "outline of a long language": lambda n: outline("```" + "a" * n + "\n" + "```x\n" * n),
    "outline of a long line": lambda n: outline("`" * n + "a`" + "b" * n),
    "outline of a table": lambda n: outline("|a\n|-\n" * n),
    "seam of a long word": lambda n: Seam("a" * n).take("a" * n),
    "seam of a long fence": lambda n: Seam("~~~" + "a" * n).take("~~~" + "a" * n),
    "seam of white space": lambda n: Seam("a" + " " * n).take(" " * n + "b"),
    "seam of remarks": lambda n: Seam("Hello.\n\n").take("Sure.\n" * n),
    "title of white space": lambda n: cleaned("title" + " " * n + "x"),
    "title of titles": lambda n: cleaned("title: " * n),
    "remarks of one word": lambda n: remarks("sure-" * n, is_all=True),
    "remarks without end": lambda n: remarks("Continuing" + " " * n, is_all=True),
    "separator of words": lambda n: separator("ab " * n + "ab", "ab " * n, outline("")),
    "title of the demo": lambda n: _title("how do i " * n),
    "name of a file": lambda n: NOT_IN_NAMES.sub(" ", "/a" * n),
    "events": lambda n: list(Decoder().feed(b"data:\r" * n)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_it_takes_bad_luck_in_bounded_time_and_room(name):
    text = BOMBS[name](LONG)
    begun = time.process_time()
    html = page(text)
    assert time.process_time() - begun < DEADLINE
    assert len(html) <= GROWTH * len(text) + SLACK


@pytest.mark.parametrize("name", BOMBS)
def test_nothing_forbidden_comes_of_it(name):
    assert forbidden(page(BOMBS[name](500))) == []


def test_nothing_forbidden_comes_of_hostile_texts():
    faults = {text: forbidden(page(text)) for text in HOSTILE}
    assert not {text: fault for text, fault in faults.items() if fault}


def test_nothing_forbidden_comes_of_hostile_texts_while_they_grow():
    text = "\n\n".join(text for text in HOSTILE if "]: " not in text)
    assert grown(text, [29] * (len(text) // 29)) == blocks(text)
    sample = [grown(text[:end], [end]) for end in range(0, len(text), 499)]
    assert not [fault for growing in sample for fault in forbidden("".join(growing[-2:]))]


@pytest.mark.parametrize("name", READERS)
def test_it_is_read_in_linear_time(name):
    begun = time.process_time()
    READERS[name](50_000)
    assert time.process_time() - begun < DEADLINE
