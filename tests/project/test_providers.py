"""Settings of several providers: from the environment, and what the checks say of wrong ones."""

import environ
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from chat.conf import conf
from project.reading import of_providers, read


@pytest.fixture
def given():
    """Reads the settings of the providers `openai` and `local` from these variables."""

    def of(**variables):
        env = environ.Env()
        env.ENVIRON = variables
        return of_providers(env, ["openai", "local"])

    return of


def test_each_is_read_as_what_it_is(given):
    values = given(
        CHAT_PROVIDER_LOCAL_URL="http://127.0.0.1:11434/v1",
        CHAT_PROVIDER_LOCAL_MODELS="llama, qwen",
        CHAT_PROVIDER_OPENAI_EXTRA_BODY='{"top_p": 0.1}',
        CHAT_PROVIDER_LOCAL_FIRST_PIECE_TIMEOUT="300",
        CHAT_MODELS="x",
    )
    assert values == {
        "CHAT_PROVIDER_LOCAL_URL": "http://127.0.0.1:11434/v1",
        "CHAT_PROVIDER_LOCAL_MODELS": ["llama", "qwen"],
        "CHAT_PROVIDER_OPENAI_EXTRA_BODY": {"top_p": 0.1},
        "CHAT_PROVIDER_LOCAL_FIRST_PIECE_TIMEOUT": 300.0,
    }


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CHAT_PROVIDER_LOCL_URL", "x", "a name from CHAT_PROVIDERS"),
        ("CHAT_PROVIDER_LOCAL_TIMEOUT", "5", "_FIRST_PIECE_TIMEOUT"),
        ("CHAT_PROVIDER_LOCAL_EXTRA_BODY", "{secret", "a JSON object, like"),
        ("CHAT_PROVIDER_LOCAL_EXTRA_BODY", "[]", "a JSON object, like"),
        ("CHAT_PROVIDER_LOCAL_PIECE_TIMEOUT", "soon", "a number"),
    ],
)
def test_a_wrong_one_stops_the_start(given, name, value, told):
    with pytest.raises(ImproperlyConfigured) as error:
        given(**{name: value})
    assert name in str(error.value) and told in str(error.value)
    assert "secret" not in str(error.value)


def test_the_sites_own_are_read_in_the_same_way():
    env = environ.Env()
    env.ENVIRON = {"CHAT_EXTRA_BODY": "{"}
    with pytest.raises(ImproperlyConfigured, match="CHAT_EXTRA_BODY"):
        read(env, "CHAT_EXTRA_BODY", dict)


def test_what_is_not_set_is_the_sites_own(settings):
    settings.CHAT_PROVIDERS = ["openai", "local"]
    settings.OPENAI_API_KEY, settings.CHAT_CONTINUE = "sk-a", "prefix"
    settings.CHAT_PROVIDER_LOCAL_PIECE_TIMEOUT = 300.0
    openai, local = conf().providers.values()
    assert (openai.URL, openai.KEY) == ("https://api.openai.com/v1", "sk-a")
    assert (local.URL, local.KEY, local.CONTINUE) == ("", "", "prefix")
    assert (openai.PIECE_TIMEOUT, local.PIECE_TIMEOUT) == (60.0, 300.0)


def test_without_a_list_of_them_there_are_no_settings_of_theirs(settings):
    env = environ.Env()
    env.ENVIRON = {"CHAT_PROVIDER_OPENAI_KEY": "sk-secret"}
    with pytest.raises(ImproperlyConfigured, match="a name from CHAT_PROVIDERS"):
        of_providers(env, [])
    settings.CHAT_PROVIDER_OPENAI_KEY = "sk-secret"
    assert conf().is_demo and conf().providers["openai"].KEY == ""


# The checks


@pytest.fixture
def two(settings):
    settings.CHAT_PROVIDERS = ["openai", "local"]
    settings.OPENAI_API_KEY = "sk-secret"
    settings.CHAT_PROVIDER_LOCAL_URL = "http://127.0.0.1:11434/v1"
    settings.CHAT_MODELS = ["gpt-5", "local/llama"]
    settings.CHAT_FALLBACK = ["local/llama", "openai/gpt-5-mini"]


def said():
    return [f"{each.id} {each.msg} {each.hint}" for each in run_checks() if "chat." in each.id]


def test_they_have_nothing_to_say_of_two_good_ones(two):
    assert said() == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CHAT_PROVIDERS", ["openai", "Local"], "E021 CHAT_PROVIDERS has 'Local'"),
        ("CHAT_PROVIDERS", ["openai", "a/b"], "E021 CHAT_PROVIDERS has 'a/b'"),
        ("CHAT_PROVIDERS", ["openai", "local", "local"], "E021 CHAT_PROVIDERS has a name twice"),
        ("CHAT_PROVIDER_LOCAL_URL", "", "E022 CHAT_PROVIDER_LOCAL_URL is missing"),
        ("CHAT_PROVIDER_LOCAL_URL", "ollama:1", "E022 CHAT_PROVIDER_LOCAL_URL is 'ollama:1'"),
        ("CHAT_PROVIDER_LOCAL_URL", "http://ollama/v1", "CHAT_PLAIN_HTTP=on"),
        ("OPENAI_API_KEY", "", "E022 OPENAI_API_KEY is missing"),
        ("CHAT_PROVIDER_LOCAL_CONTINUE", "again", "E022 CHAT_PROVIDER_LOCAL_CONTINUE is 'again'"),
        ("CHAT_PROVIDER_LOCAL_EXTRA_BODY", "{}", "E022 CHAT_PROVIDER_LOCAL_EXTRA_BODY is '{}'"),
        ("CHAT_PROVIDER_LOCAL_PIECE_TIMEOUT", 0, "E022 CHAT_PROVIDER_LOCAL_PIECE_TIMEOUT is 0"),
        ("CHAT_FALLBACK", ["lokal/llama"], "E023 CHAT_FALLBACK has 'lokal/llama'"),
        ("CHAT_MODELS", ["lokal/llama"], "E023 CHAT_MODELS has 'lokal/llama'"),
        ("CHAT_PROVIDER_LOCAL_MODELS", ["qwen"], "Add it to CHAT_PROVIDER_LOCAL_MODELS"),
    ],
)
def test_they_name_what_is_wrong_and_what_to_write(two, settings, name, value, told):
    setattr(settings, name, value)
    assert any(told in each for each in said()), said()
    assert not any("sk-secret" in each or each.endswith("None") for each in said())


def test_what_is_wrong_with_the_sites_own_is_told_once(two, settings):
    settings.CHAT_CONTINUE = "again"
    (told,) = said()
    assert told.startswith("chat.E002 CHAT_CONTINUE")


def test_a_site_with_one_provider_may_fall_back_on_another_model(settings):
    settings.CHAT_FALLBACK = ["meta/llama", "gpt-5-mini"]
    assert said() == []
