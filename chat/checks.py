"""Reports wrong settings when the site starts, instead of when someone chats."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from .conf import Conf, conf
from .hooks import find_fault
from .plain_http import is_open_on_the_way

LEAST_CONNECTIONS = 5
POSITIVE = [
    name
    for name, field in Conf.__dataclass_fields__.items()
    if field.type in (int, float) and name not in ("CHAT_PROXIES", "CHAT_RETRIES")
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
def check_plain_http(**_: Any) -> list[CheckMessage]:
    address = conf().OPENAI_BASE_URL
    if conf().CHAT_PLAIN_HTTP or not is_open_on_the_way(address):
        return []
    hint = "Use https, or set CHAT_PLAIN_HTTP=on if the network in between is your own."
    text = f"OPENAI_BASE_URL is {address!r}: key and chats would leave this machine in plain text."
    return [Error(text, hint=hint, id="chat.E007")]


@register
def check_proxy(**_: Any) -> list[CheckMessage]:
    if not conf().CHAT_PROXY or conf().CHAT_PROXY.startswith(("http://", "https://")):
        return []
    hint = "It must be an address like http://proxy.example.com:3128."
    return [Error("CHAT_PROXY is no address.", hint=hint, id="chat.E008")]


@register
def check_connections(**_: Any) -> list[CheckMessage]:
    if conf().CHAT_CONNECTIONS >= LEAST_CONNECTIONS:
        return []
    calls = "to store, to watch, to search, to send and to read"
    hint = f"It must be at least {LEAST_CONNECTIONS}: {calls}."
    return [Error(f"CHAT_CONNECTIONS is {conf().CHAT_CONNECTIONS}.", hint=hint, id="chat.E006")]


@register
def check_lease(**_: Any) -> list[CheckMessage]:
    """A lease is renewed six times while it lasts, and at each tick."""
    if conf().CHAT_LEASE >= 10 * conf().CHAT_TICK:
        return []
    hint = "It must be at least ten times CHAT_TICK."
    return [Error(f"CHAT_LEASE is {conf().CHAT_LEASE}.", hint=hint, id="chat.E004")]


@register
def check_hooks(**_: Any) -> list[CheckMessage]:
    fault = find_fault()
    hint = "It must be the dotted path of a subclass of chat.hooks.Hooks: see docs/django.md."
    return [Error(fault, hint=hint, id="chat.E020")] if fault else []


@register(Tags.security, deploy=True)
def check_proxies(**_: Any) -> list[CheckMessage]:
    """Else all visitors have one address, and share its limits."""
    if conf().CHAT_PROXIES or not settings.SECURE_PROXY_SSL_HEADER:
        return []
    hint = "Say how many proxies append to X-Forwarded-For before the site, with CHAT_PROXIES."
    return [Warning("CHAT_PROXIES is 0 behind a proxy.", hint=hint, id="chat.W007")]
