"""Code languages, by the word after a fence."""

import re
from html import unescape

from pygments.lexers import get_all_lexers

LONGEST = 40  # characters of a name

NAMES = {alias: name for name, aliases, *_ in get_all_lexers(plugins=False) for alias in aliases}
CLASSES = {f"language-{alias}" for alias in NAMES}


def alias(written: str) -> str:
    """A possible Pygments alias: the first word after the fence."""
    return re.split(r"[\s,]", unescape(written).lower(), maxsplit=1)[0][:LONGEST]
