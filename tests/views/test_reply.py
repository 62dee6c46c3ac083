from uuid import uuid4

import pytest

from chat.models import Message

from ..parts import stored_thoughts

JSON = {"accept": "application/json"}


async def test_it_tells_a_complete_reply(aclient, conversation):
    response = await aclient.get(f"/chat/replies/{conversation.head_id}/")
    assert response.json() == {
        "id": str(conversation.head_id),
        "state": "complete",
        "text": "Hi *there* 👋",
        "finish_reason": "stop",
        "error": "",
        "model": "double-1",
        "usage": {"prompt_tokens": None, "completion_tokens": None},
    }


async def test_it_tells_what_is_stored_of_a_running_reply(aclient, running):
    reply = (await aclient.get(running["reply"]["url"])).json()
    assert (reply["state"], reply["text"], reply["finish_reason"]) == ("streaming", "one two", "")


async def test_it_tells_all_parts_where_there_is_more_than_text(aclient, conversation):
    parts = [*stored_thoughts("Hm."), {"kind": "text", "chars": 12}]
    await Message.objects.filter(pk=conversation.head_id).aupdate(parts=parts)
    reply = (await aclient.get(f"/chat/replies/{conversation.head_id}/")).json()
    assert reply["parts"] == [
        {"type": "reasoning", "text": "Hm."},
        {"type": "text", "text": reply["text"]},
    ]


async def test_it_gives_the_page_its_html(aclient, conversation):
    reply = (await aclient.get(f"/chat/replies/{conversation.head_id}/?as=html")).json()
    assert "<em>there</em>" in reply["html"]


async def test_it_answers_head(aclient, conversation):
    assert (await aclient.head(f"/chat/replies/{conversation.head_id}/")).status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
async def test_it_needs_login(stranger, conversation, accept):
    url = f"/chat/replies/{conversation.head_id}/"
    response = await stranger.get(url, headers={"accept": accept})
    assert response.status_code == 401 and response.json()["error"]


async def test_it_is_not_there_for_others(other_client, conversation):
    url = f"/chat/replies/{conversation.head_id}/"
    response = await other_client.get(url, headers=JSON)
    assert response.status_code == 404 and response.json()["error"]


async def test_a_message_is_no_reply(aclient, conversation):
    url = f"/chat/replies/{conversation.head.parent_id}/"
    assert (await aclient.get(url)).status_code == 404


@pytest.mark.parametrize("path", [uuid4(), "1", "x"])
async def test_it_is_not_there(aclient, path):
    assert (await aclient.get(f"/chat/replies/{path}/")).status_code == 404


@pytest.mark.parametrize("verb", ["post", "put", "delete"])
async def test_it_rejects_other_verbs(aclient, conversation, verb):
    url = f"/chat/replies/{conversation.head_id}/"
    response = await getattr(aclient, verb)(url)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
