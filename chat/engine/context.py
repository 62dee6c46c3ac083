"""Selects what of a conversation goes to the model for a reply."""

from dataclasses import dataclass
from typing import Any

from ..conf import conf
from ..models import Message
from ..naming import find
from ..provider import Messages
from ..provider.prompts import ASK_TO_GO_ON

LONGEST_PATH = 1_000  # messages of one conversation that are considered for a request


@dataclass
class Job:
    """What a reply is written from."""

    model: str
    messages: Messages
    omitted: int  # earlier messages that were left out to keep within the budget
    takeovers: int
    stop_requested: bool
    authors: list[dict[str, Any]] | None = None  # if others write instead of `model`
    finish_reason: str = ""  # how the model has ended it, if it only remains to settle
    # What earlier attempts have used:
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_piece_after: float | None = None  # seconds
    duration: float | None = None  # seconds


def load_job(reply: Message) -> Job:
    """What to send to the provider for a reply, in one query if its conversation is loaded."""
    parts = (conf().CHAT_SYSTEM_PROMPT, reply.conversation.instruction)
    system = "\n\n".join(part for part in parts if part)
    messages = [{"role": "system", "content": system}] if system else []
    budget = conf().CHAT_CONTEXT_CHARS - len(system)
    path = _path(reply, budget)
    messages += [{"role": role, "content": text} for role, text, _ in path if text]
    return Job(
        model=reply.model,
        messages=messages,
        omitted=path[0][2],
        takeovers=reply.takeovers,
        stop_requested=reply.stop_requested,
        authors=reply.authors,
        finish_reason=reply.finish_reason,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        first_piece_after=reply.first_piece_after,
        duration=reply.duration,
    )


def _path(reply: Message, budget: int) -> list[tuple[str, str, int]]:
    """Role, text and position of the messages before a reply; the first reply's is loaded."""
    if reply.position == 1 and Message.parent.is_cached(reply):
        return [(reply.parent.role, reply.parent.text, 0)]
    return Message.objects.said(reply.parent_id, messages=LONGEST_PATH, chars=budget)


def continued(messages: Messages, text: str, model: str) -> Messages:
    """`messages` so that `model` continues after `text`, the stored start of the answer."""
    beginning = {"role": "assistant", "content": text}
    provider, _ = find(model)
    if provider.CONTINUE == "prefix":
        return [*messages, beginning]
    return [*messages, beginning, {"role": "user", "content": ASK_TO_GO_ON}]
