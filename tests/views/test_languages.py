"""Texts are in the language of who reads them: as they have chosen, else as their browser says."""

import pytest

from chat.models.endings import State

from ..streams import ask_and_wait, body_of, read
from .conftest import JSON

BUSY = "The model is busy. Try again in a minute."
GERMAN_BUSY = "Das Modell ist ausgelastet. Versuch es in einer Minute noch einmal."


@pytest.fixture
def german(aclient):
    """Ana's browser; she has chosen German."""
    aclient.cookies["django_language"] = "de"
    return aclient


@pytest.mark.parametrize(
    ("accepted", "language", "words"),
    [
        ("de-CH, en;q=0.5", "de", "Schreib eine Nachricht"),
        ("fr", "fr", "Écrivez un message"),
        ("tlh", "en", "Write a message"),
    ],
)
async def test_a_page_is_as_the_browser_says(aclient, accepted, language, words):
    response = await aclient.get("/chat/", headers={"accept-language": accepted})
    html = response.content.decode()
    assert f'<html lang="{language}" dir="ltr"' in html and words in html
    assert response["Content-Language"] == language and "Accept-Language" in response["Vary"]


async def test_a_choice_comes_before_the_browser(german):
    response = await german.get("/chat/", headers={"accept-language": "fr"})
    assert response["Content-Language"] == "de"


async def test_strangers_are_spoken_to_in_theirs(stranger):
    response = await stranger.get("/accounts/login/", headers={"accept-language": "de"})
    assert "Schön, dass du da bist" in response.content.decode()


async def test_errors_are_translated(german):
    assert "Hier ist nichts" in (await german.get("/nowhere/")).content.decode()
    response = await german.post("/chat/", {"message": ""}, headers=JSON)
    assert response.json() == {"error": "Schreib zuerst eine Nachricht."}


async def test_numbers_have_their_form(german, settings):
    settings.CHAT_MESSAGE_CHARS = 1_000
    response = await german.post("/chat/", {"message": "x" * 1_234}, headers=JSON)
    assert "1.234 Zeichen; 1.000 sind" in response.json()["error"]


async def test_what_the_engine_finds_out_is_translated(german, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    await ask_and_wait(german, "Hello")
    response = await german.post("/chat/", {"message": "Again"}, headers=JSON)
    assert "1 Nachrichten pro Minute" in response.json()["error"]


async def test_the_error_of_a_reply_is_translated_when_it_is_read(german, ends, conversation):
    reply = await ends(State.FAILED, error=BUSY)
    assert GERMAN_BUSY in (await german.get(conversation.get_absolute_url())).content.decode()
    assert (await german.get(f"/chat/replies/{reply.pk}/")).json()["error"] == GERMAN_BUSY


@pytest.mark.parametrize("query", ["", "?as=html"])
async def test_a_stream_ends_in_the_language_of_its_reader(german, ends, query):
    reply = await ends(State.FAILED, error=BUSY)
    end = (await read(german, f"/chat/replies/{reply.pk}/events{query}"))[-1]
    assert end.data["error"] == GERMAN_BUSY
    assert not query or (
        "Noch einmal versuchen" in end.data["html"] and GERMAN_BUSY in end.data["html"]
    )


async def test_a_page_that_grows_stays_in_one_language(german, running):
    response = await german.get(running["conversation"]["url"] + "?stream")
    await german.post(running["reply"]["stop"])
    assert "Du hast diese Antwort gestoppt." in (await body_of(response)).decode()
