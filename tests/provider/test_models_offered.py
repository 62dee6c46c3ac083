"""Which models people may choose from."""

import json

import pytest

from chat.conf import conf
from chat.provider import looking
from chat.provider.listing import for_chat


async def test_it_offers_the_models_of_the_site(provider, settings):
    settings.CHAT_MODELS = ["one", "two"]
    assert await provider.models() == ["one", "two"]


async def test_it_offers_the_models_of_the_provider(provider, settings):
    settings.CHAT_MODELS = []
    assert await provider.models() == ["double-1", "double-2"]


@pytest.mark.parametrize(
    ("model", "is_offered"),
    [
        ("gpt-5.2", True),
        ("gpt-4o-search-preview", True),  # it searches, and then it answers
        ("company-research-70b", True),
        ("o3-deep-research", True),
        ("imagenius-7b", True),
        ("meta-llama/llama-3.3-70b-instruct:free", True),
        ("models/gemini-2.5-pro", True),
        ("claude-sonnet-4-5-20250929", True),
        ("deepseek-r1:32b", True),
        ("magistral-medium-latest", True),
        ("gpt-3.5-turbo", True),
        ("gpt-3.5-turbo-instruct", False),
        ("text-embedding-3-small", False),
        ("models/gemini-embedding-001", False),
        ("nomic-embed-text:latest", False),
        ("whisper-large-v3-turbo", False),
        ("gpt-4o-mini-tts", False),
        ("tts-1-hd", False),
        ("dall-e-3", False),
        ("chatgpt-image-latest", False),
        ("gpt-4o-audio-preview", False),
        ("gpt-realtime-mini", False),
        ("gpt-4o-mini-transcribe", False),
        ("omni-moderation-latest", False),
        ("sora-2-pro", False),
        ("davinci-002", False),
        ("BAAI/bge-reranker-v2-m3", False),
        ("mistral-ocr-latest", False),
    ],
)
def test_it_tells_what_is_for_chat(model, is_offered):
    body = json.dumps({"data": [{"id": model}]}).encode()
    assert for_chat(body) == [model] * is_offered


@pytest.fixture
def listing(double, settings):
    """Has the double list this."""
    settings.CHAT_MODELS = []
    yield lambda body: setattr(double, "listing", body)
    double.listing = None


ODD_ENTRIES = [
    *(None, 5, "gpt-9", [], {}),
    *({"id": id} for id in (None, 5, "", " ", "a\nb", "a\0b", "\ud83d", "x" * 201, ["a"], " a")),
]


async def test_it_offers_what_is_sane_in_an_odd_list(provider, listing):
    good = [{"id": "one", "created": "1"}, {"id": "one"}, {"id": "two", "created": -5}]
    new = {"id": "new", "created": 1e300, "object": {"x": None}}
    listing(json.dumps({"data": [*ODD_ENTRIES, *good, new]}).encode())
    assert await provider.models() == ["new", "one", "two"]


async def test_it_offers_what_a_bare_list_has(provider, listing):
    listing(b'[{"id":"one"}]')
    assert await provider.models() == ["one"]


async def test_it_does_not_offer_thousands(provider, listing):
    listing(json.dumps({"data": [{"id": f"m{number}"} for number in range(100_000)]}).encode())
    assert len(await provider.models()) == 500


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"5", b'"x"', b"{}", b'{"data":null}', b'{"data":{"id":"x"}}', b"<html>"),
        *(b"\xff", b"[" * 100_000, b'[{"id":"x"}' + b" " * 9_000_000 + b"]"),
    ],
    ids=range(11),
)
async def test_it_offers_nothing_if_the_list_is_none(provider, listing, body):
    listing(body)
    assert await provider.models() == []


async def test_it_offers_nothing_while_the_provider_is_down(provider, double, settings):
    settings.CHAT_MODELS = []
    double.stop_listening()
    try:
        assert await provider.models() == []
    finally:
        double.listen_again()


# What staff are told


def said(trouble):
    return trouble.told(conf().providers["openai"]) if trouble else ""


@pytest.mark.parametrize(
    ("listed", "named", "told"),
    [
        (None, [], None),
        (401, [], looking.KEY),
        (403, ["one"], looking.KEY),
        (503, [], looking.ERROR),
        (404, [], looking.UNLISTED),
        (404, ["one"], None),
        (b"<html>", [], looking.UNLISTED),
        (b'{"data": []}', [], looking.NO_MODEL),
        (b'{"data": []}', ["one"], None),
    ],
)
async def test_staff_are_told_what_is_wrong(
    provider, double, settings, listing, listed, named, told
):
    settings.CHAT_MODELS = named
    listing(listed)
    assert await provider.trouble() == said(told) and double.requests == []


async def test_staff_are_told_of_a_wrong_address(provider, double, settings):
    settings.OPENAI_BASE_URL = double.base_url + "/v2"
    assert await provider.trouble() == said(looking.ADDRESS)
    assert "Check OPENAI_BASE_URL: most" in said(looking.ADDRESS)


async def test_staff_are_told_that_nothing_answers(provider, double):
    double.stop_listening()
    try:
        assert await provider.trouble() == said(looking.SILENT)
    finally:
        double.listen_again()
