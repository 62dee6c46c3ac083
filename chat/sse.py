"""Encodes and decodes event streams. No I/O, no models.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

KEEP_ALIVE = b": keep-alive\n\n"
OPEN = b": open\n\n"  # flushes the headers, which are sent with the first body chunk
MAX_LINE = 8 * 1024 * 1024  # bytes; an endless line must not fill the memory


_encode = json.JSONEncoder(separators=(",", ":")).encode


class EndlessLine(ValueError):
    """A line of the stream is longer than MAX_LINE."""


def frame(data: Any, *, event: str = "", id: int | str = "") -> bytes:
    """One event, with `data` as one line of ASCII JSON, so it cannot contain a newline.

    A named event has no space after `data:`. An EventSource does not care, and clients that treat
    every line starting with `data: ` as text skip it.
    """
    head = f"id: {id}\n" if id != "" else ""
    head += f"event: {event}\ndata:" if event else "data: "
    return f"{head}{_encode(data)}\n\n".encode("ascii")


ALIVE = frame(None, event="alive")  # KEEP_ALIVE for scripts, which cannot see comments


def mark(offset: int) -> bytes:
    """The offset after the text that comes next, in its own block.

    An EventSource still keeps it; clients that treat each block starting with `data: ` as text,
    and all of it as JSON, skip it.
    """
    return b"id: %d\n\n" % offset


@dataclass
class Event:
    data: bytes
    event: bytes = b""


class Decoder:
    """Takes a stream in pieces of any size and returns its events.

    The reader of `data` decodes the bytes: a character may be split between two pieces.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []  # of the unfinished line
        self._held = 0  # bytes in it
        self._data: list[bytes] = []
        self._event = b""
        self._after_cr = False
        self._first_line = True

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that `piece` completes. Raises EndlessLine after them."""
        for line in self._lines(piece):
            if line:
                self._field(line)
            elif self._data:
                yield Event(b"\n".join(self._data), self._event)
                self._data, self._event = [], b""
            else:
                self._event = b""
        if self._held > MAX_LINE:
            raise EndlessLine

    def _lines(self, piece: bytes) -> list[bytes]:
        """Complete lines, ended by CRLF, LF or CR; keeps the unfinished one."""
        if self._after_cr and piece:
            piece = piece.removeprefix(b"\n")  # a CRLF that was split
            self._after_cr = False
        if b"\r" in piece:
            self._after_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *others = piece.split(b"\n")
        self._rest.append(first)
        self._held += len(first)
        if not others:
            return []
        lines = [b"".join(self._rest), *others[:-1]]
        self._rest, self._held = [others[-1]], len(others[-1])
        if self._first_line:
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
            self._first_line = False
        return lines

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value
