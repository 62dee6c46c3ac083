"""Estimates the cost of rendering a text: linear, microseconds a KB.

Measured with comrak 0.0.16 by doubling 151 known bombs, up to 200,000 characters, and each text
that repeats two of 55 marks (`python -m tests.tools.bombs`). All others are linear, 0.4 µs a
character, or 1.5 at most; a text just below these bounds takes comrak 27 ms, and `page` 47.
"""

import re

MAX_NANOSECONDS = 30_000_000  # of the quadratic part of a text
SHORT = 3_000  # characters; too few for anything quadratic to matter
MAX_CELLS = 10_000  # of all tables; 7.9 KB had made 11 MB of HTML, 100 KB of it 3 GB
MAX_ADDRESSES = 1_000  # "@" in a paragraph; comrak recurses for each, 26,000 overflow the stack
MAX_DEPTH = 100  # of quotes, lists and emphasis; nh3 is quadratic in it
GROWTH = 30  # characters of HTML per character of text; highlighted digits in brackets take 24
SLACK = 1_000  # characters of HTML that any text may have

# Nanoseconds per occurrence of a mark in a paragraph, times the paragraph's characters.
_QUADRATIC = {
    "\\(": 0.8,  # a formula that may end
    "\\[": 0.8,
    "$": 0.3,
    "@": 0.5,  # an email address
    "://": 0.4,
    "www.": 0.4,
}
_IN_ADDRESSES = 0.15  # as above, for each ")" at the end of an address

_LABORIOUS = ("```", "~~~", "$", "\\(", "\\[")
_BLANK = re.compile(r"(?:\r\n|\n|\r(?!\n))[ \t]*(?=[\r\n])")  # after a paragraph
# Between a table's head and its rows; whitespace as comrak defines it.
_RULE = re.compile(r"^[ \t\v\f>]*[-:|][-:| \t\v\f]*$", re.MULTILINE)
_NESTED = re.compile(r"<(/?)(?:blockquote|[uo]l|em|strong|del)[ >]")


def is_laborious(text: str) -> bool:
    """Whether there may be code to highlight or formulas to convert: milliseconds."""
    return any(mark in text for mark in _LABORIOUS)


def is_costly(text: str) -> bool:
    """Whether comrak must not render `text`, because it would take far more time or memory
    than a text of that length may."""
    return cheap_length(text) < len(text)


def cheap_length(text: str) -> int:
    """How much of `text` is not costly: all up to the paragraph that makes it so."""
    if _are_few(text):
        return len(text)
    begin, nanoseconds, cells = 0, 0.0, 0
    for end in (*(blank.end() for blank in _BLANK.finditer(text)), len(text)):
        paragraph = text[begin:end].replace("\r\n", "\n").replace("\r", "\n")
        nanoseconds += _nanoseconds(paragraph)
        cells += _cells(paragraph)
        is_one_too_many = nanoseconds > MAX_NANOSECONDS or cells > MAX_CELLS
        if is_one_too_many or paragraph.count("@") > MAX_ADDRESSES:
            return begin
        begin = end
    return len(text)


def is_too_large(html: str, text: str) -> bool:
    """Whether `html` is larger than `text` allows."""
    return len(html) > GROWTH * len(text) + SLACK


def is_too_deep(html: str) -> bool:
    """Whether elements nest deeper than MAX_DEPTH."""
    if html.count("</") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _NESTED.finditer(html):
        depth += -1 if match[1] else 1
        if depth > MAX_DEPTH:
            return True
    return False


def _are_few(text: str) -> bool:
    """Whether even as one paragraph it is cheap, as ordinary texts are."""
    pipes = text.count("|")
    if pipes and (pipes + 1) * (text.count("\n") + text.count("\r") + 1) > MAX_CELLS:
        return False
    return len(text) <= SHORT or (
        text.count("@") <= MAX_ADDRESSES and _nanoseconds(text) <= MAX_NANOSECONDS
    )


def _nanoseconds(paragraph: str) -> float:
    each = sum(each * paragraph.count(mark) for mark, each in _QUADRATIC.items())
    if "://" in paragraph or "www." in paragraph:
        each += _IN_ADDRESSES * paragraph.count(")")
    return each * len(paragraph)


def _cells(paragraph: str) -> int:
    """An upper bound of table cells: all lines times the most columns."""
    if "|" not in paragraph:
        return 0
    columns = max((rule[0].count("|") + 1 for rule in _RULE.finditer(paragraph)), default=0)
    return columns * (paragraph.count("\n") + 1)
