"""Which models a person may use, and whether a message is accepted: on every road."""

import json

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from chat.models import Conversation, Message, Preset
from chat.models.endings import State

from ..double import Stall, Text
from ..streams import ask, ask_and_wait, read
from ..views.conftest import conversation, ends  # noqa: F401 (fixtures)
from .site_hooks import ENOUGH, SECRET, threads

JSON = {"accept": "application/json"}


async def stream(client, message, **fields):
    body = json.dumps({"message": message, **fields})
    return await client.generic("POST", "/chat/stream", body, "application/json")


# Which models


@pytest.mark.parametrize("url", ["/chat/", "/chat/presets/"])
async def test_only_their_models_are_shown(both, aclient, other_client, settings, url):
    settings.CHAT_MODELS = ["double-1", "double-2", "double-3"]
    ana, ben = [(await each.get(url)).content.decode() for each in (aclient, other_client)]
    assert "double-2" in ana and "double-1" not in ana
    assert "double-1" in ben and "double-2" not in ben


async def test_the_first_of_theirs_answers(both, aclient, double):
    await ask_and_wait(aclient, "Hello")
    assert double.requests[-1].body["model"] == "double-2"


async def test_a_form_with_another_model_is_refused(both, aclient):
    response = await aclient.post("/chat/", {"message": "Hello", "model": "double-1"})
    assert response.status_code == 400 and "Hello" in response.content.decode()
    assert not await Message.objects.aexists()


async def test_a_stream_by_another_model_is_refused(both, aclient):
    response = await stream(aclient, "Hello", model="double-1")
    assert response.status_code == 400 and "double-1" in response.json()["error"]
    assert not await Message.objects.aexists()


async def test_a_preset_with_another_model_is_refused(both, aclient):
    fields = {"name": "Poet", "instruction": "Rhyme.", "model": "double-1"}
    assert (await aclient.post("/chat/presets/", fields)).status_code == 400
    assert not await Preset.objects.aexists()


async def test_a_preset_from_before_does_not_bring_its_model_back(both, aclient, user, double):
    fields = {"name": "Poet", "instruction": "Rhyme.", "model": "double-1"}
    preset = await Preset.objects.acreate(user=user, **fields)
    assert b"double-1" not in (await aclient.get(f"/chat/presets/{preset.pk}/")).content
    await ask_and_wait(aclient, "Hello", preset=preset.pk)
    assert double.requests[-1].body["model"] == "double-2"


@pytest.mark.parametrize("action", ["retry", "continue"])
async def test_another_model_does_not_go_on(both, aclient, conversation, ends, action):  # noqa: F811
    stopped = await ends(State.STOPPED)
    url = f"/chat/replies/{stopped.pk}/{action}"
    response = await aclient.post(url, {"model": "double-1"}, headers=JSON)
    assert response.status_code == 400 and "double-1" in response.json()["error"]
    assert (await Message.objects.aget(pk=stopped.pk)).state == State.STOPPED


async def test_an_edit_by_another_model_is_refused(both, aclient, conversation):  # noqa: F811
    said = await conversation.messages.aget(position=0)
    fields = {"message": "Rather this", "replaces": said.pk, "model": "double-1"}
    response = await aclient.post(f"/chat/{conversation.pk}/", fields, headers=JSON)
    assert response.status_code == 400 and await Message.objects.acount() == 2


async def test_who_may_use_none_is_told_so(hooked, aclient):
    hooked("Nothing")
    assert (await aclient.get("/chat/")).status_code == 200
    response = await stream(aclient, "Hello")
    assert response.status_code == 403 and "no model here that you may" in response.json()["error"]


async def test_a_failing_choice_of_models_is_no_way_past_it(hooked, aclient, caplog):
    hooked("FailingElsewhere")
    assert (await aclient.get("/chat/")).status_code == 200
    response = await stream(aclient, "Hello", model="double-1")
    assert response.status_code == 403 and not await Message.objects.aexists()
    assert "The hook models failed: ValueError" in caplog.text and SECRET not in caplog.text


# Whether a message is accepted


@pytest.mark.parametrize(("text", "status"), [("refuse me", 403), ("not yet", 429)])
async def test_the_page_says_why_and_keeps_what_was_typed(both, aclient, text, status):
    response = await aclient.post("/chat/", {"message": text})
    html = response.content.decode()
    assert response.status_code == status and ENOUGH in html and f"{text}</textarea>" in html
    assert response.headers.get("Retry-After") == (None if status == 403 else "30")
    assert not await Message.objects.aexists()


@pytest.mark.parametrize(("text", "status"), [("refuse me", 403), ("not yet", 429)])
async def test_programs_are_told_why(both, aclient, text, status):
    for response in (
        await aclient.post("/chat/", {"message": text}, headers=JSON),
        await stream(aclient, text),
    ):
        assert (response.status_code, response.json()) == (status, {"error": ENOUGH})
        assert response.headers.get("Retry-After") == (None if status == 403 else "30")
    assert not await Message.objects.aexists()


@pytest.mark.parametrize("action", ["retry", "continue"])
async def test_what_is_not_accepted_any_more_does_not_go_on(
    both,
    aclient,
    conversation,  # noqa: F811
    ends,  # noqa: F811
    action,
):
    stopped = await ends(State.STOPPED)
    await Message.objects.filter(pk=stopped.pk).aupdate(model="double-2")
    await Message.objects.filter(pk=stopped.parent_id).aupdate(text="refuse me")
    response = await aclient.post(f"/chat/replies/{stopped.pk}/{action}", headers=JSON)
    assert (response.status_code, response.json()) == (403, {"error": ENOUGH})
    assert (await Message.objects.aget(pk=stopped.pk)).state == State.STOPPED
    assert await Message.objects.acount() == 2


async def test_an_edit_is_looked_at_too(both, aclient, conversation):  # noqa: F811
    said = await conversation.messages.aget(position=0)
    fields = {"message": "refuse me", "replaces": said.pk}
    response = await aclient.post(f"/chat/{conversation.pk}/", fields, headers=JSON)
    assert response.status_code == 403 and await Message.objects.acount() == 2


async def test_a_message_that_was_stored_before_is_not_looked_at_again(aclient, hooked, user):
    id = "b3f3f1a0-7a50-4b69-8f0e-0d4bb1f4a3c1"
    first = await ask(aclient, "refuse me", client_id=id)
    hooked("Plain")
    assert (await ask(aclient, "refuse me", client_id=id))["reply"]["id"] == first["reply"]["id"]


async def test_a_further_message_is_looked_at_with_its_conversation(both, aclient, other_user):
    asked = await ask(aclient, "Hello")
    await read(aclient, asked["reply"]["events"])
    response = await aclient.post(asked["conversation"]["url"], {"message": "refuse me"})
    assert response.status_code == 403
    theirs = await Conversation.objects.acreate(user=other_user, title="Theirs")
    response = await aclient.post(theirs.get_absolute_url(), {"message": "refuse me"})
    assert response.status_code == 404


async def test_nothing_is_asked_while_a_reply_is_being_written(both, aclient, double):
    double.script(Text("one "), Stall())
    asked = await ask(aclient, "Hello")
    response = await aclient.post(
        asked["conversation"]["url"], {"message": "refuse me"}, headers=JSON
    )
    assert (response.status_code, response["Retry-After"]) == (409, "2")


async def test_plain_hooks_do_not_run_in_the_loop(hooked, aclient):
    hooked("Plain")
    await ask_and_wait(aclient, "Hello")
    assert threads == {"aside"}


async def test_nothing_is_locked_meanwhile(hooked, aclient):
    hooked("Slow")
    assert await ask(aclient, "Hello")


async def test_its_words_are_in_the_persons_language(hooked, aclient):
    hooked("Translated")
    response = await aclient.post(
        "/chat/", {"message": "Hello"}, headers=JSON | {"accept-language": "de"}
    )
    assert response.json() == {"error": "Schreib zuerst eine Nachricht."}


async def test_where_it_fails_nothing_is_stored_or_lost(hooked, aclient, caplog):
    hooked("FailingToAccept")
    response = await aclient.post("/chat/", {"message": "Hello, marker"})
    assert response.status_code == 500 and "Hello, marker</textarea>" in response.content.decode()
    assert "the hook accept failed: ValueError" in caplog.text
    assert SECRET not in caplog.text and not await Message.objects.aexists()


# The setting


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Missing", "cannot be imported"),
        ("NoHooks", "no subclass of chat.hooks.Hooks"),
        ("SECRET", "no subclass of chat.hooks.Hooks"),
        ("NeedsMore", "cannot be made without arguments"),
        ("TakesTooLittle", "person, conversation, message, prompt"),
    ],
)
def test_a_wrong_class_is_told(hooked, name, words):
    hooked(name)
    (fault,) = [each for each in run_checks() if each.id == "chat.E020"]
    assert words in fault.msg
    with pytest.raises(CommandError, match=r"chat\.E020"):
        call_command("check")


@pytest.mark.parametrize("name", ["Plain", "Async", "Chosen"])
def test_a_right_one_is_not(hooked, name):
    hooked(name)
    assert not [each for each in run_checks() if each.id == "chat.E020"]
