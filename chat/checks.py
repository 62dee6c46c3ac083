"""Tells wrong settings when the site starts, instead of when somebody chats."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from .conf import Conf, conf

POSITIVE = [
    name
    for name, field in Conf.__dataclass_fields__.items()
    if field.type in (int, float) and name != "CHAT_RETRIES"
]


@register
def check_numbers(**_: Any) -> list[CheckMessage]:
    return [
        Error(f"{name} is {getattr(conf(), name)}.", hint="It must be above 0.", id="chat.E001")
        for name in POSITIVE
        if getattr(conf(), name) <= 0
    ]


@register
def check_continue(**_: Any) -> list[CheckMessage]:
    if conf().CHAT_CONTINUE in ("ask", "prefix"):
        return []
    hint = 'It must be "ask", or "prefix" for a provider that goes on from an unfinished answer.'
    return [Error(f"CHAT_CONTINUE is {conf().CHAT_CONTINUE!r}.", hint=hint, id="chat.E002")]


@register
def check_sharing(**_: Any) -> list[CheckMessage]:
    if conf().CHAT_SHARING in ("members", "anyone", "off"):
        return []
    hint = 'It must be "members", "anyone" or "off".'
    return [Error(f"CHAT_SHARING is {conf().CHAT_SHARING!r}.", hint=hint, id="chat.E005")]


@register
def check_base_url(**_: Any) -> list[CheckMessage]:
    address = conf().OPENAI_BASE_URL
    if not address or address.startswith(("http://", "https://")):
        return []
    hint = "It must be an address like https://api.example.com/v1."
    return [Error(f"OPENAI_BASE_URL is {address!r}.", hint=hint, id="chat.E003")]


@register
def check_lease(**_: Any) -> list[CheckMessage]:
    """A lease is renewed six times while it lasts, and at each tick."""
    if conf().CHAT_LEASE >= 10 * conf().CHAT_TICK:
        return []
    hint = "It must be at least ten times CHAT_TICK."
    return [Error(f"CHAT_LEASE is {conf().CHAT_LEASE}.", hint=hint, id="chat.E004")]
