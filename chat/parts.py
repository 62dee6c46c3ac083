"""A reply as a log of parts: what a model thought, wrote, refused and called, in that order.

An offset into a log counts the code points of all its parts, as Python does. No I/O, no models.
"""

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple, Self


class Kind(StrEnum):
    REASONING = "reasoning"
    TEXT = "text"
    REFUSAL = "refusal"  # why the model does not answer, in its own words
    CALL = "call"  # of a function


SAID = (Kind.TEXT, Kind.REFUSAL)  # what a reply says to its readers: `Message.text`


class Part(NamedTuple):
    """A part, or a piece of one. A call is whole: `{"id", "name", "arguments"}` as JSON."""

    kind: str
    text: str


class Log:
    """Append-only. Adjacent pieces of one kind form one part, but each call is a part of its
    own."""

    __slots__ = ("_begins", "_whole")

    def __init__(self, parts: Iterable[Part] = ()) -> None:
        self._whole = ""
        self._begins: list[tuple[int, str]] = []  # where each part begins, and its kind
        for part in parts:
            self._add(part)

    @classmethod
    def stored(cls, text: str, parts: list[dict[str, Any]]) -> Self:
        """From `text` and `parts_to_store`."""
        if not parts:
            return cls([Part(Kind.TEXT, text)])
        log, begin = cls(), 0
        for each in parts:
            end = begin + each.get("chars", 0)
            log._add(Part(each["kind"], each.get("text", text[begin:end])))
            begin = end
        return log

    def parts_to_store(self) -> list[dict[str, Any]]:
        """All parts, but of what is said only the lengths; empty if all of it is text."""
        parts = self.behind(0)
        if all(part.kind == Kind.TEXT for part in parts):
            return []
        return [
            {"kind": str(kind)} | ({"chars": len(text)} if kind in SAID else {"text": text})
            for kind, text in parts
        ]

    def __len__(self) -> int:
        return len(self._whole)

    @property
    def text(self) -> str:
        return self._joined(*SAID)

    @property
    def reasoning(self) -> str:
        return self._joined(Kind.REASONING)

    def has(self, kind: Kind) -> bool:
        return any(each == kind for _, each in self._begins)

    def behind(self, after: int) -> list[Part]:
        """What comes after an offset; a call that contains it, whole."""
        found, end = [], len(self._whole)
        for begin, kind in reversed(self._begins):
            if end <= after:
                break
            start = begin if kind == Kind.CALL else max(begin, after)
            found.append(Part(kind, self._whole[start:end]))
            end = begin
        return found[::-1]

    def extend(self, start: int, parts: Iterable[Part]) -> bool:
        """Add `parts`, the first of which begins at `start`; True if the log has grown. Skips what
        is there already, and what comes after a gap."""
        length = len(self)
        for part in parts:
            known = len(self) - start
            if 0 <= known < len(part.text):
                self._add(Part(part.kind, part.text[known:]))
            start += len(part.text)
        return len(self) > length

    def cut(self, length: int) -> Self:
        """Its first `length` code points."""
        log = type(self)()
        for part in self.behind(0):
            log._add(Part(part.kind, part.text[: length - len(log)]))
        return log

    def _add(self, part: Part) -> None:
        if not part.text:
            return
        follows_on = self._begins and self._begins[-1][1] == part.kind
        if part.kind == Kind.CALL or not follows_on:
            self._begins.append((len(self._whole), part.kind))
        self._whole += part.text

    def _joined(self, *kinds: str) -> str:
        wanted = {kind in kinds for _, kind in self._begins}
        if False not in wanted:
            return self._whole  # the usual case, without a copy
        return text_of(self.behind(0), *kinds) if True in wanted else ""


def text_of(parts: Iterable[Part], *kinds: str) -> str:
    """The joined text of these kinds."""
    return "".join(part.text for part in parts if part.kind in kinds)


def call(id: str, name: str, arguments: str) -> Part:
    """A call of the function `name`; `arguments` as the model wrote them, usually JSON."""
    fields = {"id": id, "name": name, "arguments": arguments}
    return Part(Kind.CALL, json.dumps(fields, ensure_ascii=False))


def for_programs(log: Log) -> list[dict[str, Any]]:
    """Its parts as in the site's JSON."""
    return [
        {"type": str(kind)} | (json.loads(text) if kind == Kind.CALL else {"text": text})
        for kind, text in log.behind(0)
    ]
