"""Searches for texts that take long to render: `python -m tests.tools.bombs [known|marks|lexers]…`.

By doubling: a text that takes more than 2.6 times as long when it is twice as long is no good,
and nor is one that takes long at all. An hour for all of it; what it finds belongs in corpus.py.
"""

import sys
from itertools import product

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_all_lexers, get_lexer_by_name

from chat.markup import page

from .child import NEVER, Child
from .corpus import BOMBS

SIZES = [16_384, 32_768, 65_536, 131_072, 200_000]  # characters
LONG = 0.2  # seconds of CPU for 64 KB
STEEP = 2.6  # times as long for twice the text
LIMIT = 5.0  # seconds after which a child is killed
WORST = 20  # that are told

MARKS = [
    *(
        "[",
        "]",
        "(",
        ")",
        "![",
        "](b)",
        "[a]: b\n",
        "`",
        "``",
        "*",
        "**",
        "_",
        "~~",
        "<",
        ">",
        "</",
    ),
    *("\\", "\\(", "\\)", "\\[", "\\]", "$", "$$", "$`", "a", "é", " ", "    ", "\t", "\n", "\n\n"),
    *("@", "a@b.c", "http://", "http://a.b", "www.a.b", ":", "//", ".", "|", "|-", "-", "- ", "> "),
    *("1. ", "=", "#", "&", "&#", "!", '"', "{", "<!--", "<?", '<a b="'),
]
CODE = [
    *('"', "'", "`", '"""', "'''", "\\", "\\\\", "/", "//", "/*", "*/", "#", "#{", "${", "{", "}"),
    *(
        "(",
        ")",
        "[",
        "]",
        "[[",
        "<",
        ">",
        "<!--",
        "<%",
        "%",
        "@",
        "$",
        "&",
        "|",
        "~",
        "^",
        "?",
        "!",
    ),
    *(
        "=",
        "+",
        "-",
        "--",
        ".",
        "..",
        ",",
        ":",
        "::",
        ";",
        "_",
        "a",
        "A",
        "0",
        "0x",
        "e",
        " ",
        "\t",
    ),
    *("\n", "\n ", "a ", "a.", "a(", "é"),
]


def known() -> None:
    child, found = Child(page, LIMIT), []
    for name, make in BOMBS.items():
        times = [child.measure(make(size)) for size in SIZES]
        if times[2] > LONG or times[3] > STEEP * max(times[2], LONG / 10):
            found.append((max(times), name, times))
    child.close()
    _tell(f"{len(BOMBS)} known bombs, up to {SIZES[-1]} characters", found)


def marks(length: int = 3) -> None:
    child, found, tried = Child(page, LIMIT), [], 0
    for parts in product(MARKS, repeat=length):
        unit = "".join(parts)
        times = [child.measure(unit * (size // len(unit))) for size in (4_096, 16_384)]
        tried += 1
        if times[1] > LONG / 4 and times[1] > STEEP**2 * times[0]:
            found.append((times[1], repr(unit), times))
    child.close()
    _tell(f"{tried} texts that repeat {length} of {len(MARKS)} marks", found)


def lexers() -> None:
    """`a` once, then `b` many times: what begins and never ends is what backtracks."""
    child, found, tried = Child(_highlight, LIMIT), [], 0
    for _, aliases, *_ in get_all_lexers(plugins=False):
        if not aliases:
            continue
        for begin, again in product(["", *CODE], CODE):
            slow = child.measure(aliases[0], begin + again * (60 // len(again)))
            tried += 1
            if slow > LONG:
                found.append((slow, f"{aliases[0]} {begin + again!r}", [slow]))
                break
    child.close()
    _tell(f"{tried} codes of at most 62 characters", found)


def _highlight(alias: str, code: str) -> None:
    highlight(code, get_lexer_by_name(alias), HtmlFormatter(nowrap=True))


def _tell(what: str, found: list) -> None:
    print(f"{what}: {len(found)} take long")
    for seconds, name, times in sorted(found, reverse=True)[:WORST]:
        told = "never ends" if seconds == NEVER else f"{seconds:.1f} s"
        print(f"  {told:>10}  {name}  {[round(each, 3) for each in times]}")


if __name__ == "__main__":
    for name in sys.argv[1:] or ("known", "marks", "lexers"):
        {"known": known, "marks": marks, "lexers": lexers}[name]()
