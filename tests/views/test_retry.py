from uuid import uuid4

import pytest

from chat.endings import State
from chat.models import Message

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


async def test_it_refuses_for_a_complete_reply(aclient, url):
    response = await aclient.post(url, headers=JSON)
    assert response.status_code == 409 and response.json()["error"]
    assert await Message.objects.acount() == 2


async def test_it_refuses_for_a_running_reply(aclient, running):
    url = running["reply"]["url"] + "retry"
    assert (await aclient.post(url, headers=JSON)).status_code == 409


async def test_it_refuses_for_a_reply_that_is_not_the_last(aclient, url, ends, conversation):
    await ends(State.FAILED, "", "It broke.")
    await ask_and_wait(aclient, "And now?", f"/chat/{conversation.pk}/")
    assert (await aclient.post(url, headers=JSON)).status_code == 409
    assert await Message.objects.acount() == 4


async def test_asked_twice_it_answers_once(aclient, url, ends):
    await ends(State.FAILED, "", "It broke.")
    answers = [(await aclient.post(url, headers=JSON)).status_code for _ in range(2)]
    assert answers == [201, 409] and await Message.objects.replies().acount() == 2


async def test_it_tells_people_why_it_refused(aclient, url, conversation):
    await aclient.post(url)
    assert b"no longer the last one" in (await aclient.get(f"/chat/{conversation.pk}/")).content


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
