"""Markdown to safe HTML: all at once, or block by block while a reply streams.

comrak parses; raw HTML becomes visible text, and images become links, because an image URL can
leak a conversation to another host. All output finally passes an allow-list. Pure functions: no
I/O, no models, and none of our own code takes more than linear time.
"""

from django.utils.safestring import SafeString, mark_safe

from .closing import closed
from .code import MAX_HIGHLIGHTED, Highlighting, highlight_code, is_to_highlight
from .costs import is_costly, is_laborious, is_too_large
from .growing import Growing
from .parsing import PLAIN, blocks, plain_block, positioned_blocks
from .written import is_long, topic, written

__all__ = [
    "MAX_HIGHLIGHTED",
    "PLAIN",
    "VERSION",
    "Growing",
    "Highlighting",
    "blocks",
    "closed",
    "highlight_code",
    "is_costly",
    "is_laborious",
    "is_long",
    "is_to_highlight",
    "page",
    "plain",
    "plain_block",
    "positioned_blocks",
    "topic",
    "wrap",
    "written",
]

VERSION = 5  # of the HTML; HTML stored by another version is rendered again


def page(text: str) -> SafeString:
    """All blocks of `text`, highlighted, each in a `div.block`; `plain` if that would be too
    large."""
    html = wrap(list(map(Highlighting(), blocks(text))))
    return plain(text) if is_too_large(html, text) else html


def plain(text: str) -> SafeString:
    """All of `text`, not rendered."""
    return wrap([plain_block(text)])


def wrap(rendered: list[str]) -> SafeString:
    return mark_safe("".join(f'<div class="block">{block}</div>' for block in rendered))
