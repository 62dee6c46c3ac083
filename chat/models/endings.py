"""The states of a reply, and how replies end."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from ..parts import Log


class State(models.TextChoices):
    WAITING = "waiting", _("waiting")
    STREAMING = "streaming", _("being written")
    COMPLETE = "complete", _("complete")
    LENGTH = "length", _("cut at the length limit")
    FILTERED = "filtered", _("ended by a content filter")
    STOPPED = "stopped", _("stopped")
    ABANDONED = "abandoned", _("stopped, nobody was reading")
    INTERRUPTED = "interrupted", _("interrupted")
    FAILED = "failed", _("failed")

    @classmethod
    def running(cls) -> tuple["State", ...]:
        return (cls.WAITING, cls.STREAMING)

    @classmethod
    def settled_early(cls) -> tuple["State", ...]:
        """Ended before the model would have ended it; its owner may continue it."""
        return (cls.LENGTH, cls.STOPPED, cls.ABANDONED, cls.INTERRUPTED, cls.FAILED)


# The page's note below a reply in this state; a failed one shows its error instead.
NOTES = {
    State.LENGTH: _("The reply reached its length limit."),
    State.FILTERED: _("The model's content filter ended the reply."),
    State.STOPPED: _("You stopped this reply."),
    State.ABANDONED: _("Stopped to save tokens, because nobody was reading."),
    State.INTERRUPTED: _("The server was interrupted while it wrote this reply."),
}

# Providers' finish reasons, in lower case, by what they mean for the reply.
ENDED_BY_MODEL = {
    "stop",  # OpenAI and all that copy it; Gemini as STOP
    "eos",  # Together
    "eos_token",  # TGI
    "end_turn",  # Anthropic
    "stop_sequence",  # Anthropic, TGI
}
ENDED_BY_LENGTH = {
    "length",  # OpenAI and all that copy it
    "max_tokens",  # Anthropic; Gemini as MAX_TOKENS
    "max_output_tokens",  # OpenAI's Responses API
    "model_length",  # Mistral: the context is full
}
ENDED_BY_FILTER = {
    "content_filter",  # OpenAI, Azure
    "refusal",  # Anthropic
    *("safety", "recitation", "blocklist", "prohibited_content", "spii"),  # Gemini
}
ENDED_BY_CALL = {
    "tool_calls",  # OpenAI and all that copy it
    "function_call",  # OpenAI, until 2023
    "tool_use",  # Anthropic
}


def ending_of(
    finish_reason: str, *, has_text: bool, refused: bool, called: bool
) -> tuple[State, str]:
    """The state of a reply that its provider ended, and an error for people, in English, where the
    state does not say enough. Complete means that the model itself ended it, with text."""
    reason = finish_reason.lower()
    if refused:
        return State.FILTERED, gettext_noop("The model declined to answer.")
    if reason in ENDED_BY_FILTER:
        return State.FILTERED, ""
    if called or reason in ENDED_BY_CALL:
        text = gettext_noop(
            "The model wanted to use a tool, which this site does not offer."
            " Try again, or choose another model."
        )
        return State.FAILED, text
    if reason in ENDED_BY_LENGTH:
        return State.LENGTH, ""
    if reason not in ENDED_BY_MODEL:
        text = gettext_noop("The model's server ended this reply early. You can continue it.")
        return State.INTERRUPTED, text
    if not has_text:
        return State.FAILED, gettext_noop("The model gave an empty answer. Try again.")
    return State.COMPLETE, ""


@dataclass(frozen=True)
class Ending:
    """How one reply ended; `fields()` is what its row gets."""

    state: State
    text: str = ""
    parts: Sequence[dict[str, Any]] = ()  # what else it has, as `Log.parts_to_store` returns it
    rendered: str = ""
    rendered_by: int = 0
    error: str = ""  # for people; in English, translated when it is read
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_piece_after: float | None = None  # seconds
    duration: float | None = None  # seconds
    omitted: int = 0  # earlier messages that the provider did not get
    model: str = ""  # empty: the one that the row has
    authors: Sequence[dict[str, Any]] | None = None  # if several models wrote it: see `Authors`

    @property
    def log(self) -> Log:
        """All of the reply."""
        return Log.stored(self.text, self.parts)

    def fields(self) -> dict[str, Any]:
        columns = vars(self) | {"state": str(self.state), "parts": json.dumps(self.parts)}
        if self.authors:
            columns["authors"] = json.dumps(self.authors)
        if not self.model:
            del columns["model"]
        return columns
