"""A message in the place of an earlier one."""

from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from chat.models import Conversation, Message

from ..streams import ask, ask_and_wait
from ..test_queries import talk

JSON = {"accept": "application/json"}


@pytest.fixture
async def said(conversation):
    """Ana's message in the conversation."""
    return await Message.objects.aget(role="user")


@pytest.fixture
def url(conversation):
    return f"/chat/{conversation.pk}/"


async def test_the_page_offers_to_edit_each_message_of_the_person(aclient, url, said):
    html = (await aclient.get(url)).content.decode()
    assert f'href="?edit={said.pk}#message"' in html and html.count("?edit=") == 1


async def test_its_form_holds_the_message(aclient, url, said):
    html = (await aclient.get(f"{url}?edit={said.pk}")).content.decode()
    assert ">\nHello</textarea>" in html and "Editing a message" in html
    assert f'name="replaces" value="{said.pk}"' in html


@pytest.mark.parametrize("pk", ["x", "", uuid4(), "%00"])
async def test_it_cannot_edit_what_is_not_there(aclient, url, pk):
    assert (await aclient.get(f"{url}?edit={pk}")).status_code == 404


async def test_it_cannot_edit_a_reply(aclient, url, conversation):
    assert (await aclient.get(f"{url}?edit={conversation.head_id}")).status_code == 404


async def test_it_cannot_edit_a_message_of_another_conversation(aclient, url, user):
    other = await sync_to_async(talk)(user, 2)
    message = await other.messages.aget(role="user")
    assert (await aclient.get(f"{url}?edit={message.pk}")).status_code == 404


async def test_it_comes_in_the_place_of_the_message(aclient, url, said, double):
    await ask_and_wait(aclient, "And now?", url)
    await ask_and_wait(aclient, "Good day", url, replaces=str(said.pk))
    html = (await aclient.get(url)).content.decode()
    assert "Good day" in html and "And now?" not in html and "<em>there</em>" not in html
    assert [each["content"] for each in double.requests[-1].body["messages"]] == ["Good day"]
    assert await Message.objects.acount() == 6


async def test_it_sends_the_browser_on(aclient, url, said):
    response = await aclient.post(url, {"message": "Good day", "replaces": str(said.pk)})
    assert (response.status_code, response["Location"]) == (303, url)


async def test_an_empty_field_replaces_nothing(aclient, url, conversation):
    asked = await ask(aclient, "And now?", url, replaces="")
    message = await Message.objects.aget(pk=asked["message"]["id"])
    assert message.parent_id == conversation.head_id


async def test_it_takes_the_same_client_id_once(aclient, url, said):
    fields = {"replaces": str(said.pk), "client_id": str(uuid4())}
    first = await ask_and_wait(aclient, "Good day", url, **fields)
    assert (await ask_and_wait(aclient, "Good day", url, **fields))["id"] == first["id"]
    assert await Message.objects.acount() == 4


async def refused(client, url, replaces, status):
    before = await Message.objects.acount()
    data = {"message": "Good day", "replaces": str(replaces)}
    response = await client.post(url, data, headers=JSON)
    assert response.status_code == status and response.json()["error"]
    assert await Message.objects.acount() == before


async def test_it_replaces_only_by_an_id(aclient, url):
    await refused(aclient, url, "x", 400)


async def test_it_replaces_only_what_is_there(aclient, url):
    await refused(aclient, url, uuid4(), 404)


async def test_it_replaces_no_reply(aclient, url, conversation):
    await refused(aclient, url, conversation.head_id, 404)


async def test_it_replaces_no_message_of_another_conversation(aclient, url, other_user):
    other = await sync_to_async(talk)(other_user, 2)
    await refused(aclient, url, (await other.messages.aget(role="user")).pk, 404)


async def test_a_new_conversation_replaces_nothing(aclient, said):
    await refused(aclient, "/chat/", said.pk, 404)
    assert await Conversation.objects.acount() == 1


async def test_it_waits_for_a_running_reply(aclient, running):
    await refused(aclient, running["conversation"]["url"], running["message"]["id"], 409)


async def test_what_was_typed_is_kept_when_it_is_refused(aclient, running):
    data = {"message": "Good day", "replaces": running["message"]["id"]}
    response = await aclient.post(running["conversation"]["url"], data)
    html = response.content.decode()
    assert response.status_code == 409 and ">\nGood day</textarea>" in html
    assert f'name="replaces" value="{data["replaces"]}"' in html
