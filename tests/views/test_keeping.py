from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.messages import SUCCESS
from django.contrib.messages.storage.base import Message as Told
from django.template.loader import render_to_string
from django.utils import timezone

from chat.models import PINNED_AT_MOST, UNDO_FOR, Conversation, Message
from chat.models.endings import State

JSON = {"accept": "application/json"}
VERBS = ["rename", "pin", "unpin", "archive", "unarchive", "delete", "restore"]


@pytest.fixture
def urls(conversation):
    """The address of each action."""
    return {verb: f"/chat/{conversation.pk}/{verb}" for verb in VERBS}


async def keep(client, url, **data):
    response = await client.post(url, data, headers=JSON)
    return response.status_code, response.json()


async def test_a_person_names_a_conversation(aclient, conversation, urls):
    _status, answer = await keep(aclient, urls["rename"], title=" Lisbon ")
    await conversation.arefresh_from_db()
    assert answer["conversation"]["title"] == conversation.title == "Lisbon"
    assert conversation.titled_by == Conversation.TitledBy.PERSON


@pytest.mark.parametrize("title", ["", " ", "a\0b", "x" * 201])
async def test_it_refuses_a_title_like(aclient, conversation, urls, title):
    status, answer = await keep(aclient, urls["rename"], title=title)
    await conversation.arefresh_from_db()
    assert status == 400 and answer["error"] and conversation.title == "Hello"


async def test_a_page_without_script_says_what_is_wrong_with_a_title(aclient, conversation, urls):
    response = await aclient.post(urls["rename"], {"title": ""})
    assert (response.status_code, response["Location"]) == (303, f"/chat/{conversation.pk}/")
    page = await aclient.get(response["Location"])
    assert "Write a title first." in page.content.decode()


@pytest.mark.parametrize(
    ("do", "undo", "field"),
    [("pin", "unpin", "is_pinned"), ("archive", "unarchive", "is_archived")],
)
async def test_it_is_done_and_undone_and_may_be_said_twice(aclient, urls, do, undo, field):
    for verb, expected in [(do, True), (do, True), (undo, False), (undo, False)]:
        status, answer = await keep(aclient, urls[verb])
        assert (status, answer["conversation"][field]) == (200, expected)


async def test_too_many_pinned_is_said(aclient, user, urls):
    now = timezone.now()
    pinned = [Conversation(user=user, title="x", pinned_at=now) for _ in range(PINNED_AT_MOST)]
    await Conversation.objects.abulk_create(pinned)
    status, answer = await keep(aclient, urls["pin"])
    assert status == 409 and "Unpin one first" in answer["error"]


async def test_it_goes_back_to_the_page_that_was_left(aclient, urls):
    response = await aclient.post(urls["unarchive"], {"next": "/chat/archived/"})
    assert (response.status_code, response["Location"]) == (303, "/chat/archived/")


async def test_it_sends_nobody_to_another_site(aclient, conversation, urls):
    response = await aclient.post(urls["unarchive"], {"next": "https://elsewhere.example/"})
    assert response["Location"] == f"/chat/{conversation.pk}/"


# Deleting


async def test_what_is_deleted_is_not_there_any_more(aclient, conversation, urls):
    assert (await aclient.post(urls["delete"])).status_code == 303
    for url in (f"/chat/{conversation.pk}/", f"/chat/replies/{conversation.head_id}/"):
        assert (await aclient.get(url)).status_code == 404
    for url in (f"/chat/{conversation.pk}/", f"/chat/replies/{conversation.head_id}/events"):
        assert (await aclient.get(url, headers=JSON)).status_code == 404


async def test_nothing_can_be_sent_to_what_is_deleted(aclient, conversation, urls):
    await aclient.post(urls["delete"])
    response = await aclient.post(f"/chat/{conversation.pk}/", {"message": "Hi"}, headers=JSON)
    assert response.status_code == 404 and await Message.objects.acount() == 2


async def test_a_running_reply_is_stopped(aclient, running, double):
    await aclient.post(running["conversation"]["url"] + "delete", headers=JSON)
    assert double.requests[0].wait_closed().closed_by_client
    assert await Message.objects.filter(state=State.STOPPED).aexists()


async def test_it_can_be_undone_on_the_next_page(aclient, conversation, urls):
    response = await aclient.post(urls["delete"])
    page = (await aclient.get(response["Location"])).content.decode()
    assert "Deleted “Hello”." in page and f'action="{urls["restore"]}"' in page
    await aclient.post(urls["restore"])
    assert (await aclient.get(f"/chat/{conversation.pk}/")).status_code == 200


async def test_to_restore_twice_does_no_harm(aclient, urls):
    await aclient.post(urls["delete"])
    for _ in range(2):
        assert (await keep(aclient, urls["restore"]))[0] == 200


async def test_it_cannot_be_undone_later(aclient, conversation, urls):
    long_ago = timezone.now() - UNDO_FOR - timedelta(seconds=1)
    await Conversation.objects.filter(pk=conversation.pk).aupdate(deleted_at=long_ago)
    assert (await keep(aclient, urls["restore"]))[0] == 404


async def test_a_program_hears_how_to_undo_it(aclient, urls):
    assert (await keep(aclient, urls["delete"]))[1]["restore"] == urls["restore"]


# Each of them


@pytest.mark.parametrize("verb", VERBS)
async def test_it_needs_login(stranger, conversation, urls, verb):
    before = [row async for row in Conversation.objects.values()]
    assert (await keep(stranger, urls[verb], title="Mine"))[0] == 401
    assert [row async for row in Conversation.objects.values()] == before


@pytest.mark.parametrize("verb", VERBS)
async def test_it_is_not_there_for_others(other_client, conversation, urls, verb):
    before = [row async for row in Conversation.objects.values()]
    assert (await keep(other_client, urls[verb], title="Mine"))[0] == 404
    assert [row async for row in Conversation.objects.values()] == before


@pytest.mark.parametrize("verb", VERBS)
async def test_it_is_not_there(aclient, verb):
    assert (await keep(aclient, f"/chat/{uuid4()}/{verb}", title="Mine"))[0] == 404


@pytest.mark.parametrize("verb", VERBS)
async def test_it_rejects_other_verbs(aclient, urls, verb):
    response = await aclient.get(urls[verb])
    assert (response.status_code, response["Allow"]) == (405, "POST")


@pytest.mark.parametrize("verb", VERBS)
async def test_other_pages_hear_of_it(aclient, conversation, urls, verb):
    before = (await aclient.get("/chat/running")).json()["version"]
    await aclient.post(urls[verb], {"title": "Mine"})
    assert (await aclient.get("/chat/running")).json()["version"] != before


def test_only_what_can_be_taken_back_has_a_button_for_it():
    """A site's own messages have tags of another kind."""
    told = [Told(SUCCESS, "Paid", "danger"), Told(SUCCESS, "Deleted", "/chat/1/restore")]
    html = render_to_string("chat/_messages.html", {"messages": told})
    assert html.count("<form") == 1 and 'action="/chat/1/restore"' in html
