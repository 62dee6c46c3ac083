"""Asks a provider what it offers, and finds out what is wrong with it."""

import asyncio
from typing import NamedTuple

import httpx2
import openai
from django.utils.translation import gettext_noop as _

from ..conf import ProviderConf, conf
from .errors import FOR_STAFF, KEY_REFUSED, Trouble
from .listing import for_chat

KEY = FOR_STAFF[KEY_REFUSED]
ADDRESS = Trouble(
    _(
        "There is no OpenAI-compatible API at the provider's address."
        " Check %(setting)s: most end in /v1."
    ),
    "URL",
)
SILENT = Trouble(
    _(
        "Nothing answers at the provider's address."
        " Check %(setting)s, and that the provider is running."
    ),
    "URL",
)
UNLISTED = Trouble(
    _("The provider does not list its models. Write the name of one into %(setting)s."), "MODELS"
)
NO_MODEL = Trouble(
    _("The provider lists no model for chat. Write the name of one into %(setting)s."), "MODELS"
)
ERROR = Trouble(
    _("The provider answers with an error at the moment. Look at its status page or its log.")
)

NOT_THERE = (404, 405, 501)  # an address without an API, or one that lacks this part


class Listed(NamedTuple):
    """The models that a provider lists, by its own ids, and what is wrong with it."""

    models: list[str]
    trouble: Trouble | None = None


async def look(client: openai.AsyncOpenAI, provider: ProviderConf) -> Listed:
    """What the provider offers, within CHAT_CONNECT_TIMEOUT. Raises nothing of its own."""
    try:
        async with asyncio.timeout(conf().CHAT_CONNECT_TIMEOUT):
            return await _look(client, is_named=bool(conf().CHAT_MODELS or provider.MODELS))
    except (openai.APIConnectionError, TimeoutError):
        return Listed([], SILENT)


async def _look(client: openai.AsyncOpenAI, *, is_named: bool) -> Listed:
    """`is_named`: the settings say which models there are."""
    try:
        response = await client.get("/models", cast_to=httpx2.Response)
        models = for_chat(response.content)
    except openai.APIStatusError as error:
        trouble = await _trouble_with(error.status_code, client)
    except (ValueError, RecursionError):  # no list: a page of something else, perhaps
        trouble = await _trouble_without_list(client)
    else:
        trouble = None if models else NO_MODEL
        return Listed(models, None if is_named else trouble)
    return Listed([], None if is_named and trouble is UNLISTED else trouble)


async def _trouble_with(status: int, client: openai.AsyncOpenAI) -> Trouble:
    if status in (401, 403):
        return KEY
    if status not in NOT_THERE and (status == 429 or status >= 500):
        return ERROR
    return await _trouble_without_list(client)


async def _trouble_without_list(client: openai.AsyncOpenAI) -> Trouble:
    """Some providers list no models. An empty request costs nothing, and an API refuses it."""
    try:
        await client.post("/chat/completions", body={}, cast_to=httpx2.Response)
    except openai.APIStatusError as error:
        if error.status_code in (401, 403):
            return KEY
        if error.status_code >= 400 and error.status_code not in NOT_THERE:
            return UNLISTED
    return ADDRESS
