"""The states of a reply, and how replies end."""

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


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
        """Ended before the end that the model would have given it; a person may have it go on."""
        return (cls.LENGTH, cls.STOPPED, cls.ABANDONED, cls.INTERRUPTED, cls.FAILED)


# What the page says below a reply that ended like this; a failed one says its error instead.
NOTES = {
    State.LENGTH: _("The reply reached its length limit."),
    State.FILTERED: _("The model's content filter ended the reply."),
    State.STOPPED: _("You stopped this reply."),
    State.ABANDONED: _("Stopped to save tokens, because nobody was reading."),
    State.INTERRUPTED: _("The server was interrupted while it wrote this reply."),
}

# What OpenAI's API calls the ends of a completion, and the state that a reply gets by it.
FINISH_REASONS = {
    "stop": State.COMPLETE,
    "length": State.LENGTH,
    "content_filter": State.FILTERED,
}


@dataclass
class Ending:
    """How one reply ended; `fields()` is what its row gets."""

    state: State
    text: str = ""
    rendered: str = ""
    rendered_by: int = 0
    error: str = ""  # for people; in English, translated when it is read
    finish_reason: str = ""
    reasoning: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_piece_after: float | None = None  # seconds
    duration: float | None = None  # seconds
    omitted: int = 0  # earlier messages that the provider did not get

    def fields(self) -> dict[str, Any]:
        return vars(self) | {"state": str(self.state)}
