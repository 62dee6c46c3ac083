import pytest
from django.core.checks import run_checks

from chat.checks import POSITIVE


def ids():
    return [message.id for message in run_checks() if message.id.startswith("chat.")]


def test_it_has_nothing_to_say_of_a_fresh_clone():
    assert ids() == []


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [0, -1])
def test_it_wants_numbers_above_zero(settings, name, value):
    setattr(settings, name, value)
    assert "chat.E001" in ids()


def test_it_wants_connections_to_store_to_watch_to_search_to_send_and_to_read(settings):
    settings.CHAT_CONNECTIONS = 4
    assert ids() == ["chat.E006"]


def test_it_takes_no_retries(settings):
    settings.CHAT_RETRIES = 0
    assert ids() == []


@pytest.mark.parametrize("value", ["ask", "prefix"])
def test_it_knows_two_ways_to_continue(settings, value):
    settings.CHAT_CONTINUE = value
    assert ids() == []


def test_it_refuses_another_way_to_continue(settings):
    settings.CHAT_CONTINUE = "again"
    assert ids() == ["chat.E002"]


@pytest.mark.parametrize("value", ["members", "anyone", "off"])
def test_it_knows_three_ways_to_share(settings, value):
    settings.CHAT_SHARING = value
    assert ids() == []


def test_it_refuses_another_way_to_share(settings):
    settings.CHAT_SHARING = "everybody"
    assert ids() == ["chat.E005"]


@pytest.mark.parametrize("value", ["api.example.com/v1", "ftp://example.com"])
def test_it_wants_an_address_of_the_provider(settings, value):
    settings.OPENAI_BASE_URL = value
    assert ids() == ["chat.E003"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://ollama:11434/v1", True),
        ("http://192.168.1.2/v1", True),
        ("http://localhost.example.com/v1", True),
        ("http://127.0.0.1.example.com/v1", True),
        ("http://127.0.0.1:11434/v1", False),
        ("http://127.1.2.3/v1", False),
        ("http://[::1]:8080/v1", False),
        ("http://LOCALHOST:1234/v1", False),
        ("https://api.example.com/v1", False),
        ("", False),
    ],
)
def test_it_wants_nobody_to_read_what_goes_to_the_provider(settings, address, told):
    settings.OPENAI_BASE_URL = address
    assert ids() == ["chat.E007"] * told
    settings.CHAT_PLAIN_HTTP = True
    assert ids() == []


def test_it_wants_an_address_of_the_proxy(settings):
    settings.CHAT_PROXY = "proxy.example.com:3128"
    assert ids() == ["chat.E008"]


def test_it_wants_a_lease_of_many_ticks(settings):
    settings.CHAT_TICK, settings.CHAT_LEASE = 0.05, 0.4
    assert ids() == ["chat.E004"]


def test_it_gives_hints(settings):
    settings.CHAT_CONTINUE = "again"
    hints = [message.hint for message in run_checks() if message.id == "chat.E002"]
    assert hints and all(hints)
