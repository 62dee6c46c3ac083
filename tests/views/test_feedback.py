from uuid import uuid4

import pytest

from chat.models import Message

JSON = {"accept": "application/json"}


@pytest.fixture
def url(conversation):
    return f"/chat/replies/{conversation.head_id}/feedback"


async def said():
    reply = await Message.objects.replies().aget()
    return reply.rating, reply.rating_comment


@pytest.mark.parametrize("rating", [1, -1])
async def test_it_keeps_the_rating(aclient, url, rating):
    response = await aclient.post(url, {"rating": rating}, headers=JSON)
    assert response.json() == {"rating": rating, "comment": ""}
    assert await said() == (rating, "")


async def test_it_keeps_the_comment(aclient, url):
    await aclient.post(url, {"rating": -1, "comment": "Too\r\nlong"})
    assert await said() == (-1, "Too\nlong")


async def test_another_rating_keeps_the_comment(aclient, url):
    await aclient.post(url, {"rating": -1, "comment": "Hm"})
    await aclient.post(url, {"rating": 1})
    assert await said() == (1, "Hm")


async def test_taken_back_the_comment_goes_with_it(aclient, url):
    await aclient.post(url, {"rating": -1, "comment": "Hm"})
    await aclient.post(url, {"rating": ""})
    assert await said() == (None, "")


async def test_without_script_it_comes_back_with_the_comment_open(aclient, url, conversation):
    response = await aclient.post(url, {"rating": 1})
    place = f"#comment-{conversation.head_id}"
    assert (response.status_code, response["Location"]) == (303, f"/chat/{conversation.pk}/{place}")
    html = (await aclient.get(f"/chat/{conversation.pk}/")).content.decode()
    assert f'id="comment-{conversation.head_id}"' in html and 'aria-pressed="true"' in html


async def test_with_a_comment_it_comes_back_to_the_reply(aclient, url, conversation):
    response = await aclient.post(url, {"rating": 1, "comment": "Hm", "before": "&x"})
    place = f"?before=%26x#message-{conversation.head_id}"
    assert response["Location"] == f"/chat/{conversation.pk}/{place}"


@pytest.mark.parametrize(("text", "is_asked"), [("Half", True), ("", False)])
async def test_only_what_has_a_text_can_be_rated(aclient, conversation, ends, text, is_asked):
    await ends("failed", text, "Oh.")
    html = (await aclient.get(f"/chat/{conversation.pk}/")).content.decode()
    assert ("Bad reply" in html) is is_asked


async def test_the_page_gets_the_part_again(aclient, url):
    response = await aclient.post(url + "?as=html", {"rating": 1}, headers=JSON)
    assert "<details open>" in response.json()["html"]


@pytest.mark.parametrize(
    "data", [{"rating": "2"}, {"rating": "x"}, {"rating": 1, "comment": "a\0b"}]
)
async def test_it_refuses(aclient, url, data):
    response = await aclient.post(url, data, headers=JSON)
    assert response.status_code == 400 and response.json()["error"]
    assert await said() == (None, "")


async def test_it_refuses_a_long_comment(aclient, url):
    response = await aclient.post(url, {"rating": 1, "comment": "x" * 2_001}, headers=JSON)
    assert response.status_code == 400 and "2000 characters" in response.json()["error"]


async def test_it_tells_people_why_it_refused(aclient, url, conversation):
    assert (await aclient.post(url, {"rating": "2"})).status_code == 303
    assert b"must be 1, -1" in (await aclient.get(f"/chat/{conversation.pk}/")).content


async def test_a_reply_that_is_being_written_is_not_rated(aclient, running):
    url = running["reply"]["url"] + "feedback"
    assert (await aclient.post(url, {"rating": 1}, headers=JSON)).status_code == 409
    assert await said() == (None, "")


async def test_what_the_person_said_themselves_is_not_rated(aclient, conversation):
    message = await Message.objects.aget(role="user")
    assert (await aclient.post(f"/chat/replies/{message.pk}/feedback")).status_code == 404


async def test_it_needs_login(stranger, url):
    assert (await stranger.post(url, {"rating": 1}, headers=JSON)).status_code == 401


async def test_it_is_not_there_for_others(other_client, url):
    assert (await other_client.post(url, {"rating": 1}, headers=JSON)).status_code == 404
    assert await said() == (None, "")


async def test_it_is_not_there(aclient):
    assert (await aclient.post(f"/chat/replies/{uuid4()}/feedback")).status_code == 404


async def test_it_rejects_get(aclient, url):
    assert (await aclient.get(url)).status_code == 405
