import re
from uuid import uuid4

import pytest

from chat.models import Conversation, Message
from chat.views.pages import SHOWN

from ..streams import ask, ask_and_wait

JSON = {"accept": "application/json"}


async def test_it_shows_the_transcript(aclient, conversation):
    html = (await aclient.get(f"/chat/{conversation.pk}/")).content.decode()
    assert "Hello" in html and "<p>Hi <em>there</em> 👋</p>" in html


async def test_it_shows_raw_html_as_text(aclient):
    asked = await ask(aclient, "<script>alert(1)</script>")
    html = (await aclient.get(asked["conversation"]["url"])).content.decode()
    assert "<script>alert" not in html and "&lt;script&gt;alert(1)" in html


async def test_it_shows_what_is_stored_of_a_running_reply(aclient, running):
    html = (await aclient.get(running["conversation"]["url"])).content.decode()
    assert "one two" in html and f'action="{running["reply"]["stop"]}"' in html


async def test_it_answers_head(aclient, conversation):
    assert (await aclient.head(f"/chat/{conversation.pk}/")).status_code == 200


async def test_it_goes_on(aclient, conversation, double):
    url = f"/chat/{conversation.pk}/"
    assert (await ask_and_wait(aclient, "And now?", url))["state"] == "complete"
    roles = [each["role"] for each in double.requests[0].body["messages"]]
    assert roles == ["user", "assistant", "user"]


async def test_it_sends_the_browser_on_with_303(aclient, conversation):
    response = await aclient.post(f"/chat/{conversation.pk}/", {"message": "And now?"})
    assert (response.status_code, response["Location"]) == (303, f"/chat/{conversation.pk}/")


async def test_its_transcript_comes_as_json_for_the_script(aclient, conversation):
    response = await aclient.get(f"/chat/{conversation.pk}/?as=html", headers=JSON)
    fields = response.json()
    assert (fields["head"], fields["title"]) == (str(conversation.head_id), "Hello")
    assert f'id="message-{conversation.head_id}"' in fields["transcript"]
    assert "<em>there</em>" in fields["transcript"] and "<html" not in fields["transcript"]


async def test_its_transcript_is_not_there_for_others(other_client, conversation):
    response = await other_client.get(f"/chat/{conversation.pk}/?as=html", headers=JSON)
    assert response.status_code == 404


async def test_it_needs_login(stranger, conversation):
    url = f"/chat/{conversation.pk}/"
    response = await stranger.get(url)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={url}")


async def test_it_needs_login_for_json(stranger, conversation):
    data = {"message": "And now?"}
    response = await stranger.post(f"/chat/{conversation.pk}/", data, headers=JSON)
    assert response.status_code == 401 and await Message.objects.acount() == 2


async def test_it_is_not_there_for_others(other_client, conversation):
    url = f"/chat/{conversation.pk}/"
    assert (await other_client.get(url)).status_code == 404
    response = await other_client.post(url, {"message": "Hello"}, headers=JSON)
    assert response.status_code == 404 and response.json()["error"]
    assert await Message.objects.acount() == 2


async def test_it_is_not_there_for_others_by_its_id_in_a_field(other_client, conversation):
    data = {"message": "Hello", "conversation": str(conversation.pk)}
    assert (await other_client.post("/chat/", data, headers=JSON)).status_code == 404
    assert await Message.objects.acount() == 2


@pytest.mark.parametrize("path", [uuid4(), "1", "x", "%00"])
async def test_it_is_not_there(aclient, path):
    assert (await aclient.get(f"/chat/{path}/")).status_code == 404


@pytest.mark.parametrize("verb", ["put", "delete", "patch"])
async def test_it_rejects_other_verbs(aclient, conversation, verb):
    assert (await getattr(aclient, verb)(f"/chat/{conversation.pk}/")).status_code == 405


@pytest.mark.parametrize("message", ["", " ", "a\0b", "x" * 32_001])
async def test_it_refuses_a_message_like(aclient, conversation, message):
    url = f"/chat/{conversation.pk}/"
    response = await aclient.post(url, {"message": message}, headers=JSON)
    assert response.status_code == 400 and response.json()["error"]
    assert await Message.objects.acount() == 2


async def test_it_keeps_what_was_typed_when_it_refuses(aclient, conversation):
    url = f"/chat/{conversation.pk}/"
    response = await aclient.post(url, {"message": "Hello", "model": "gpt-9"})
    html = response.content.decode()
    assert response.status_code == 400 and "There is no model" in html
    assert ">\nHello</textarea>" in html and "<em>there</em>" in html


async def test_it_takes_no_message_while_a_reply_is_written(aclient, running):
    url = running["conversation"]["url"]
    response = await aclient.post(url, {"message": "And?"}, headers=JSON)
    assert response.status_code == 409 and "stop it first" in response.json()["error"]
    assert await Message.objects.acount() == 2


async def test_it_takes_the_same_client_id_once(aclient, conversation):
    url, client_id = f"/chat/{conversation.pk}/", str(uuid4())
    first = await ask_and_wait(aclient, "And now?", url, client_id=client_id)
    second = await ask_and_wait(aclient, "And now?", url, client_id=client_id)
    assert first["id"] == second["id"] and await Message.objects.acount() == 4


async def test_it_takes_the_same_client_id_once_while_the_reply_is_written(aclient, running):
    url, client_id = "/chat/", str(uuid4())
    first = await ask(aclient, "Hello", url, client_id=client_id)
    second = await ask(aclient, "Hello", first["conversation"]["url"], client_id=client_id)
    assert first["reply"]["id"] == second["reply"]["id"]


async def long_conversation(user, messages):
    conversation = await Conversation.objects.acreate(user=user, title="Long")
    parent = None
    for position in range(messages):
        role, state = [("user", ""), ("assistant", "stopped")][position % 2]
        parent = await Message.objects.acreate(
            conversation=conversation,
            parent=parent,
            position=position,
            role=role,
            state=state,
            text=f"text-{position}.",
        )
    await Conversation.objects.filter(pk=conversation.pk).aupdate(head=parent)
    return conversation


async def test_it_shows_the_last_messages_and_the_way_to_the_earlier_ones(aclient, user):
    conversation = await long_conversation(user, SHOWN + 10)
    response = await aclient.get(f"/chat/{conversation.pk}/")
    html = response.content.decode()
    assert "text-10." in html and "text-9." not in html
    older = re.search(r'href="(\?before=[^"]+)"', html)[1]
    html = (await aclient.get(f"/chat/{conversation.pk}/{older}")).content.decode()
    assert "text-9." in html and "text-0." in html and "text-10." not in html
    response = await aclient.get(f"/chat/{conversation.pk}/{older}&as=html", headers=JSON)
    html = response.json()["transcript"]
    assert "text-9." in html and "text-0." in html and "text-10." not in html


@pytest.mark.parametrize("before", ["x", uuid4(), "%00"])
async def test_it_has_nothing_before_a_message_that_is_not_there(aclient, conversation, before):
    response = await aclient.get(f"/chat/{conversation.pk}/?before={before}")
    assert response.status_code == 404


async def test_it_has_nothing_before_a_message_of_another_conversation(aclient, user, conversation):
    other = await long_conversation(user, 4)
    response = await aclient.get(f"/chat/{conversation.pk}/?before={other.head_id or uuid4()}")
    assert response.status_code == 404


async def test_it_shows_a_message_of_long_ago_among_its_neighbours(aclient, user):
    conversation = await long_conversation(user, 3 * SHOWN)
    message = await Message.objects.aget(text="text-40.")
    html = (await aclient.get(f"/chat/{conversation.pk}/?at={message.pk}")).content.decode()
    assert all(f"text-{number}." in html for number in (12, 40, 60))
    assert "text-61." not in html and "Show the newest messages" in html


async def test_it_shows_a_message_among_the_newest(aclient, user):
    conversation = await long_conversation(user, 3 * SHOWN)
    message = await Message.objects.aget(text=f"text-{2 * SHOWN}.")
    html = (await aclient.get(f"/chat/{conversation.pk}/?at={message.pk}")).content.decode()
    assert f"text-{3 * SHOWN - 1}." in html and "Show the newest messages" not in html


async def test_it_shows_a_message_of_another_branch(aclient, user):
    conversation = await long_conversation(user, 10)
    first = await Message.objects.aget(position=0)
    other = {"conversation": conversation, "role": "assistant", "state": "stopped"}
    other = await Message.objects.acreate(**other, parent=first, position=1, text="Other branch")
    html = (await aclient.get(f"/chat/{conversation.pk}/?at={other.pk}")).content.decode()
    assert "Other branch" in html and "text-0." in html and "text-1." not in html
    assert "Show the newest messages" in html


@pytest.mark.parametrize("at", ["x", uuid4(), "%00"])
async def test_it_shows_no_message_that_is_not_there(aclient, conversation, at):
    assert (await aclient.get(f"/chat/{conversation.pk}/?at={at}")).status_code == 404
