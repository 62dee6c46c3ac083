from uuid import uuid4

import pytest

from chat.models import Message
from chat.models.endings import State

JSON = {"accept": "application/json"}


async def test_it_stops_the_reply_and_tells_what_it_has(aclient, running, double):
    reply = (await aclient.post(running["reply"]["stop"], headers=JSON)).json()
    assert (reply["state"], reply["text"], reply["finish_reason"]) == ("stopped", "one two", "")
    assert double.requests[0].wait_closed().closed_by_client


async def test_it_sends_the_browser_back(aclient, running):
    response = await aclient.post(running["reply"]["stop"])
    assert response.status_code in (302, 303)
    assert response["Location"] == running["conversation"]["url"]


async def test_it_may_be_asked_twice(aclient, running):
    for _ in range(2):
        reply = (await aclient.post(running["reply"]["stop"], headers=JSON)).json()
        assert reply["state"] == "stopped"


async def test_it_leaves_a_complete_reply_alone(aclient, conversation):
    url = f"/chat/replies/{conversation.head_id}/stop"
    assert (await aclient.post(url, headers=JSON)).json()["state"] == "complete"


async def test_it_needs_login(stranger, running):
    response = await stranger.post(running["reply"]["stop"], headers=JSON)
    assert response.status_code == 401 and response.json()["error"]
    assert await Message.objects.filter(state=State.STREAMING).aexists()


async def test_it_sends_people_to_log_in(stranger, running):
    response = await stranger.post(running["reply"]["stop"])
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=/chat/")


async def test_it_is_not_there_for_others(other_client, running):
    assert (await other_client.post(running["reply"]["stop"], headers=JSON)).status_code == 404
    assert await Message.objects.filter(state=State.STREAMING).aexists()


async def test_it_is_not_there(aclient):
    assert (await aclient.post(f"/chat/replies/{uuid4()}/stop")).status_code == 404


@pytest.mark.parametrize("verb", ["get", "head", "put", "delete"])
async def test_it_rejects_other_verbs(aclient, conversation, verb):
    url = f"/chat/replies/{conversation.head_id}/stop"
    response = await getattr(aclient, verb)(url)
    assert (response.status_code, response["Allow"]) == (405, "POST")


async def test_it_needs_a_csrf_token(aclient, conversation):
    aclient.handler.enforce_csrf_checks = True
    url = f"/chat/replies/{conversation.head_id}/stop"
    response = await aclient.post(url, headers=JSON)
    assert response.status_code == 403 and response.json()["error"]
