"""How a site customises the chat: a subclass of `Hooks`, by its dotted path in CHAT_HOOKS.

docs/django.md has an example of each. A method may be sync or async. Sync ones run in a thread
and may use the database; neither has to be quick, because nobody else waits for them.
"""

import inspect
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed
from django.db.models import Model
from django.dispatch import receiver
from django.utils.module_loading import import_string

from .conf import conf

if TYPE_CHECKING:
    import openai

    from .models import Conversation, Message

    Client = openai.AsyncOpenAI | tuple[str, str]


class NotAccepted(Exception):
    """`text` tells the user why; `retry_after` is the seconds until it may work, if ever."""

    def __init__(self, text: str, *, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.text, self.retry_after = text, retry_after


@dataclass
class Prompt:
    """What goes to the model for one reply."""

    model: str
    instruction: str  # the site's own and the conversation's, sent before the messages
    messages: list[dict[str, Any]]  # role and content, as the provider takes them; oldest first
    parameters: dict[str, Any] = field(default_factory=dict)  # sent along in the request


class Hooks:
    """The defaults. A `conversation` comes with its `user`, who is the person."""

    def models(self, person: Model, offered: list[str]) -> list[str]:
        """The models that this person may use, the default first. Others are refused."""
        return offered

    def accept(
        self, person: Model, conversation: "Conversation | None", message: "Message"
    ) -> None:
        """Raise NotAccepted to keep a message from being answered: first, again or further.

        A new message is not stored yet, and in a new chat there is no conversation yet. Called
        outside of the transaction that stores.
        """

    def prompt(
        self, person: Model, conversation: "Conversation", message: "Message", prompt: Prompt
    ) -> Prompt:
        """What goes to the model for the reply to `message`, instead of `prompt`.

        When a reply is continued, its text so far is sent after that. If this raises or takes
        longer than CHAT_FIRST_PIECE_TIMEOUT, the reply fails.
        """
        return prompt

    def client(
        self, person: Model, conversation: "Conversation", message: "Message", model: str
    ) -> "Client | None":
        """The client to ask the model by, for titles too; None for the default.

        A base URL and its key, or a client that the site makes once and the chat closes.
        """
        return None


@cache
def hooks() -> Hooks:
    """The site's, made once per process. Raises ImportError."""
    return import_string(conf().CHAT_HOOKS)()


def overrides(name: str) -> bool:
    """Whether the site overrides this method; if not, it must cost nothing."""
    return getattr(type(hooks()), name) is not getattr(Hooks, name)


def find_fault() -> str:
    """Why the class in CHAT_HOOKS cannot be used, in words; empty if it can."""
    path = conf().CHAT_HOOKS
    try:
        found = import_string(path)
    except ImportError as error:
        return f"CHAT_HOOKS is {path!r}, which cannot be imported: {error}."
    if not (inspect.isclass(found) and issubclass(found, Hooks)):
        return f"CHAT_HOOKS is {path!r}, which is no subclass of chat.hooks.Hooks."
    if not _takes(found, ()):
        return f"{path} cannot be made without arguments."
    for name, method in inspect.getmembers(Hooks, inspect.isfunction):
        wanted = tuple(inspect.signature(method).parameters)
        if not _takes(getattr(found, name), wanted):
            return f"{path}.{name} does not take what it is called with: {', '.join(wanted[1:])}."
    return ""


def _takes(function: Any, arguments: tuple) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError):
        return False
    return True


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    """Tests change it."""
    if setting == "CHAT_HOOKS":
        hooks.cache_clear()
