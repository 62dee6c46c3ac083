import asyncio
import re
import threading
from uuid import uuid4

import pytest
from django.test import AsyncClient

from chat.engine.lanes import LONGEST_QUEUE
from chat.models import Conversation, Message
from chat.models.endings import State

from ..double import Stall
from ..streams import ask, ask_and_wait

URL = "/chat/"
JSON = {"accept": "application/json"}


async def test_it_shows_a_page_to_write_on(aclient):
    response = await aclient.get(URL)
    assert response.status_code == 200
    assert b'<textarea id="message" name="message"' in response.content


async def test_it_answers_head(aclient):
    assert (await aclient.head(URL)).status_code == 200


async def test_it_offers_the_models(aclient):
    html = (await aclient.get(URL)).content.decode()
    assert "<option" in html and "double-1" in html and "double-2" in html


async def test_it_lists_only_my_conversations(aclient, other_client):
    await ask_and_wait(aclient, "What is mine?")
    await ask_and_wait(other_client, "What is yours?")
    html = (await aclient.get(URL)).content.decode()
    assert "What is mine?" in html and "What is yours?" not in html


async def test_it_begins_a_conversation(aclient, user):
    response = await aclient.post(URL, {"message": "Hello"})
    conversation = await Conversation.objects.aget(user=user)
    assert (response.status_code, response["Location"]) == (303, f"/chat/{conversation.pk}/")


async def test_it_tells_programs_what_began(aclient, user):
    asked = await ask(aclient, "Hello")
    conversation = await Conversation.objects.aget(user=user)
    message = await Message.objects.aget(role="user")
    reply = await Message.objects.aget(role="assistant")
    assert asked == {
        "conversation": {"id": str(conversation.pk), "url": f"/chat/{conversation.pk}/"},
        "message": {"id": str(message.pk)},
        "reply": {
            "id": str(reply.pk),
            "state": "waiting",
            "url": f"/chat/replies/{reply.pk}/",
            "events": f"/chat/replies/{reply.pk}/events",
            "stop": f"/chat/replies/{reply.pk}/stop",
        },
    }


async def test_it_gives_the_page_its_messages_as_html(aclient):
    response = await aclient.post(f"{URL}?as=html", {"message": "<b>Hi</b>"}, headers=JSON)
    answer = response.json()
    assert "&lt;b&gt;Hi&lt;/b&gt;" in answer["message"]["html"]
    assert f'data-reply="{answer["reply"]["id"]}"' in answer["reply"]["html"]


async def test_it_has_the_message_answered(aclient, double):
    reply = await ask_and_wait(aclient, "Hello", model="double-2")
    assert (reply["state"], reply["text"]) == ("complete", double.texts_sent()[0])
    assert double.requests[0].body["model"] == "double-2"


async def test_it_needs_login(stranger):
    response = await stranger.get(URL)
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=/chat/")


async def test_it_needs_login_for_json(stranger):
    response = await stranger.post(URL, {"message": "Hello"}, headers=JSON)
    assert response.status_code == 401 and response.json()["error"]
    assert not await Message.objects.aexists()


@pytest.mark.parametrize("verb", ["put", "delete", "patch", "options"])
async def test_it_rejects_other_verbs(aclient, verb):
    response = await getattr(aclient, verb)(URL)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, POST")


# What may be sent


@pytest.mark.parametrize(
    "message",
    [
        "a\n\n\tb  \n",
        "  blanks around  ",
        "\u202eright to left\u202c \u200b",
        "e" + "\u0301" * 5_000,
        "x" + "\n" * 30_000,
        "👋🏽 🏴󠁧󠁢󠁷󠁬󠁳󠁿 \N{MATHEMATICAL SCRIPT CAPITAL X} \ufeff \uffff",
        "\x01\x1b[0m\x7f\x85\u2028",
        "<script>alert(1)</script> & \"quotes\" '%s' {}",
        "x" * 32_000,
    ],
    ids=lambda message: ascii(message[:9]),
)
async def test_it_keeps_a_message_as_it_is(aclient, double, message):
    await ask_and_wait(aclient, message)
    assert (await Message.objects.aget(role="user")).text == message
    assert double.requests[0].prompt == message


async def test_it_takes_the_newlines_of_browsers_for_what_was_typed(aclient):
    await ask(aclient, "one\r\ntwo\r\n")
    assert (await Message.objects.aget(role="user")).text == "one\ntwo\n"


# What may not


async def refused(client, status, **request):
    """The error; nothing has been stored."""
    request.setdefault("headers", JSON)
    response = await client.post(URL, **request)
    assert response.status_code == status, response.content
    assert not await Message.objects.aexists() and not await Conversation.objects.aexists()
    return response.json()["error"]


@pytest.mark.parametrize("message", ["", "  \n\t ", "a\0b", "x" * 32_001, "\u3000"])
async def test_it_refuses_a_message_like(aclient, message):
    error = await refused(aclient, 400, data={"message": message})
    assert error.endswith(".") and len(error) < 200


FORM = "application/x-www-form-urlencoded"
NOT_UTF8 = b"--x\r\nContent-Disposition: form-data; name=message\r\n\r\n\xff\r\n--x--\r\n"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"message=%ff%fe", FORM),
        (b"message=\xff\xfe", FORM),
        (b"message=%ED%A0%80", FORM),
        (b"", FORM),
        (b"other=1", FORM),
        (b"message=&message=", FORM),
        (b"&".join(b"f%d=1" % n for n in range(2_000)), FORM),
        (b"Hello", "text/plain"),
        (b"Hello", "nonsense"),
        (b"Hello", "multipart/form-data"),
        (b"Hello", "multipart/form-data; boundary=x"),
        (NOT_UTF8, "multipart/form-data; boundary=x"),
        (b"message=Hello", FORM + "; charset=utf-16"),
        (b"x" * 2_000_000, FORM),
    ],
    ids=lambda part: repr(part[:24]),
)
async def test_it_refuses_a_body_like(aclient, body, kind):
    response = await aclient.generic("POST", URL, body, content_type=kind, headers=JSON)
    assert response.status_code in (400, 413, 415), response.content
    assert response.json()["error"] and not await Message.objects.aexists()


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "gpt-9"},
        {"model": "double-1\0"},
        {"client_id": "17"},
        {"client_id": "'; DROP TABLE chat_message"},
        {"conversation": "x"},
    ],
    ids=str,
)
async def test_it_refuses_fields_like(aclient, fields):
    assert await refused(aclient, 400, data={"message": "Hello", **fields})


async def test_it_refuses_a_conversation_that_is_not_there(aclient):
    data = {"message": "Hello", "conversation": str(uuid4())}
    response = await aclient.post(URL, data, headers=JSON)
    assert response.status_code == 404 and not await Message.objects.aexists()


async def test_it_keeps_what_was_typed_when_it_refuses(aclient, settings):
    settings.CHAT_MESSAGE_CHARS = 10
    response = await aclient.post(URL, {"message": "much <too> long"})
    assert response.status_code == 400
    assert b"much &lt;too&gt; long" in response.content and b"Shorten it." in response.content


async def test_it_needs_a_csrf_token(aclient):
    aclient.handler.enforce_csrf_checks = True
    error = await refused(aclient, 403, data={"message": "Hello"})
    assert "cookie" in error


async def test_it_limits_messages_per_minute(aclient, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    await ask_and_wait(aclient, "Hello")
    response = await aclient.post(URL, {"message": "Again"}, headers=JSON)
    assert response.status_code == 429 and 0 < int(response["Retry-After"]) <= 60
    assert await Conversation.objects.acount() == 1


async def test_it_limits_running_replies(aclient, double, settings):
    settings.CHAT_RUNNING_PER_USER = 1
    double.script(Stall())
    await ask(aclient, "Hello")
    response = await aclient.post(URL, {"message": "Again"}, headers=JSON)
    assert response.status_code == 429 and "Retry-After" in response
    assert await Conversation.objects.acount() == 1


async def test_it_says_when_the_provider_cannot_be_reached(aclient, double, settings):
    settings.CHAT_MODELS = []
    double.stop_listening()
    try:
        assert "cannot be reached" in await refused(aclient, 503, data={"message": "Hello"})
    finally:
        double.listen_again()


async def test_its_page_can_be_seen_when_the_provider_cannot_be_reached(aclient, double, settings):
    settings.CHAT_MODELS = []
    double.stop_listening()
    try:
        assert (await aclient.get(URL)).status_code == 200
    finally:
        double.listen_again()


# Sending twice


async def test_it_stores_the_same_client_id_once(aclient, double):
    client_id = str(uuid4())
    first = await ask(aclient, "Hello", client_id=client_id)
    second = await ask(aclient, "Hello", client_id=client_id)
    assert first["reply"]["id"] == second["reply"]["id"]
    assert await Message.objects.acount() == 2


async def test_it_does_not_give_away_the_reply_to_anothers_client_id(aclient, other_client):
    client_id = str(uuid4())
    await ask_and_wait(other_client, "Hello", client_id=client_id)
    data = {"message": "Hello", "client_id": client_id}
    response = await aclient.post(URL, data, headers=JSON)
    assert response.status_code == 409 and "client_id" in response.json()["error"]
    assert await Message.objects.acount() == 2


async def test_it_takes_no_message_while_the_process_leaves(aclient, engine):
    engine.is_leaving = True
    response = await aclient.post(URL, {"message": "Hello"}, headers=JSON)
    assert response.status_code == 503 and "Retry-After" in response
    assert not await Message.objects.aexists()


async def test_it_says_so_when_too_many_messages_wait(aclient, engine):
    begun, gate = threading.Event(), threading.Event()
    run = engine._lane.run
    before = [asyncio.create_task(run(lambda: (begun.set(), gate.wait(30))))]
    await asyncio.to_thread(begun.wait, 30)
    before += [asyncio.create_task(run(gate.wait, 30)) for _ in range(LONGEST_QUEUE + 1)]
    await asyncio.sleep(0)
    response = await aclient.post(URL, {"message": "Hello"}, headers=JSON)
    gate.set()
    await asyncio.gather(*before, return_exceptions=True)
    assert response.status_code == 503 and response.json()["error"].startswith("Too many")
    assert not await Message.objects.aexists()


async def test_a_reply_is_waiting_until_its_first_piece(aclient, double):
    double.script(Stall())
    asked = await ask(aclient, "Hello")
    reply = await Message.objects.aget(pk=asked["reply"]["id"])
    assert reply.state == State.WAITING


async def test_another_message_with_the_same_client_id_is_refused_not_lost(aclient):
    client_id = str(uuid4())
    await ask_and_wait(aclient, "Hello", client_id=client_id)
    response = await aclient.post(URL, {"message": "Bye", "client_id": client_id}, headers=JSON)
    assert response.status_code == 409 and "client_id" in response.json()["error"]


async def test_a_page_has_an_id_for_what_is_sent_from_it_without_script(aclient):
    ids = {client_id_of(await aclient.get(URL)) for _ in range(2)}
    assert len(ids) == 2 and all(ids)


async def test_a_refused_page_has_a_new_id(aclient):
    client_id = str(uuid4())
    page = await aclient.post(URL, {"message": "", "client_id": client_id})
    assert page.status_code == 400 and client_id_of(page) not in ("", client_id)


def client_id_of(page):
    return re.search(r'name="client_id"[^>]* value="([^"]*)"', page.content.decode())[1]


@pytest.mark.parametrize("named", [[], ["double-1"]])
async def test_staff_alone_are_told_what_is_wrong(aclient, staff, double, settings, named):
    settings.CHAT_MODELS, double.listing = named, 401
    sue = AsyncClient()
    await sue.aforce_login(staff)
    try:
        told, other = [await each.get(URL) for each in (sue, aclient)]
    finally:
        double.listing = None
    assert "The provider refused the key. Check OPENAI_API_KEY." in told.content.decode()
    assert "OPENAI_API_KEY" not in other.content.decode()
    assert ("What you write is kept." in other.content.decode()) == (not named)
