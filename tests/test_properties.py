"""What must hold of any text and any bytes, however they are cut."""

import json
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from chat.markup import Growing, blocks, highlight_code, is_costly, page, plain, positioned_blocks
from chat.markup.formulas import LONGEST, mathml
from chat.provider.cleaning import Cleaning, clean
from chat.sse import Decoder, frame

from .html import forbidden, text_of
from .tools.bombs.__main__ import CODE, MARKS
from .tools.bombs.hostile import HOSTILE

# As they are stored: no halves of surrogate pairs, no NUL. A carriage return ends a line too, and
# a browser makes it a line feed.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
WORDS = st.sampled_from([*MARKS, "```\n", "~~~\n", "```python\n", "```math\n", "| a |\n|---|\n"])
PARTS = WORDS | st.sampled_from(HOSTILE) | st.text(CHARACTERS, max_size=20)
TEXTS = st.lists(PARTS).map("".join).map(clean)
LATEX = [
    *("{", "}", "^", "_", "&", "\\\\", "\\frac", "\\sqrt", "\\left(", "\\right)", "\\text{"),
    *("\\begin{", "matrix}", "align}", "\\end{", "\\color{red}", "\\kern", "9em", "x", "1", "'"),
    *("(", "\\big", "\\mathbb", "\\sum", "\\hat", "\\not", "\\operatorname", "\\href{", "<", "#"),
]
FIELDS = [b"data:", b"event:", b"id: 1", b"\n", b"\r", b"\r\n", b" ", b":", b"\xef\xbb\xbf"]
STREAMS = st.lists(st.sampled_from(FIELDS) | st.binary(max_size=8)).map(b"".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
CUTS = st.lists(st.integers(0, 10_000), max_size=20)


def cut(whole, places):
    """`whole` in pieces."""
    ends = sorted({place % (len(whole) + 1) for place in places} | {0, len(whole)})
    return [whole[begin:end] for begin, end in pairwise(ends)]


@given(TEXTS, CUTS)
def test_a_text_that_grows_becomes_the_same_blocks(text, places):
    assume("]:" not in text and not is_costly(text))  # what is named below is not known above
    growing, seen = Growing(), ""
    for piece in cut(text, places):
        seen += piece
        growing.update(seen, positioned_blocks(growing.unfinished(seen)))
    assert growing.blocks == blocks(text)


@given(TEXTS, CUTS)
def test_nothing_forbidden_is_ever_shown(text, places):
    growing, seen = Growing(), ""
    for piece in cut(text, places):
        seen += piece
        first = growing.update(seen, positioned_blocks(growing.unfinished(seen)))
        finished = list(map(highlight_code, growing.finished(first)))
        assert forbidden("".join([*growing.blocks, *finished])) == []
    assert forbidden(page(text)) == [] and forbidden(plain(text)) == []


@given(TEXTS)
def test_a_text_as_it_was_written_is_all_there(text):
    assert text_of(plain(text)) == text


@given(st.lists(st.sampled_from(CODE) | st.text(CHARACTERS, max_size=5)).map("".join))
def test_code_loses_nothing(code):
    assume("~" not in code and code.strip(" \t\n"))
    shown = text_of(page(f"~~~python\n{code}\n~~~"))
    assert shown == code + "\n"


@given(st.lists(st.sampled_from(LATEX) | st.text(max_size=3), max_size=60).map("".join))
def test_formulas_are_bounded(source):
    html = mathml(source[:LONGEST], is_display=True) or ""
    assert forbidden(html) == [] and len(html) <= 100 * len(source) + 1_000


@given(STREAMS, CUTS)
def test_an_event_stream_may_be_cut_anywhere(stream, places):
    decoder = Decoder()
    events = [event for piece in cut(stream, places) for event in decoder.feed(piece)]
    assert events == list(Decoder().feed(stream))


@given(JSON, st.sampled_from(["", "end", "alive"]))
def test_what_is_framed_is_read_as_it_was(data, event):
    (read,) = Decoder().feed(frame(data, event=event, id=7))
    assert json.loads(read.data) == data and read.event.decode() == event


@given(st.text(st.characters()), CUTS)
def test_a_text_may_be_cleaned_in_pieces(text, places):
    cleaning = Cleaning()
    cleaned = "".join(map(cleaning.take, cut(text, places))) + cleaning.rest()
    assert cleaned == clean(text) and "\0" not in cleaned
    assert clean(cleaned) == cleaned and cleaned.encode().decode() == cleaned
