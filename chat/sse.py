"""The event-stream format, both ways. No I/O, no models.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

KEEP_ALIVE = b": keep-alive\n\n"
OPEN = b": open\n\n"  # sends the headers at once: they travel with the first piece of a body
MAX_LINE = 8 * 1024 * 1024  # bytes; a line that never ends must not fill the memory


_encode = json.JSONEncoder(separators=(",", ":")).encode


class EndlessLine(ValueError):
    """A line of the stream is longer than MAX_LINE."""


def frame(data: Any, *, event: str = "", id: int | str = "") -> bytes:
    """One event with `data` as one line of ASCII JSON, so that no newline can be inside.

    Behind an event's name there is no space after `data:`. That is the same to an EventSource, and
    clients that take all lines that start with `data: ` for text pass it over.
    """
    head = f"id: {id}\n" if id != "" else ""
    head += f"event: {event}\ndata:" if event else "data: "
    return f"{head}{_encode(data)}\n\n".encode("ascii")


@dataclass
class Event:
    data: bytes
    event: bytes = b""


class Decoder:
    """Takes a stream in pieces of any size and gives back its events.

    Bytes are decoded by whoever reads `data`: a character may be split between two pieces.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []  # of the line that has not ended yet
        self._held = 0  # bytes in it
        self._data: list[bytes] = []
        self._event = b""
        self._after_cr = False
        self._first_line = True

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that `piece` completes. Raises EndlessLine behind them."""
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
        """Whole lines, ended by CRLF, LF or CR; the unfinished last one is kept."""
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
