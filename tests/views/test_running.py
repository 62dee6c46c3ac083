import pytest

from chat.models import Message

from ..test_engine import EPOCH

URL = "/chat/running"
JSON = {"accept": "application/json"}


async def test_it_names_the_conversations_that_are_being_answered(aclient, running):
    conversation = running["conversation"]
    assert (await aclient.get(URL, headers=JSON)).json() == {"conversations": [conversation]}


async def test_it_passes_over_those_that_are_not(aclient, conversation):
    assert (await aclient.get(URL, headers=JSON)).json() == {"conversations": []}


async def test_it_passes_over_those_of_others(other_client, running):
    assert (await other_client.get(URL, headers=JSON)).json() == {"conversations": []}


async def test_to_ask_is_a_sign_of_being_there(aclient, running):
    await Message.objects.running().aupdate(followed_at=EPOCH)
    await aclient.get(URL, headers=JSON)
    assert (await Message.objects.running().aget()).followed_at > EPOCH


async def test_it_needs_login(stranger):
    response = await stranger.get(URL, headers=JSON)
    assert response.status_code == 401 and response.json()["error"]


@pytest.mark.parametrize("verb", ["post", "put", "delete"])
async def test_it_rejects_other_verbs(aclient, verb):
    assert (await getattr(aclient, verb)(URL)).status_code == 405
