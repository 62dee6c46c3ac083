"""Several providers: what they offer, and where a request goes."""

import pytest

from chat.provider import ProviderError

from ..double import Status

MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def both(north_and_south, settings):
    settings.CHAT_MODELS = settings.CHAT_FALLBACK = []
    return north_and_south


async def ask(provider, model, **more):
    async with provider.answer(MESSAGES, model, **more) as answer:
        while not answer.is_over:
            await answer.arrival()
            answer.take()


async def test_it_offers_the_models_of_all(both, provider):
    assert await provider.models() == ["north/double-1", "north/double-2", "south/other-1"]


async def test_a_providers_own_setting_replaces_its_list(both, provider, settings):
    settings.CHAT_PROVIDER_NORTH_MODELS = ["meta/llama", "gpt"]
    assert await provider.models() == ["north/meta/llama", "north/gpt", "south/other-1"]


async def test_the_sites_setting_replaces_all_lists(both, provider, settings):
    settings.CHAT_MODELS = ["south/other-1", "gpt", "north/gpt"]
    assert await provider.models() == ["south/other-1", "north/gpt"]


async def test_one_that_is_down_does_not_hide_the_others(both, provider):
    north, _ = both
    north.stop_listening()
    try:
        assert await provider.models() == ["south/other-1"]
    finally:
        north.listen_again()


async def test_staff_are_told_which_is_in_trouble(both, provider, settings):
    both[1].listing = 401
    settings.CHAT_PROVIDER_NORTH_URL += "/elsewhere"
    try:
        said = await provider.trouble()
    finally:
        both[1].listing = None
    assert "north: There is no OpenAI-compatible API" in said
    assert "Check CHAT_PROVIDER_NORTH_URL:" in said
    assert said.endswith("south: The provider refused the key. Check CHAT_PROVIDER_SOUTH_KEY.")


async def test_a_name_that_would_be_too_long_is_not_offered(both, provider, settings):
    settings.CHAT_PROVIDER_NORTH_MODELS = ["x" * 194, "x" * 195]
    assert await provider.models() == ["north/" + "x" * 194, "south/other-1"]


@pytest.mark.parametrize(
    ("model", "place", "id"),
    [
        ("south/meta/llama", 1, "meta/llama"),
        ("north/gpt", 0, "gpt"),
        ("gpt", 0, "gpt"),
        ("meta/llama", 0, "meta/llama"),
    ],
)
async def test_a_request_goes_to_the_provider_of_its_model(both, provider, model, place, id):
    await ask(provider, model)
    (request,) = both[place].requests
    assert request.body["model"] == id and not both[1 - place].requests


async def test_a_chosen_client_gets_the_models_own_id(both, provider):
    _, south = both
    await ask(provider, "north/gpt", client=(south.base_url, "chosen"))
    (request,) = south.requests
    assert (request.body["model"], request.headers["authorization"]) == ("gpt", "Bearer chosen")


async def test_the_log_names_the_setting_of_the_provider(both, provider):
    both[1].script(Status(401))
    with pytest.raises(ProviderError, match="Check CHAT_PROVIDER_SOUTH_KEY"):
        await ask(provider, "south/gpt")


async def test_one_named_openai_has_the_settings_of_openai(both, provider, settings):
    _, south = both
    settings.CHAT_PROVIDERS = ["south", "openai"]
    settings.OPENAI_API_KEY = "sk-of-openai"
    settings.OPENAI_BASE_URL = both[0].base_url
    await ask(provider, "openai/gpt")
    (request,) = both[0].requests
    assert request.headers["authorization"] == "Bearer sk-of-openai" and not south.requests
