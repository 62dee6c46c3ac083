import re
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from chat.endings import Ending, State
from chat.models import Conversation, Message
from chat.views.search import FOUND_AT_MOST

URL = "/chat/search"
JSON = {"accept": "application/json"}


@pytest.fixture
def say(user):
    """Stores a conversation of Ana's with this title and what was said in it."""

    def store(title, text, owner=user):
        writer = uuid4()
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
    assert status == "1 conversation found"


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
    assert not urls and "Nothing has" in html


async def test_whole_words_are_marked_in_the_page(aclient, say):
    await say("Title", "A well-known streaming thing, on and on")
    assert (await find(aclient, "known stream"))[0][0].endswith(":~:text=known%20streaming")
    assert (await find(aclient, "ell-k"))[0][0].endswith(":~:text=well%2Dknown")


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
    assert status.startswith(f"The newest {FOUND_AT_MOST} conversations are shown.")


async def test_it_is_a_page_without_script(aclient, say):
    await say("Title", "Trains to Lisbon run daily.")
    html = (await aclient.get(URL, {"q": "lisbon"})).content.decode()
    assert "<mark>Lisbon</mark>" in html and 'value="lisbon"' in html


async def test_it_begins_with_what_to_do(aclient):
    html = (await aclient.get(URL)).content.decode()
    assert "Write a word from the title" in html


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
