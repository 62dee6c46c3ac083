"""Which models write a reply, when one has taken over from another. No I/O.

Stored as `Message.authors`, in order, each with the offset in the reply's log where it begins; null
for a reply that one model writes. While the reply runs, it also says which of them have failed, so
that none is asked twice, by whichever process.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Share(NamedTuple):
    """What one model wrote."""

    model: str
    start: int  # where it begins in the log, in code points
    chars: int


class Authors:
    """Those of one reply. `model` is the one that was asked for it."""

    def __init__(self, model: str, stored: Sequence[dict[str, Any]] | None = None) -> None:
        self._all = [dict(each) for each in stored or [{"model": model, "from": 0}]]

    @property
    def current(self) -> str:
        """The model that writes, or wrote last."""
        return self._all[-1]["model"]

    @property
    def failed(self) -> set[str]:
        """Those that are not asked again for this reply, unless a person has it go on."""
        return {each["model"] for each in self._all if each.get("failed")}

    def fail(self) -> None:
        """The current one has failed."""
        self._all[-1]["failed"] = True

    def add(self, model: str, start: int) -> None:
        """It goes on from `start`, the length of the log."""
        self._all.append({"model": model, "from": start})

    def stored(self) -> list[dict[str, Any]]:
        """As the row of a running reply has it."""
        return [dict(each) for each in self._all]

    def settled(self, end: int) -> list[dict[str, Any]] | None:
        """As the row of a settled reply has it, whose log ends at `end`."""
        shares = self.shares(end)
        return [{"model": each.model, "from": each.start} for each in shares] or None

    def beginner(self, end: int) -> str:
        """The model that wrote the beginning; empty if nothing is written."""
        return next((each.model for each in self._written(end)), "")

    def shares(self, end: int) -> list[Share]:
        """Of those who have written something, if they are several."""
        written = self._written(end)
        return written if len(written) > 1 else []

    def _written(self, end: int) -> list[Share]:
        ends = [min(each["from"], end) for each in self._all[1:]] + [end]
        written: list[Share] = []
        for each, until in zip(self._all, ends, strict=True):
            start = min(each["from"], end)
            if until == start:
                continue
            if written and written[-1].model == each["model"]:
                start = written.pop().start
            written.append(Share(each["model"], start, until - start))
        return written
