import pytest
from asgiref.sync import sync_to_async

from chat.models import Conversation, Preset

from ..streams import ask_and_wait

JSON = {"accept": "application/json"}


@pytest.fixture
def url(conversation):
    return f"/chat/{conversation.pk}/instruction"


@pytest.fixture
def preset(user):
    return Preset.objects.create(user=user, name="Poet", instruction="Rhyme.", model="double-2")


async def instruction_of(conversation):
    return (await Conversation.objects.aget(pk=conversation.pk)).instruction


async def test_it_saves_the_instruction(aclient, conversation, url):
    response = await aclient.post(url, {"instruction": "Be brief.\r\nRhyme."})
    assert (response.status_code, response["Location"]) == (303, f"/chat/{conversation.pk}/")
    assert await instruction_of(conversation) == "Be brief.\nRhyme."


async def test_it_is_a_change_of_the_conversation(aclient, conversation, url):
    await aclient.post(url, {"instruction": "Be brief."})
    now = await Conversation.objects.aget(pk=conversation.pk)
    assert now.changed_at > conversation.changed_at and now.updated_at == conversation.updated_at


async def test_it_takes_the_text_of_a_preset(aclient, conversation, preset, url):
    answer = await aclient.post(url, {"preset": preset.pk}, headers=JSON)
    assert answer.json()["conversation"]["has_instruction"]
    assert await instruction_of(conversation) == "Rhyme."


async def test_it_can_be_taken_away(aclient, conversation, url):
    await sync_to_async(conversation.instruct)("Be brief.")
    await aclient.post(url, {"instruction": ""})
    assert await instruction_of(conversation) == ""


async def test_the_page_says_that_there_is_one(aclient, conversation):
    page = f"/chat/{conversation.pk}/"
    assert b"With instructions" not in (await aclient.get(page)).content
    await sync_to_async(conversation.instruct)("Be brief.")
    assert b"With instructions" in (await aclient.get(page)).content


@pytest.mark.parametrize("fields", [{"instruction": "x" * 8_001}, {"instruction": "a\0"}], ids=str)
async def test_it_refuses(aclient, conversation, url, fields):
    response = await aclient.post(url, fields, headers=JSON)
    assert response.status_code == 400 and response.json()["error"].endswith(".")
    assert await instruction_of(conversation) == ""


async def test_it_refuses_the_preset_of_another(aclient, other_user, url):
    theirs = await Preset.objects.acreate(user=other_user, name="Theirs", instruction="Hm.")
    assert (await aclient.post(url, {"preset": theirs.pk}, headers=JSON)).status_code == 400


async def test_it_needs_login(stranger, url):
    assert (await stranger.post(url, headers=JSON)).status_code == 401


async def test_it_is_not_there_for_others(other_client, url):
    assert (await other_client.post(url, {"instruction": "Mine"})).status_code == 404


async def test_it_rejects_get(aclient, url):
    assert (await aclient.get(url)).status_code == 405


# With the first message


async def test_a_conversation_begins_with_an_instruction(aclient, double):
    await ask_and_wait(aclient, "Hello", instruction="Be brief.")
    assert double.requests[0].body["messages"][0] == {"role": "system", "content": "Be brief."}


async def test_a_conversation_begins_with_a_preset_and_its_model(aclient, double, preset):
    await ask_and_wait(aclient, "Hello", preset=preset.pk)
    body = double.requests[0].body
    assert (body["messages"][0]["content"], body["model"]) == ("Rhyme.", "double-2")


async def test_its_model_goes_before_the_default(aclient, double, preset):
    await ask_and_wait(aclient, "Hello", preset=preset.pk, model="double-1")
    assert double.requests[0].body["model"] == "double-2"


async def test_another_model_that_was_chosen_goes_before_it(aclient, user, double):
    preset = await user.chat_presets.acreate(name="Poet", instruction="Rhyme.", model="double-1")
    await ask_and_wait(aclient, "Hello", preset=preset.pk, model="double-2")
    assert double.requests[0].body["model"] == "double-2"


async def test_nothing_begins_with_the_preset_of_another(aclient, other_user):
    theirs = await Preset.objects.acreate(user=other_user, name="Theirs", instruction="Hm.")
    response = await aclient.post("/chat/", {"message": "Hi", "preset": theirs.pk}, headers=JSON)
    assert response.status_code == 404 and not await Conversation.objects.aexists()


async def test_what_was_typed_is_kept_when_the_message_is_refused(aclient):
    response = await aclient.post("/chat/", {"message": " ", "instruction": "Be <brief>."})
    assert response.status_code == 400 and b"Be &lt;brief&gt;." in response.content


async def test_a_preset_goes_before_what_is_written(aclient, double, preset):
    await ask_and_wait(aclient, "Hello", preset=preset.pk, instruction="Be brief.")
    assert double.requests[0].body["messages"][0]["content"] == "Rhyme."
