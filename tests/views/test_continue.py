from uuid import uuid4

import pytest

from chat.models import Message
from chat.models.endings import State

from ..double import Reasoning, answer
from ..parts import stored_thoughts
from ..streams import ask_and_wait, read, text_of

JSON = {"accept": "application/json"}
EARLY = [State.LENGTH, State.STOPPED, State.ABANDONED, State.INTERRUPTED, State.FAILED]


@pytest.fixture
def url(conversation):
    return f"/chat/replies/{conversation.head_id}/continue"


def why(state):
    return "It broke." if state == State.FAILED else ""


@pytest.mark.parametrize("state", EARLY)
async def test_it_goes_on_from_the_text_that_is_stored(aclient, url, ends, double, state):
    reply = await ends(state, "Half ", why(state))
    double.script(*answer("and half"))
    response = await aclient.post(url, headers=JSON)
    assert response.status_code == 201 and response.json()["reply"]["id"] == str(reply.pk)
    events = await read(aclient, response.json()["reply"]["events"])
    assert text_of(events) == "Half and half"
    row = await Message.objects.aget(pk=reply.pk)
    assert (row.state, row.text, row.error) == (State.COMPLETE, "Half and half", "")


async def test_what_the_model_thought_before_is_kept(aclient, url, ends, double):
    reply = await ends(State.STOPPED, "Half ")
    await Message.objects.filter(pk=reply.pk).aupdate(
        parts=[*stored_thoughts("Hm."), {"kind": "text", "chars": 5}]
    )
    double.script(Reasoning("Well."), *answer("and half"))
    response = await aclient.post(url, headers=JSON)
    await read(aclient, response.json()["reply"]["events"])
    assert (await Message.objects.aget(pk=reply.pk)).reasoning == "Hm.\n\nWell."


async def test_a_reader_finds_its_place_again(aclient, url, ends, double):
    await ends(State.STOPPED, "Half ")
    double.script(*answer("and half"))
    events = (await aclient.post(url, headers=JSON)).json()["reply"]["events"]
    assert text_of(await read(aclient, f"{events}?after=5")) == "and half"


async def test_it_sends_the_browser_back(aclient, url, ends, conversation):
    await ends(State.STOPPED)
    response = await aclient.post(url)
    assert response.status_code in (302, 303)
    assert response["Location"] == f"/chat/{conversation.pk}/"


@pytest.mark.parametrize("state", [State.COMPLETE, State.FILTERED])
async def test_it_refuses_for_a_reply_that_is_whole(aclient, url, ends, state):
    await ends(state)
    response = await aclient.post(url, headers=JSON)
    assert response.status_code == 409 and response.json()["error"]


async def test_it_refuses_for_a_reply_without_text(aclient, url, ends):
    await ends(State.STOPPED, "")
    assert (await aclient.post(url, headers=JSON)).status_code == 409


async def test_it_refuses_for_a_running_reply(aclient, running):
    url = running["reply"]["url"] + "continue"
    assert (await aclient.post(url, headers=JSON)).status_code == 409


async def test_it_refuses_for_a_reply_that_is_not_the_last(aclient, url, ends, conversation):
    await ends(State.STOPPED)
    await ask_and_wait(aclient, "And now?", f"/chat/{conversation.pk}/")
    assert (await aclient.post(url, headers=JSON)).status_code == 409


async def test_each_time_counts_as_a_message(aclient, url, ends, double, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 2
    double.script(*answer(" and more", reason="length"))
    statuses = []
    await ends(State.STOPPED)
    for _ in range(3):
        response = await aclient.post(url, headers=JSON)
        statuses.append(response.status_code)
        if response.status_code == 201:
            await read(aclient, response.json()["reply"]["events"])
    assert statuses == [201, 201, 429] and "Retry-After" in response
    assert len(double.requests) == 2


async def test_it_tells_people_why_it_refused(aclient, url, conversation):
    await aclient.post(url)
    assert b"has changed meanwhile" in (await aclient.get(f"/chat/{conversation.pk}/")).content


async def test_it_needs_login(stranger, url):
    assert (await stranger.post(url, headers=JSON)).status_code == 401


async def test_it_is_not_there_for_others(other_client, url, ends):
    await ends(State.STOPPED)
    assert (await other_client.post(url, headers=JSON)).status_code == 404
    assert not await Message.objects.running().aexists()


async def test_it_is_not_there(aclient):
    assert (await aclient.post(f"/chat/replies/{uuid4()}/continue")).status_code == 404


@pytest.mark.parametrize("verb", ["get", "put", "delete"])
async def test_it_rejects_other_verbs(aclient, url, verb):
    assert (await getattr(aclient, verb)(url)).status_code == 405
