from uuid import uuid4

import pytest

from chat.models import Message
from chat.models.endings import State

from ..engine.test_engine import EPOCH
from ..streams import ask_and_wait

URL = "/chat/running"
JSON = {"accept": "application/json"}


async def test_it_names_the_conversations_that_are_being_answered(aclient, running):
    conversation = running["conversation"]
    assert (await aclient.get(URL, headers=JSON)).json()["conversations"] == [conversation]


async def test_it_passes_over_those_that_are_not(aclient, conversation):
    assert (await aclient.get(URL, headers=JSON)).json()["conversations"] == []


async def test_it_passes_over_those_of_others(other_client, running):
    assert (await other_client.get(URL, headers=JSON)).json()["conversations"] == []


async def test_to_ask_is_a_sign_of_being_there(aclient, running):
    await Message.objects.running().aupdate(followed_at=EPOCH)
    await aclient.get(URL, headers=JSON)
    assert (await Message.objects.running().aget()).followed_at > EPOCH


async def open_now(client, conversation):
    state = (await client.get(f"{URL}?conversation={conversation.pk}", headers=JSON)).json()
    return state["open"]


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("/chat/{pk}/rename", {"title": "Other"}),
        ("/chat/{pk}/pin", {}),
        ("/chat/{pk}/share", {}),
        ("/chat/replies/{head}/feedback", {"rating": 1}),
        ("/chat/{pk}/", {"message": "More"}),
    ],
)
async def test_it_tells_when_the_open_conversation_has_changed(
    aclient, conversation, place, fields
):
    before = await open_now(aclient, conversation)
    assert before and before == await open_now(aclient, conversation)
    path = place.format(pk=conversation.pk, head=conversation.head_id)
    await aclient.post(path, fields)
    assert await open_now(aclient, conversation) != before


async def test_a_reply_that_goes_on_is_a_change_too(aclient, conversation, ends):
    reply = await ends(State.STOPPED)
    before = await open_now(aclient, conversation)
    sent = await aclient.post(f"/chat/replies/{reply.pk}/continue?as=html", headers=JSON)
    changed = sent.json()["conversation"]["changed"]
    assert changed == await open_now(aclient, conversation) != before


async def test_pages_and_what_was_sent_know_the_same_change(aclient, conversation):
    url = conversation.get_absolute_url()
    sent = await ask_and_wait(aclient, "More", url)
    response = await aclient.get(f"{url}?as=html", headers=JSON)
    now = await open_now(aclient, conversation)
    assert response.json()["changed"] == now
    assert f'data-changed="{now}"' in (await aclient.get(url)).content.decode()
    sent = await aclient.post(f"/chat/replies/{sent['id']}/retry?as=html", headers=JSON)
    changed = sent.json()["conversation"]["changed"]
    assert changed == await open_now(aclient, conversation) != now


@pytest.mark.parametrize("pk", ["x", "", "%00", uuid4()])
async def test_what_is_not_there_is_not_open(aclient, pk):
    assert (await aclient.get(f"{URL}?conversation={pk}", headers=JSON)).json()["open"] is None


async def test_those_of_others_are_not_open(other_client, conversation):
    state = (await other_client.get(f"{URL}?conversation={conversation.pk}", headers=JSON)).json()
    assert state["open"] is None and state["version"] == ""


async def test_the_version_changes_with_a_message(aclient, conversation):
    before = (await aclient.get(URL, headers=JSON)).json()["version"]
    await ask_and_wait(aclient, "And now?", f"/chat/{conversation.pk}/")
    assert (await aclient.get(URL, headers=JSON)).json()["version"] != before


async def test_it_needs_login(stranger):
    response = await stranger.get(URL, headers=JSON)
    assert response.status_code == 401 and response.json()["error"]


@pytest.mark.parametrize("verb", ["post", "put", "delete"])
async def test_it_rejects_other_verbs(aclient, verb):
    assert (await getattr(aclient, verb)(URL)).status_code == 405
