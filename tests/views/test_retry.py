from uuid import uuid4

import pytest

from chat.models import Message
from chat.models.endings import State

from ..double import Stall
from ..streams import ask, ask_and_wait, read

JSON = {"accept": "application/json"}


@pytest.fixture
def url(conversation):
    return f"/chat/replies/{conversation.head_id}/retry"


async def test_it_answers_the_message_again(aclient, url, ends, conversation, double):
    failed = await ends(State.FAILED, "", "It broke.")
    response = await aclient.post(url, headers=JSON)
    assert response.status_code == 201
    await read(aclient, response.json()["reply"]["events"])
    reply = await Message.objects.aget(pk=response.json()["reply"]["id"])
    assert (reply.state, reply.parent_id) == (State.COMPLETE, failed.parent_id)
    assert double.requests[0].prompt == "Hello" and reply.text == double.texts_sent()[0]


async def test_it_keeps_the_failed_reply_but_shows_the_new_one(aclient, url, ends, conversation):
    await ends(State.FAILED, "Half", "It broke.")
    await read(aclient, (await aclient.post(url, headers=JSON)).json()["reply"]["events"])
    html = (await aclient.get(f"/chat/{conversation.pk}/")).content.decode()
    assert "It broke." not in html and await Message.objects.replies().acount() == 2


async def test_it_sends_the_browser_back(aclient, url, ends, conversation):
    await ends(State.FAILED, "", "It broke.")
    response = await aclient.post(url)
    assert response.status_code in (302, 303)
    assert response["Location"] == f"/chat/{conversation.pk}/"


@pytest.mark.parametrize("state", [State.COMPLETE, State.STOPPED, State.FILTERED])
async def test_it_answers_again_however_the_reply_ended(aclient, url, ends, state):
    await ends(state)
    response = await aclient.post(url, headers=JSON)
    assert response.status_code == 201 and await Message.objects.replies().acount() == 2


async def test_a_reply_in_the_middle_gets_a_branch_of_its_own(aclient, url, conversation, double):
    page = f"/chat/{conversation.pk}/"
    await ask_and_wait(aclient, "And now?", page)
    again = (await aclient.post(url, headers=JSON)).json()["reply"]
    await read(aclient, again["events"])
    html = (await aclient.get(page)).content.decode()
    assert "And now?" not in html and again["id"] in html
    assert await Message.objects.acount() == 5
    assert [each["content"] for each in double.requests[-1].body["messages"]] == ["Hello"]


@pytest.mark.parametrize(
    ("own", "fields", "asked"),
    [
        ("double-2", {}, "double-2"),
        ("double-2", {"model": "double-1"}, "double-1"),
        ("gone-1", {}, "double-1"),
        ("gone-1", {"model": ""}, "double-1"),
    ],
)
async def test_it_asks_the_model(aclient, url, conversation, double, own, fields, asked):
    await Message.objects.filter(pk=conversation.head_id).aupdate(model=own)
    again = (await aclient.post(url, fields, headers=JSON)).json()["reply"]
    await read(aclient, again["events"])
    assert double.requests[0].body["model"] == asked


async def test_it_refuses_a_model_that_is_not_on_offer(aclient, url):
    response = await aclient.post(url, {"model": "gpt-9"}, headers=JSON)
    assert response.status_code == 400 and "gpt-9" in response.json()["error"]
    assert await Message.objects.acount() == 2


async def test_it_refuses_for_a_running_reply(aclient, running):
    url = running["reply"]["url"] + "retry"
    assert (await aclient.post(url, headers=JSON)).status_code == 409


async def test_asked_twice_it_answers_once(aclient, url, ends, double):
    double.script(Stall())
    await ends(State.FAILED, "", "It broke.")
    answers = [(await aclient.post(url, headers=JSON)).status_code for _ in range(2)]
    assert answers == [201, 409] and await Message.objects.replies().acount() == 2


async def test_it_tells_people_why_it_refused(aclient, running):
    await aclient.post(running["reply"]["url"] + "retry")
    assert b"stop it first" in (await aclient.get(running["conversation"]["url"])).content


async def test_it_counts_as_a_message(aclient, url, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    answers = [await aclient.post(url, headers=JSON)]
    await read(aclient, answers[0].json()["reply"]["events"])
    answers.append(await aclient.post(url, headers=JSON))
    assert [each.status_code for each in answers] == [201, 429] and "Retry-After" in answers[1]


async def test_it_limits_running_replies(aclient, url, ends, settings):
    await ends(State.FAILED, "", "It broke.")
    settings.CHAT_RUNNING_PER_USER = 0
    response = await aclient.post(url, headers=JSON)
    assert response.status_code == 429 and "Retry-After" in response


async def test_it_needs_login(stranger, url):
    assert (await stranger.post(url, headers=JSON)).status_code == 401


async def test_it_is_not_there_for_others(other_client, url, ends):
    await ends(State.FAILED, "", "It broke.")
    assert (await other_client.post(url, headers=JSON)).status_code == 404
    assert await Message.objects.acount() == 2


async def test_it_is_not_there(aclient):
    assert (await aclient.post(f"/chat/replies/{uuid4()}/retry")).status_code == 404


@pytest.mark.parametrize("verb", ["get", "put", "delete"])
async def test_it_rejects_other_verbs(aclient, url, verb):
    assert (await getattr(aclient, verb)(url)).status_code == 405


async def test_the_retried_reply_can_be_followed_by_a_message(aclient, url, ends, conversation):
    await ends(State.FAILED, "", "It broke.")
    await read(aclient, (await aclient.post(url, headers=JSON)).json()["reply"]["events"])
    assert await ask(aclient, "And now?", f"/chat/{conversation.pk}/")
