import re
from time import process_time
from urllib.parse import unquote

import pytest
from asgiref.sync import sync_to_async

from chat import finding
from chat.finding import FOUND_AT_MOST
from chat.limits import SEARCHES
from chat.models import Conversation, Message, Rate
from chat.models.endings import Ending, State
from chat.views.search import WIDEST

from ..replies import new_writer

URL = "/chat/search"
JSON = {"accept": "application/json"}


@pytest.fixture
def say(user):
    """Stores a conversation of Ana's with this title and what was said in it."""

    def store(title, text, owner=user):
        writer = new_writer()
        conversation = Conversation.objects.create(user=owner, title=title)
        reply = conversation.post("A question", model="double-1", writer=writer)
        ending = Ending(State.COMPLETE, text, finish_reason="stop")
        Message.objects.settle(reply.pk, writer, ending)
        return conversation

    return sync_to_async(store)


async def find(client, words):
    """What the sidebar shows: the addresses, the HTML and the status."""
    response = await client.get(URL, {"q": words, "as": "html"}, headers=JSON)
    assert response.status_code == 200, response.content
    html = response.json()["html"]
    return re.findall(r'href="([^"]+)"', html), html, response.json()["status"]


async def test_it_finds_a_message_and_links_to_it(aclient, say):
    conversation = await say("Title", "Trains to Lisbon run daily.")
    urls, html, status = await find(aclient, "lisbon")
    head = conversation.head_id
    at = f"/chat/{conversation.pk}/?at={head}#message-{head}:~:text=Lisbon"
    assert urls == [at] and "Trains to <mark>Lisbon</mark> run" in html
    assert status == "1 chat found"


async def test_it_finds_a_title(aclient, say):
    conversation = await say("Weekend in Lisbon", "Text")
    urls, html, _status = await find(aclient, "weekEND")
    assert urls == [f"/chat/{conversation.pk}/"] and "<mark>Weekend</mark> in" in html


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("ÜBER", "über"),
        ("привет", "ПРИВЕТ"),
        ("ελλάς", "ΕΛΛΆς"),
        ("100%", "it is 100% so"),
        ("a_b", "an a_b here"),
        ("(x|y)*", "like (x|y)* there"),
        ("日本", "in 日本 there"),
        ("a\\b", "an a\\b"),
    ],
)
async def test_it_finds(aclient, say, words, text):
    await say("Title", text)
    assert len((await find(aclient, words))[0]) == 1


@pytest.mark.parametrize("words", ["_", "%", ".", "\\", "é+"])
async def test_no_character_stands_for_others(aclient, say, words):
    await say("Title", "nothing of it é")
    urls, html, _status = await find(aclient, words)
    assert not urls and "No chat mentions" in html


async def test_whole_words_are_marked_in_the_page(aclient, say):
    await say("Title", "A well-known streaming thing, on and on")
    assert (await find(aclient, "known stream"))[0][0].endswith(":~:text=known%20streaming")
    assert (await find(aclient, "ell-k"))[0][0].endswith(":~:text=well%2Dknown")


async def test_a_place_that_is_longer_in_another_case_stays_the_place(aclient, say):
    await say("İİİ", "İİİİ ẞ Übung macht den Meister")
    _urls, html, _status = await find(aclient, "übung")
    assert "<mark>Übung</mark> macht" in html


@pytest.mark.parametrize("text", ["x" * 500, "日" * 500, "_" * 500], ids=lambda text: text[0])
async def test_a_very_long_word_is_marked_in_part(aclient, say, text):
    await say("Title", f"{text}.{text}")
    url = (await find(aclient, "."))[0][0]
    assert unquote(url.rpartition("=")[2]) == f"{text[:WIDEST]}.{text[:WIDEST]}"


HARD = {
    "one long word": ("a" * 200_000 + " zz", "zz"),
    "a beginning again and again": ("a" * 200_000, "a" * 199 + "b"),
    "of two bytes": ("é" * 200_000, "é" * 199 + "è"),
    "with its end": (("é" * 198 + "ü") * 1_000, "é" * 199 + "ü"),
    "found everywhere": ("é" * 200_000, "é"),
    "blanks": (" " * 199_000 + "é", "é"),
}


@pytest.mark.parametrize("kind", HARD)
async def test_no_text_takes_more_than_a_moment(aclient, say, kind):
    text, words = HARD[kind]
    await say("Title", text)
    began = process_time()
    await find(aclient, words)
    assert process_time() - began < 5  # the square of the text takes minutes


async def test_a_search_that_takes_too_long_is_ended(aclient, say, monkeypatch):
    monkeypatch.setattr(finding, "LONGEST", 0.1)  # seconds, of two
    text, words = HARD["a beginning again and again"]
    for _ in range(20):
        await say("Title", text)
    response = await aclient.get(URL, {"q": words}, headers=JSON)
    assert response.status_code == 503 and "takes too long" in response.json()["error"]
    monkeypatch.undo()
    assert not (await find(aclient, "b"))[0]  # its connection is as good as before


@pytest.mark.parametrize("query", [{}, {"as": "html"}])
async def test_it_limits_the_searches_of_a_person(aclient, other_client, query):
    await find(aclient, "x")
    await Rate.objects.aupdate(times=SEARCHES[0])
    response = await aclient.get(URL, {"q": "x"} | query)
    assert response.status_code == 429 and 0 < int(response["Retry-After"]) <= 60
    assert "60 times a minute" in response.content.decode()
    assert await find(other_client, "x")


async def test_what_was_said_is_text_not_html(aclient, say):
    await say("<i>T</i>", "<script>alert(1)</script>")
    _urls, html, _status = await find(aclient, "script")
    assert "<script>" not in html and "&lt;<mark>script</mark>&gt;alert" in html


async def test_it_finds_only_what_is_the_persons_own(aclient, say, other_user):
    await say("Title", "a secret", other_user)
    assert not (await find(aclient, "secret"))[0]


async def test_it_does_not_find_what_is_deleted(aclient, say):
    conversation = await say("Title", "a secret")
    await sync_to_async(conversation.remove)()
    assert not (await find(aclient, "secret"))[0]


async def test_it_finds_what_is_archived(aclient, say):
    conversation = await say("Title", "a secret")
    await sync_to_async(conversation.archive)()
    assert len((await find(aclient, "secret"))[0]) == 1


async def test_it_shows_the_newest_and_says_that_there_are_more(aclient, say):
    for number in range(FOUND_AT_MOST + 1):
        await say(f"Title {number}.", "words")
    urls, html, status = await find(aclient, "words")
    assert len(urls) == FOUND_AT_MOST and "Title 0." not in html
    assert status.startswith(f"The newest {FOUND_AT_MOST} chats are shown.")


async def test_it_is_a_page_without_script(aclient, say):
    await say("Title", "Trains to Lisbon run daily.")
    html = (await aclient.get(URL, {"q": "lisbon"})).content.decode()
    assert "<mark>Lisbon</mark>" in html and 'value="lisbon"' in html


async def test_it_begins_with_what_to_do(aclient):
    html = (await aclient.get(URL)).content.decode()
    assert "Type a word from a title" in html


@pytest.mark.parametrize("words", ["a\0b", "x" * 201])
async def test_it_refuses_words_like(aclient, words):
    assert (await aclient.get(URL, {"q": words})).status_code == 400
    response = await aclient.get(URL, {"q": words}, headers=JSON)
    assert response.status_code == 400 and response.json()["error"]


async def test_it_needs_login(stranger):
    assert (await stranger.get(URL, {"q": "x"})).status_code == 302
    assert (await stranger.get(URL, {"q": "x"}, headers=JSON)).status_code == 401


async def test_it_rejects_other_verbs(aclient):
    assert (await aclient.post(URL)).status_code == 405
