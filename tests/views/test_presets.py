import pytest

from chat.models import Preset

URL = "/chat/presets/"
JSON = {"accept": "application/json"}
FIELDS = {"name": "Poet", "instruction": "Rhyme.", "model": "double-2"}


@pytest.fixture
def preset(user):
    return Preset.objects.create(user=user, **FIELDS)


def at(preset, action=""):
    return f"{URL}{preset.pk}/{action}"


async def test_it_lists_only_mine(aclient, other_user, preset):
    await Preset.objects.acreate(user=other_user, name="Theirs", instruction="Hm.")
    html = (await aclient.get(URL)).content.decode()
    assert "Poet" in html and "Theirs" not in html


async def test_it_adds_one(aclient, user):
    response = await aclient.post(URL, FIELDS)
    added = await Preset.objects.aget(user=user)
    assert (response.status_code, response["Location"]) == (303, URL)
    assert (added.name, added.instruction, added.model) == tuple(FIELDS.values())


async def test_it_begins_with_the_instruction_of_a_conversation(aclient, user):
    mine = await user.chat_conversations.acreate(title="Poems", instruction="Rhyme, please.")
    assert b"Rhyme, please." in (await aclient.get(f"{URL}?from={mine.pk}")).content


async def test_it_does_not_show_the_instruction_of_another(aclient, other_user):
    theirs = await other_user.chat_conversations.acreate(title="Poems", instruction="Secret.")
    assert (await aclient.get(f"{URL}?from={theirs.pk}")).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [{"name": ""}, {"name": "x" * 81}, {"instruction": " "}, {"model": "gpt-9"}, {"name": "a\0"}],
    ids=str,
)
async def test_it_refuses(aclient, fields):
    response = await aclient.post(URL, FIELDS | fields)
    assert response.status_code == 400 and b"errorlist" in response.content
    assert not await Preset.objects.aexists()


async def test_it_refuses_a_second_one_of_the_same_name(aclient, preset):
    response = await aclient.post(URL, FIELDS)
    assert response.status_code == 400 and b"You have a preset of this name." in response.content


async def test_it_has_room_for_fifty(aclient, user):
    rows = [Preset(user=user, name=str(number), instruction="Hm.") for number in range(50)]
    await Preset.objects.abulk_create(rows)
    response = await aclient.post(URL, FIELDS)
    assert response.status_code == 400 and b"You have 50 presets" in response.content


async def test_it_changes_one(aclient, preset):
    response = await aclient.post(at(preset), FIELDS | {"instruction": "Rhyme twice."})
    await preset.arefresh_from_db()
    assert (response.status_code, preset.instruction) == (303, "Rhyme twice.")


async def test_it_shows_one(aclient, preset):
    assert b"Rhyme." in (await aclient.get(at(preset))).content


async def test_it_gives_the_pages_script_one(aclient, preset):
    assert (await aclient.get(at(preset), headers=JSON)).json() == FIELDS


async def test_it_refuses_a_bad_change(aclient, preset):
    assert (await aclient.post(at(preset), FIELDS | {"name": ""})).status_code == 400
    assert (await Preset.objects.aget()).name == "Poet"


async def test_it_deletes_one(aclient, preset):
    response = await aclient.post(at(preset, "delete"))
    assert response.status_code == 303 and not await Preset.objects.aexists()


async def test_it_is_not_there_for_others(other_client, preset):
    assert (await other_client.get(at(preset))).status_code == 404
    assert (await other_client.post(at(preset), FIELDS)).status_code == 404
    assert (await other_client.post(at(preset, "delete"))).status_code == 404


async def test_it_needs_login(stranger):
    response = await stranger.get(URL)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={URL}")


async def test_it_rejects_other_verbs(aclient, preset):
    assert (await aclient.delete(URL)).status_code == 405
    assert (await aclient.get(at(preset, "delete"))).status_code == 405
