from uuid import uuid4

import pytest

from chat.models import Conversation, Message

from ..streams import ask, ask_and_wait

JSON = {"accept": "application/json"}


@pytest.fixture
async def versions(aclient, conversation):
    """The first message as it was sent, and as it was edited."""
    first = await Message.objects.aget(role="user")
    page = f"/chat/{conversation.pk}/"
    await ask_and_wait(aclient, "Hello again", page, replaces=str(first.pk))
    return first, await Message.objects.aget(text="Hello again")


def url(message):
    return f"/chat/messages/{message.pk}/show"


async def test_it_shows_the_version_with_what_came_of_it(aclient, versions, conversation):
    response = await aclient.post(url(versions[0]))
    page = f"/chat/{conversation.pk}/"
    assert response.status_code == 303
    assert response["Location"] == f"{page}#message-{versions[0].pk}"
    html = (await aclient.get(page)).content.decode()
    assert "<em>there</em>" in html and "Hello again" not in html


async def test_it_tells_programs_the_head(aclient, versions, conversation):
    response = await aclient.post(url(versions[0]), headers=JSON)
    assert response.json() == {"head": str(conversation.head_id)}


async def test_the_page_leads_from_each_version_to_the_other(aclient, versions, conversation):
    page = f"/chat/{conversation.pk}/"
    assert f'formaction="{url(versions[0])}"' in (await aclient.get(page)).content.decode()
    await aclient.post(url(versions[0]))
    html = (await aclient.get(page)).content.decode()
    assert f'formaction="{url(versions[1])}"' in html and "Version 1 of 2" in html


async def test_it_refuses_while_a_reply_is_written(aclient, running):
    message = await Message.objects.aget(role="user")
    response = await aclient.post(url(message), headers=JSON)
    assert response.status_code == 409 and "stop it first" in response.json()["error"]


async def test_it_tells_people_why_it_refused(aclient, running):
    message = await Message.objects.aget(role="user")
    assert (await aclient.post(url(message))).status_code == 303
    assert b"stop it first" in (await aclient.get(running["conversation"]["url"])).content


async def test_a_message_goes_on_in_the_branch_that_is_shown(aclient, versions, conversation):
    await aclient.post(url(versions[0]))
    asked = await ask(aclient, "And now?", f"/chat/{conversation.pk}/")
    message = await Message.objects.select_related("parent").aget(pk=asked["message"]["id"])
    assert message.parent.parent_id == versions[0].pk


async def test_it_needs_login(stranger, conversation):
    message = await Message.objects.aget(role="user")
    assert (await stranger.post(url(message), headers=JSON)).status_code == 401


async def test_it_is_not_there_for_others(other_client, versions, conversation):
    assert (await other_client.post(url(versions[0]), headers=JSON)).status_code == 404
    shown = await Message.objects.aget(parent=versions[1])
    assert (await Conversation.objects.aget()).head_id == shown.pk


async def test_it_is_not_there(aclient):
    assert (await aclient.post(f"/chat/messages/{uuid4()}/show")).status_code == 404


@pytest.mark.parametrize("verb", ["get", "put", "delete"])
async def test_it_rejects_other_verbs(aclient, conversation, verb):
    message = await Message.objects.aget(role="user")
    assert (await getattr(aclient, verb)(url(message))).status_code == 405
