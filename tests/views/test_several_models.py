"""Models of several providers: what is offered, what is refused, and who wrote what."""

import pytest
from asgiref.sync import sync_to_async

from chat.models import Conversation, Message, Preset
from chat.models.endings import Ending, State
from chat.parts import call

from ..double import ENDING, Continues, Cut, Text
from ..replies import ended, new_writer
from ..streams import ask_and_wait

JSON = {"accept": "application/json"}
NORTH, SOUTH = "north/double-1", "south/other-1"
BEGINNING, END = "We take the boat. ", "Then we walk up."
CREDIT = "Begun by north/double-1, finished by south/other-1."


@pytest.fixture
def doubles(engine, north_and_south):
    return north_and_south


@pytest.fixture
def old(user):
    """A conversation from before there were several providers."""
    writer = new_writer()
    reply = Conversation.begin(user, "Hello").post("Hello", model="double-1", writer=writer)
    ending = Ending(State.STOPPED, "Hi")
    assert Message.objects.settle(reply.pk, writer, ending)
    return Message.objects.select_related("conversation").get(pk=reply.pk)


@pytest.fixture
async def shared_work(doubles, aclient):
    """A reply that both have written."""
    north, south = doubles
    north.script(Text(BEGINNING), Cut())
    south.script(Continues(BEGINNING + END), *ENDING)
    asked = await ask_and_wait(aclient, "Hello")
    return await Message.objects.select_related("conversation").aget(pk=asked["id"])


async def test_it_offers_those_of_all(doubles, aclient):
    html = (await aclient.get("/chat/")).content.decode()
    assert f"<option>{NORTH}</option><option>{SOUTH}</option>" in html


async def test_each_is_chosen_by_its_name(doubles, aclient):
    await aclient.post("/chat/", {"message": "Hello", "model": SOUTH})
    reply = await ended(await Message.objects.replies().aget())
    assert (reply.model, reply.state) == (SOUTH, State.COMPLETE)
    assert [len(double.requests) for double in doubles] == [0, 1]


async def test_those_of_the_first_need_no_provider(doubles, aclient):
    await aclient.post("/chat/", {"message": "Hello", "model": "double-1"})
    assert (await ended(await Message.objects.replies().aget())).model == NORTH


@pytest.mark.parametrize("model", ["north/other-1", "south/double-1", "west/double-1", "other-1"])
async def test_others_are_refused_on_every_road(doubles, aclient, old, model):
    for url, data in (
        ("/chat/", {"message": "Hello"}),
        ("/chat/stream", {"message": "Hello"}),
        (f"/chat/{old.conversation_id}/", {"message": "Hello"}),
        (f"/chat/replies/{old.pk}/retry", {}),
    ):
        data |= {"model": model}
        response = await aclient.post(url, data, content_type="application/json", headers=JSON)
        assert response.status_code == 400 and model in response.json()["error"], url
    await aclient.post("/chat/presets/", {"name": "A", "instruction": "B", "model": model})
    assert not await Preset.objects.aexists()


async def test_an_old_conversation_goes_on(doubles, aclient, old, user):
    await Preset.objects.acreate(user=user, name="A", instruction="B", model="double-1")
    html = (await aclient.get(old.conversation.get_absolute_url())).content.decode()
    assert f"<option selected>{NORTH}</option>" in html
    await aclient.post(f"/chat/replies/{old.pk}/continue")
    assert (await ended(old)).state == State.COMPLETE
    again = await aclient.post(f"/chat/replies/{old.pk}/retry", headers=JSON)
    row = await ended(await Message.objects.aget(pk=again.json()["reply"]["id"]))
    assert row.model == NORTH
    assert [len(double.requests) for double in doubles] == [2, 0]


async def test_the_page_says_who_wrote_it(shared_work, aclient):
    url = shared_work.conversation.get_absolute_url()
    assert f'<p class="credit">{CREDIT}</p>' in (await aclient.get(url)).content.decode()
    html = (await aclient.get(url, headers={"accept-language": "de"})).content.decode()
    assert "Begonnen von north/double-1, zu Ende geschrieben von south/other-1." in html


async def test_programs_and_files_say_it_too(shared_work, aclient):
    url = f"/chat/{shared_work.conversation_id}/"
    authors = [{"model": NORTH, "from": 0}, {"model": SOUTH, "from": len(BEGINNING)}]
    reply = (await aclient.get(f"/chat/replies/{shared_work.pk}/")).json()
    exported = (await aclient.get(url + "export.json")).json()
    assert reply["authors"] == authors == exported["messages"][1]["authors"]
    assert f"## {NORTH}, {SOUTH}, " in (await aclient.get(url + "export.md")).content.decode()


async def test_staff_see_how_much_of_it(shared_work, staff, aclient):
    await aclient.aforce_login(staff)
    url = f"/admin/chat/conversation/{shared_work.conversation_id}/change/"
    html = (await aclient.get(url)).content.decode()
    assert f"<span>{NORTH}: {len(BEGINNING)} characters</span>" in html
    assert f"<span>{SOUTH}: {len(END)} characters</span>" in html


async def test_a_copy_says_only_who_wrote_what_it_shows(shared_work, aclient):
    """A copy from before the reply went on: what came later, and from whom, is not in it."""
    conversation = shared_work.conversation
    await sync_to_async(conversation.share)()
    token = (await Conversation.objects.aget(pk=conversation.pk)).share_token
    copy = f"/chat/shared/{token}/"
    assert CREDIT in (await aclient.get(copy)).content.decode()
    as_it_was = {"title": "Hello", "state": "stopped", "length": len(BEGINNING)}
    await Conversation.objects.filter(pk=conversation.pk).aupdate(shared_as=as_it_was)
    html = (await aclient.get(copy)).content.decode()
    assert "We take the boat." in html and "credit" not in html and "south" not in html


def test_offsets_count_all_parts():
    reply = Message(text="abc", model=NORTH, state=State.COMPLETE)
    called = call("1", "f", "{}").text
    reply.parts = [{"kind": "text", "chars": 3}, {"kind": "call", "text": called}]
    reply.authors = [{"model": NORTH, "from": 0}, {"model": SOUTH, "from": 3}]
    assert [share.chars for share in reply.shares] == [3, len(called)]
