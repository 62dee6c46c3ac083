"""What of a conversation goes to the model that is to write a reply."""

from dataclasses import dataclass

from .conf import conf
from .models import Message
from .prompts import ASK_TO_GO_ON
from .provider import Messages

LONGEST_PATH = 1_000  # messages of one conversation that are looked at for a request


@dataclass
class Task:
    """What a reply is to be written from."""

    model: str
    messages: Messages
    omitted: int  # earlier messages that were left out to keep within the budget
    reasoning: str  # what the model thought before it is to go on
    takeovers: int
    stop_requested: bool


def load_task(reply: Message) -> Task:
    """What to send to the provider for a reply, in one query if its conversation is at hand."""
    parts = (conf().CHAT_SYSTEM_PROMPT, reply.conversation.instruction)
    system = "\n\n".join(part for part in parts if part)
    messages = [{"role": "system", "content": system}] if system else []
    budget = conf().CHAT_CONTEXT_CHARS - len(system)
    path = Message.objects.said(reply.parent_id, messages=LONGEST_PATH, chars=budget)
    messages += [{"role": role, "content": text} for role, text, _ in path if text]
    return Task(
        model=reply.model,
        messages=messages,
        omitted=path[0][2],
        reasoning=reply.reasoning,
        takeovers=reply.takeovers,
        stop_requested=reply.stop_requested,
    )


def continued(messages: Messages, text: str) -> Messages:
    """`messages` so that the provider goes on behind `text`, the stored beginning of its answer."""
    beginning = {"role": "assistant", "content": text}
    if conf().CHAT_CONTINUE == "prefix":
        return [*messages, beginning]
    return [*messages, beginning, {"role": "user", "content": ASK_TO_GO_ON}]
