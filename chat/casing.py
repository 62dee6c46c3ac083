"""Words in a text, in any letter case of Unicode, in time linear in the text.

A regular expression would hold the GIL, and take quadratic time for some texts.
"""

from collections.abc import Iterator

FINAL_SIGMA, SIGMA = "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"


def fold(text: str) -> str:
    """The text case-folded, each character in its place.

    Only İ is longer in lower case; the Greek sigma has two, one of them word-final.
    """
    return text.replace("İ", "i").lower().replace(FINAL_SIGMA, SIGMA)


def places(text: str, words: str) -> Iterator[tuple[int, int]]:
    """Start and end of each occurrence of the words in the text."""
    folded, sought = fold(text), fold(words)
    end = 0
    while (start := folded.find(sought, end)) >= 0:
        end = start + len(sought)
        yield start, end
