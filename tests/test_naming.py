"""Names of models, with one provider and with several."""

import pytest

from chat.naming import find, full_name, is_doubtful


def found(model):
    provider, id = find(model)
    return provider.name, id


@pytest.fixture
def several(settings):
    settings.CHAT_PROVIDERS = ["router", "local"]


@pytest.mark.parametrize("model", ["gpt-5", "openai/gpt-5", "meta/llama/8b", ""])
def test_with_one_provider_a_name_is_the_models_own(settings, model):
    assert (found(model), full_name(model)) == (("openai", model), model)
    settings.CHAT_PROVIDERS = ["openai"]
    assert (found(model), full_name(model)) == (("openai", model), model)


@pytest.mark.parametrize(
    ("model", "provider", "id"),
    [
        ("local/llama", "local", "llama"),
        ("local/meta/llama", "local", "meta/llama"),
        ("router/local/llama", "router", "local/llama"),
        ("gpt-5", "router", "gpt-5"),
        ("meta/llama", "router", "meta/llama"),
        ("local/", "router", "local/"),
        ("local", "router", "local"),
    ],
)
def test_with_several_it_begins_with_the_provider(several, model, provider, id):
    assert found(model) == (provider, id)
    assert full_name(model) == f"{provider}/{id}" == full_name(full_name(model))


def test_no_name_stays_no_name(several):
    assert full_name("") == ""


def test_only_what_looks_like_a_providers_name_is_doubtful(several):
    doubtful = ["local/llama", "gpt-5", "lokal/llama", "local/"]
    assert [name for name in doubtful if is_doubtful(name)] == ["lokal/llama", "local/"]
