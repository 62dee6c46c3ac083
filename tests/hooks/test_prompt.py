"""What goes to the model, and by which client."""

import asyncio
from types import SimpleNamespace
from uuid import uuid4

import openai
import pytest
from asgiref.sync import sync_to_async

from chat.engine.hooking import UNPREPARED
from chat.models import Conversation, Message
from chat.models.endings import State
from chat.provider.prompts import ASK_FOR_TITLE

from ..double import ENDING, ProviderDouble, Stall, Text
from ..replies import OtherProcess, begin, ended, resume, stored, until
from .site_hooks import SECRET, Chosen

FACT = "ana has 1 chat."


def sent(request):
    return [(each["role"], each["content"]) for each in request.body["messages"]]


# What goes to the model


async def test_it_is_the_hooks(both, engine, user, double):
    reply = await ended(await begin(engine, user, "Hello"))
    assert reply.state == State.COMPLETE
    assert sent(double.requests[0]) == [("system", FACT), ("user", "Hello (Hello, Hello)")]
    assert double.requests[0].body["temperature"] == 0.5


async def test_the_sites_own_stands_before_it(both, engine, user, double, settings):
    settings.CHAT_SYSTEM_PROMPT = "Be kind. "
    settings.CHAT_EXTRA_BODY = {"top_p": 0.1}
    await ended(await begin(engine, user))
    assert sent(double.requests[0])[0] == ("system", f"Be kind. {FACT}")
    assert double.requests[0].body["top_p"] == 0.1 and settings.CHAT_EXTRA_BODY == {"top_p": 0.1}


async def test_it_is_asked_for_a_retry(both, engine, user, double):
    reply = await ended(await begin(engine, user))

    def again(writer):
        return reply.conversation.retry(reply, model="double-1", writer=writer, reply_id=SECOND)

    await ended(await engine.begin(again, SECOND))
    assert sent(double.requests[1]) == sent(double.requests[0])


SECOND = "0f8fad5b-d9cb-469f-a165-70867728950e"


async def test_it_is_asked_when_a_reply_goes_on(both, engine, user, double):
    double.script(Text("one "), Stall())
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await engine.stop(reply.pk)
    double.script(Text("two"), *ENDING)
    await ended(await resume(engine, await ended(reply)))
    first, second = map(sent, double.requests)
    assert second[: len(first)] == first and second[len(first)] == ("assistant", "one ")


async def test_it_is_asked_when_a_reply_is_taken_over(both, engine, user, double):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.die)()
    assert (await ended(other.reply)).state == State.COMPLETE
    assert sent(double.requests[0]) == [("system", FACT), ("user", "Hello (Hello, Hello)")]


async def test_it_is_not_asked_for_a_title(both, engine, user, double, settings):
    settings.CHAT_TITLES = True
    await ended(await begin(engine, user))
    await asyncio.to_thread(double.wait_for_requests, 2)
    said = sent(double.requests[1])
    assert said[0] == ("user", "Hello") and said[-1] == ("user", ASK_FOR_TITLE)


@pytest.mark.parametrize("name", ["Failing", "FailingAsync"])
async def test_a_failing_one_ends_its_reply(hooked, engine, user, double, caplog, name):
    hooked(name)
    reply = await ended(await begin(engine, user, "my secret wish"))
    assert (reply.state, reply.error) == (State.FAILED, UNPREPARED)
    assert not double.requests
    assert "the hook prompt failed: ValueError" in caplog.text and "raise ValueErr" in caplog.text
    assert SECRET not in caplog.text and "my secret wish" not in caplog.text


@pytest.mark.parametrize(
    ("name", "words"), [("Forgetful", "gave no Prompt, but NoneType"), ("Unsendable", "no JSON")]
)
async def test_an_odd_one_ends_its_reply(hooked, engine, user, double, caplog, name, words):
    hooked(name)
    reply = await ended(await begin(engine, user))
    assert (reply.state, reply.error) == (State.FAILED, UNPREPARED)
    assert not double.requests and words in caplog.text


@pytest.mark.parametrize("name", ["Hanging", "HangingAsync"])
class TestOneThatHangs:
    @pytest.fixture(autouse=True)
    def hangs(self, hooked, name):
        hooked(name)

    async def test_it_is_bounded(self, engine, user, settings, caplog):
        settings.CHAT_FIRST_PIECE_TIMEOUT = 0.2
        reply = await ended(await begin(engine, user, "hang"))
        assert (reply.state, reply.error) == (State.FAILED, UNPREPARED)
        assert "the hook prompt failed: TimeoutError" in caplog.text

    async def test_its_reply_can_be_stopped(self, engine, user):
        reply = await begin(engine, user, "hang")
        await engine.stop(reply.pk)
        assert (await ended(reply)).state == State.STOPPED

    async def test_other_replies_do_not_wait_for_it(self, engine, user):
        hanging = await begin(engine, user, "hang")
        assert (await ended(await begin(engine, user))).state == State.COMPLETE
        assert (await Message.objects.aget(pk=hanging.pk)).state == State.WAITING

    async def test_its_conversation_can_be_deleted(self, engine, user, caplog):
        reply = await begin(engine, user, "hang")
        await sync_to_async(Conversation.objects.filter(user=user).erase)()
        await until(lambda: asyncio.sleep(0, reply.pk not in engine.generations))
        assert "failed" not in caplog.text


# By which client


@pytest.fixture
def elsewhere():
    with ProviderDouble() as double:
        yield double


@pytest.fixture(params=["Chosen", "AsyncChosen"])
def chosen(hooked, request):
    hooked(request.param)
    Chosen.choices.clear()
    yield Chosen.choices
    Chosen.choices.clear()


async def test_the_sites_own_is_the_default(chosen, engine, user, double):
    assert (await ended(await begin(engine, user))).state == State.COMPLETE
    assert len(double.requests) == 1


async def test_an_address_with_a_key_is_asked(chosen, engine, user, double, elsewhere):
    chosen["double-2"] = (elsewhere.base_url, "sk-of-a-customer")
    for model in ("double-1", "double-2"):
        reply = await ended(await begin(engine, user, model=model))
        assert reply.state == State.COMPLETE and reply.text
    assert [each.body["model"] for each in double.requests] == ["double-1"]
    assert [each.body["model"] for each in elsewhere.requests] == ["double-2"]
    assert elsewhere.requests[0].headers["authorization"] == "Bearer sk-of-a-customer"


async def test_its_client_is_made_once(chosen, engine, user, elsewhere):
    chosen["double-1"] = (elsewhere.base_url, "sk-of-a-customer")
    for _ in range(2):
        await ended(await begin(engine, user))
    first, second = elsewhere.requests
    assert first.port == second.port  # the connection was kept


async def test_a_client_of_the_sites_is_asked_and_closed(chosen, engine, user, elsewhere):
    client = openai.AsyncOpenAI(api_key="sk-own", base_url=elsewhere.base_url)
    chosen["double-1"] = client
    reply = await ended(await begin(engine, user))
    assert reply.state == State.COMPLETE and reply.text == elsewhere.texts_sent()[0]
    await engine.close()
    assert client.is_closed()


async def test_its_stream_is_closed_by_a_stop(chosen, engine, user, elsewhere):
    elsewhere.script(Text("one "), Stall())
    client = openai.AsyncOpenAI(api_key="sk-own", base_url=elsewhere.base_url)
    chosen["double-1"] = client
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await engine.stop(reply.pk)
    assert (await ended(reply)).text == "one "
    await asyncio.to_thread(elsewhere.requests[0].wait_closed)
    assert elsewhere.requests[0].closed_by_client


async def test_a_title_is_asked_for_there_too(chosen, engine, user, double, elsewhere, settings):
    settings.CHAT_TITLES = True
    chosen["double-1"] = (elsewhere.base_url, "sk-of-a-customer")
    await ended(await begin(engine, user))
    await asyncio.to_thread(elsewhere.wait_for_requests, 2)
    assert elsewhere.requests[1].prompt == ASK_FOR_TITLE and not double.requests


@pytest.mark.parametrize("odd", ["https://api.example.com/v1", ("a", 1), 1])
async def test_an_odd_one_is_no_client(chosen, engine, user, double, caplog, odd):
    chosen["double-1"] = odd
    reply = await ended(await begin(engine, user))
    assert (reply.state, reply.error) == (State.FAILED, UNPREPARED)
    assert "gave no client" in caplog.text and not double.requests


async def test_nothing_is_sent_where_others_can_read_it(chosen, engine, user, double):
    chosen["double-1"] = ("http://provider.example.com/v1", "sk-of-a-customer")
    reply = await ended(await begin(engine, user))
    assert reply.state == State.FAILED and "not encrypted" in reply.error


# Without hooks


async def test_without_hooks_nothing_is_asked(engine, provider):
    """Not even the database: there is no such reply."""
    task = SimpleNamespace(model="double-1", messages=[{"role": "user", "content": "Hello"}])
    asked = await engine.hooks.request(uuid4(), task, "double-1")
    assert asked == ("double-1", task.messages, None, None)
    assert await engine.hooks.models(None) == await engine.provider.models()
