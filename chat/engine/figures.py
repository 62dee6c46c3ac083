"""Timings and token counts taken while a reply is written, for its ending."""

import asyncio
from dataclasses import replace

from ..models.endings import Ending, State
from ..parts import SAID, text_of
from ..provider import Delta
from .context import Job


class Figures:
    """Those of one answer, added to those of the answers before it."""

    def __init__(self, job: Job) -> None:
        self.finish_reason = job.finish_reason
        self._before = job
        self._prompt_tokens: int | None = None
        self._completion_tokens: int | None = None
        self._begun = 0.0  # by the loop's clock
        self._first_piece_after: float | None = None  # seconds
        self._duration: float | None = None  # seconds

    def begin(self) -> None:
        """The request goes out now."""
        self._begun = asyncio.get_running_loop().time()

    def end(self) -> None:
        """The answer is over."""
        self._duration = self._elapsed()

    def note(self, delta: Delta) -> None:
        """Count a delta."""
        if self._first_piece_after is None and text_of(delta.parts, *SAID):
            self._first_piece_after = self._elapsed()
        self.finish_reason = delta.finish_reason or self.finish_reason
        if delta.prompt_tokens is not None:
            self._prompt_tokens = delta.prompt_tokens
        if delta.completion_tokens is not None:
            self._completion_tokens = delta.completion_tokens

    def add_up(self) -> None:
        """Another answer begins."""
        self._before = replace(
            self._before,
            prompt_tokens=_sum(self._before.prompt_tokens, self._prompt_tokens),
            completion_tokens=_sum(self._before.completion_tokens, self._completion_tokens),
        )
        self._prompt_tokens = self._completion_tokens = None

    def ending(self, state: State, error: str = "") -> Ending:
        """The ending, without the reply's parts; `error` is in English, for people."""
        before = self._before
        return Ending(
            state,
            error=error,
            finish_reason=self.finish_reason,
            prompt_tokens=_sum(before.prompt_tokens, self._prompt_tokens),
            completion_tokens=_sum(before.completion_tokens, self._completion_tokens),
            first_piece_after=self._first_piece_after or before.first_piece_after,
            duration=_sum(before.duration, self._duration),
            omitted=before.omitted,
        )

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._begun


def _sum(before: float | None, now: float | None) -> float | None:
    """None only if both are."""
    if before is None or now is None:
        return now if before is None else before
    return before + now
