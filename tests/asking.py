"""Asks the provider, and keeps all that it says."""

import pytest

from chat.provider import Delta, ProviderError

PROMPT = "my most secret wish"


async def deltas_of(provider, model="double-1"):
    messages = [{"role": "user", "content": PROMPT}]
    return [delta async for delta in provider.stream(messages, model)]


async def whole_of(provider):
    """All deltas in one."""
    whole = Delta()
    for delta in await deltas_of(provider):
        whole.add(delta)
    return whole


async def text_of(provider):
    return (await whole_of(provider)).text


async def failure_of(provider):
    """The text that came, and the error."""
    text = ""
    with pytest.raises(ProviderError) as caught:
        async for delta in provider.stream([{"role": "user", "content": PROMPT}], "double-1"):
            text += delta.text
    return text, caught.value
