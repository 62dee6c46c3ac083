"""Reads the chat's settings from the environment, each as what it is."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from chat.conf import ProviderConf, provider_setting

PREFIX = "CHAT_PROVIDER_"
WANTED = {
    bool: "on or off",
    int: "a whole number",
    float: "a number",
    float | None: "a number, or nothing",
    dict: 'a JSON object, like {"temperature": 0.3}',
}


def read(env: environ.Env, name: str, kind: Any) -> Any:
    """The variable `name` as a `kind`. Raises ImproperlyConfigured."""
    readers = {
        str: env.str,
        bool: env.bool,
        int: env.int,
        float: env.float,
        float | None: lambda name: env.float(name) if env.str(name) else None,
        list[str]: lambda name: [each.strip() for each in env.list(name)],
        dict: env.json,
    }
    try:
        value = readers[kind](name)
        if kind is dict and not isinstance(value, dict):
            raise ValueError(name)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be {WANTED[kind]}.") from None
    return value


def of_providers(env: environ.Env, providers: list[str]) -> dict[str, Any]:
    """The settings of each provider, by their names. Raises ImproperlyConfigured for one that is
    read by nothing: a fault of spelling would be found in the first chat, or never."""
    kinds = {
        provider_setting(provider, option): kind
        for provider in providers
        for option, kind in ProviderConf.options().items()
    }
    given = [name for name in env.ENVIRON if name.startswith(PREFIX)]
    if unknown := [name for name in given if name not in kinds]:
        options = ", ".join(f"_{option}" for option in ProviderConf.options())
        raise ImproperlyConfigured(
            f"{unknown[0]} is set, but it is not {PREFIX}, a name from CHAT_PROVIDERS in capital "
            f"letters, and one of {options}."
        )
    return {name: read(env, name, kinds[name]) for name in given}
