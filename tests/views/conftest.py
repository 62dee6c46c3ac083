import pytest
from asgiref.sync import sync_to_async

from chat.models import Conversation, Message
from chat.models.endings import Ending, State

from ..double import Stall, Text
from ..replies import new_writer, stored
from ..streams import ask

JSON = {"accept": "application/json"}


@pytest.fixture
def conversation(user):
    """A conversation of Ana's with one complete reply."""
    writer = new_writer()
    reply = Conversation.begin(user, "Hello").post("Hello", model="double-1", writer=writer)
    ending = Ending(State.COMPLETE, "Hi *there* 👋", finish_reason="stop")
    assert Message.objects.settle(reply.pk, writer, ending)
    return Conversation.objects.select_related("head").get()


@pytest.fixture
async def running(aclient, double):
    """What the site said of a message of Ana's; its reply has "one two" and goes on."""
    double.script(Text("one two"), Stall())
    asked = await ask(aclient, "Hello")
    await stored(await Message.objects.aget(pk=asked["reply"]["id"]), "one two")
    return asked


@pytest.fixture
async def ends(conversation):
    """Sets how the reply of the conversation ended."""

    async def end(state, text="Half", error=""):
        reason = "stop" if state == State.COMPLETE else ""
        fields = {"state": state, "text": text, "error": error, "finish_reason": reason}
        await Message.objects.filter(pk=conversation.head_id).aupdate(**fields)
        return await sync_to_async(Message.objects.get)(pk=conversation.head_id)

    return end
