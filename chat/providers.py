"""Checks the settings of several providers, and the names of models in settings."""

import re
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register

from .conf import OPENAI, ProviderConf, conf
from .naming import find, is_doubtful
from .plain_http import is_open_on_the_way

PROVIDER_NAME = re.compile("[a-z][a-z0-9]{0,19}")
SECONDS = (lambda value: value > 0, "It must be above 0 seconds.")
# What is good, and else the hint; the site's own settings of the same kind have other checks.
OWN = {
    "CONTINUE": (
        lambda value: value in ("ask", "prefix"),
        'It must be "ask", or "prefix" for a provider that goes on from an unfinished answer.',
    ),
    "EXTRA_BODY": (
        lambda value: isinstance(value, dict),
        'It must be a JSON object, like {"temperature": 0.3}.',
    ),
    "FIRST_PIECE_TIMEOUT": SECONDS,
    "PIECE_TIMEOUT": SECONDS,
}


@register
def check_provider_names(**_: Any) -> list[CheckMessage]:
    names = conf().CHAT_PROVIDERS
    wrong = [name for name in names if not PROVIDER_NAME.fullmatch(name)]
    if wrong:
        hint = "A name is up to 20 lower-case letters and digits, like local."
        return [Error(f"CHAT_PROVIDERS has {wrong[0]!r}.", hint=hint, id="chat.E021")]
    if len(set(names)) < len(names):
        return [Error("CHAT_PROVIDERS has a name twice.", hint="Take one out.", id="chat.E021")]
    return []


@register
def check_providers(**_: Any) -> list[CheckMessage]:
    """Where each of them is, and how it is asked; `check_base_url` looks at the only one."""
    if not conf().CHAT_PROVIDERS:
        return []
    return [
        Error(text, hint=hint, id="chat.E022")
        for provider in conf().providers.values()
        for text, hint in _faults_of(provider)
    ]


def _faults_of(provider: ProviderConf) -> Iterator[tuple[str, str]]:
    """What is wrong with it, and what to write. Never shows a key."""
    url, where = provider.URL, provider.setting("URL")
    if not url.startswith(("http://", "https://")):
        said = f"is {url!r}" if url else "is missing"
        yield f"{where} {said}.", "It must be an address like https://api.example.com/v1."
    elif is_open_on_the_way(url) and not conf().CHAT_PLAIN_HTTP:
        yield (
            f"{where} is {url!r}: key and chats would leave this machine in plain text.",
            "Use https, or set CHAT_PLAIN_HTTP=on if the network in between is your own.",
        )
    if url == OPENAI and not provider.KEY:
        yield f"{provider.setting('KEY')} is missing.", "OpenAI wants a key, like sk-…."
    for option, (is_good, hint) in OWN.items():
        if provider.has_own(option) and not is_good(value := getattr(provider, option)):
            yield f"{provider.setting(option)} is {value!r}.", hint


@register
def check_model_names(**_: Any) -> list[CheckMessage]:
    """Of several providers, and of those that are asked when another one fails."""
    faults = []
    for setting in ("CHAT_MODELS", "CHAT_FALLBACK"):
        for model in getattr(conf(), setting):
            provider, id = find(model)
            if is_doubtful(model):
                hint = f"Write provider/model, with one of: {', '.join(conf().providers)}."
                text = f"{setting} has {model!r}, which is a model of no provider."
                faults.append(Error(text, hint=hint, id="chat.E023"))
            elif provider.MODELS and id not in provider.MODELS:
                hint = f"Add it to {provider.setting('MODELS')}, or take it out."
                text = f"{setting} has {model!r}, which {provider.name} does not have."
                faults.append(Error(text, hint=hint, id="chat.E023"))
    return faults
