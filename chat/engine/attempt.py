"""What one model writes of a reply: collected at each tick of the journal, until it is over."""

import asyncio
from collections.abc import Iterable, Iterator
from uuid import UUID

from ..conf import conf
from ..parts import SAID, Kind, Log, Part
from ..provider import Answer, Delta
from ..seam import Seam
from .commits import Entry
from .figures import Figures
from .journal import Journal


class Attempt:
    """A source of the journal, which continues `log`, all that is stored of the reply."""

    def __init__(self, reply_id: UUID, log: Log, figures: Figures, answer: Answer) -> None:
        self.is_full = False  # the reply has reached the length limit
        self._reply_id, self._log, self._figures = reply_id, log, figures
        self._answer = answer
        self._seam = Seam(log.text) if log.text else None
        self._resumes_reasoning = log.has(Kind.REASONING)  # after a break
        self._collected = asyncio.get_running_loop().create_future()  # all that it has brought

    async def collected(self, journal: Journal) -> None:
        """Returns when all that the model wrote is stored, or after `end`."""
        self._answer.on_arrival = journal.wake
        journal.add_source(self._reply_id, self)
        try:
            await self._collected
            await journal.drained(self._reply_id)
        finally:
            journal.remove_source(self._reply_id)

    def end(self) -> None:
        """Collect no more."""
        if not self._collected.done():
            self._collected.set_result(None)

    # What the journal asks at each tick:

    def let_in(self) -> None:
        self._answer.let_in()

    def keep_out(self) -> None:
        self._answer.keep_out()

    def collect(self) -> Entry | None:
        if self._collected.done():
            return None
        delta = self._answer.take()
        self._figures.note(delta)
        parts = tuple(self._fitting(self._joined(delta)))
        if self._answer.is_over or self.is_full:
            self.end()
        if not (parts or delta.parts or delta.finish_reason):
            return None
        finish_reason = "" if self.is_full else delta.finish_reason
        return Entry(self._reply_id, len(self._log), parts, finish_reason)

    def _joined(self, delta: Delta) -> Iterator[Part]:
        """What continues the stored log. What may repeat the end of it is held back."""
        for kind, text in delta.parts:
            if self._seam and kind == Kind.CALL:
                yield Part(Kind.TEXT, self._seam.rest())
            if self._seam and kind in SAID:
                yield Part(kind, self._seam.take(text))
            elif self._resumes_reasoning and kind == Kind.REASONING:
                self._resumes_reasoning = False
                yield Part(kind, f"\n\n{text}")
            else:
                yield Part(kind, text)
        if self._seam and (self._answer.is_over or delta.finish_reason):
            yield Part(Kind.TEXT, self._seam.rest())

    def _fitting(self, parts: Iterable[Part]) -> Iterator[Part]:
        """As much as fits. Excess reasoning is dropped; excess of anything else ends the reply."""
        longest = conf().CHAT_REPLY_CHARS
        room, reasoning_room = longest - len(self._log.text), longest - len(self._log.reasoning)
        for kind, text in parts:
            if kind == Kind.REASONING:
                fits = text[: max(0, reasoning_room)]
                reasoning_room -= len(fits)
            else:
                fits = text[:room]
                room -= len(fits)
                self.is_full = len(fits) < len(text)
            if fits and not (self.is_full and kind == Kind.CALL):
                yield Part(kind, fits)
            if self.is_full:
                return
