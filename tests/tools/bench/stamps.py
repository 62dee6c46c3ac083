"""When a delta was sent, written into its text, so that whoever receives it knows how old it is.

The monotonic clock is the same in all processes of a machine.
"""

import re
import time
from collections.abc import Iterable

UNITS = 10_000  # of a stamp in a second
DIGITS = 8
_CYCLE = 10**DIGITS
_STAMP = re.compile(rb"(?<![0-9a-f-])\d{%d}(?![0-9a-f-])" % DIGITS)  # no part of a UUID


def stamp() -> int:
    return int(time.monotonic() * UNITS) % _CYCLE


def find(data: bytes) -> list[int]:
    """All stamps in `data`, which holds no other numbers of as many digits."""
    return [int(each) for each in _STAMP.findall(data)]


def ages(stamps: Iterable[int], now: int) -> list[float]:
    """Milliseconds since each of them."""
    return [(now - each) % _CYCLE * 1000 / UNITS for each in stamps]
