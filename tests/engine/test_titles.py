"""The model names a conversation after its first reply."""

import asyncio
import threading

import pytest
from django.utils import timezone

from chat.engine.titles import cleaned
from chat.models import Conversation
from chat.provider import Provider
from chat.provider.prompts import ASK_FOR_TITLE, ASK_TO_GO_ON

from ..double import ENDING, Cut, Stall, Status, Text, WaitFor, answer
from ..replies import begin, ended, until

TITLED_BY = Conversation.TitledBy


@pytest.fixture(autouse=True)
def titles(settings, unit_settings):
    settings.CHAT_TITLES = True


@pytest.fixture
def gate():
    gate = threading.Event()
    yield gate
    gate.set()


def script_title(double, *steps):
    double.script(*steps, when=ASK_FOR_TITLE)


async def titled(conversation):
    """The conversation, as soon as the model has named it."""
    named = Conversation.objects.filter(pk=conversation.pk, titled_by=TITLED_BY.MODEL)
    await until(named.aexists)
    return await named.aget()


async def no_title_task(engine):
    """Returns when nothing is left to be done for a title."""
    while any("give_title" in repr(task) for task in asyncio.all_tasks()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_the_model_names_the_conversation(engine, user, double):
    script_title(double, *answer("A greeting"))
    conversation = (await begin(engine, user)).conversation
    named = await titled(conversation)
    assert named.title == "A greeting" and named.changed_at > conversation.changed_at


async def test_it_is_asked_with_the_first_message_and_reply(engine, user, double):
    reply = await begin(engine, user, "Hello", model="double-2")
    await titled(reply.conversation)
    request = double.requests[-1].body
    said = [message["content"] for message in request["messages"]]
    assert said == ["Hello", (await ended(reply)).text, ASK_FOR_TITLE]
    assert request["model"] == "double-2"


async def test_long_messages_are_sent_in_part(engine, user, double):
    await titled((await begin(engine, user, "x" * 30_000)).conversation)
    assert len(double.requests[-1].body["messages"][0]["content"]) == 2_000


async def test_a_second_reply_changes_nothing(engine, user, double):
    conversation = (await begin(engine, user)).conversation
    await titled(conversation)
    await ended(await begin(engine, user, "And now?", conversation))
    await no_title_task(engine)
    assert [each.prompt for each in double.requests] == ["Hello", ASK_FOR_TITLE, "And now?"]


async def test_a_persons_own_title_stays(engine, user, double, gate):
    script_title(double, WaitFor(gate), *answer("The model's"))
    conversation = (await begin(engine, user)).conversation
    await asyncio.to_thread(double.wait_for_requests, 2)
    mine = Conversation.objects.filter(pk=conversation.pk)
    await mine.aupdate(title="Mine", titled_by=TITLED_BY.PERSON)
    gate.set()
    await no_title_task(engine)
    assert (await mine.aget()).title == "Mine"


@pytest.mark.parametrize(
    "changed", [{"titled_by": TITLED_BY.PERSON}, {"deleted_at": timezone.now()}]
)
async def test_nothing_is_asked_when_no_title_is_wanted(engine, user, double, gate, changed):
    double.script(Text("one "), WaitFor(gate), *ENDING)
    reply = await begin(engine, user)
    await Conversation.objects.all().aupdate(**changed)
    gate.set()
    await ended(reply)
    await no_title_task(engine)
    assert len(double.requests) == 1


async def test_it_can_be_switched_off(engine, user, double, settings):
    settings.CHAT_TITLES = False
    await ended(await begin(engine, user))
    await no_title_task(engine)
    assert len(double.requests) == 1


async def test_a_reply_that_failed_gets_no_title(engine, user, double):
    double.script(Status(401))
    await ended(await begin(engine, user))
    await no_title_task(engine)
    assert len(double.requests) == 1


@pytest.mark.parametrize("steps", [(Status(401),), answer("  \n"), (Text("half a ti"), Cut())])
async def test_a_title_that_fails_leaves_the_first_words(engine, user, double, steps):
    script_title(double, *steps)
    conversation = (await begin(engine, user)).conversation
    await asyncio.to_thread(double.wait_for_requests, 2)
    await no_title_task(engine)
    await conversation.arefresh_from_db()
    assert (conversation.title, conversation.titled_by) == ("Hello", TITLED_BY.WORDS)


async def test_a_failure_is_a_line_of_the_log(engine, user, double, caplog):
    caplog.set_level("INFO", "chat.engine.titles")
    script_title(double, Status(401))
    await begin(engine, user)
    await asyncio.to_thread(double.wait_for_requests, 2)
    await no_title_task(engine)
    (record,) = [each for each in caplog.records if each.name == "chat.engine.titles"]
    assert record.levelname == "INFO"


async def test_a_model_that_tells_stories_is_cut_off(engine, user, double):
    script_title(double, Text("Once upon a time. " * 100), Stall())
    named = await titled((await begin(engine, user)).conversation)
    assert len(named.title) <= 80
    assert (await asyncio.to_thread(double.requests[-1].wait_closed)).closed_by_client


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Rail trips in Portugal", "Rail trips in Portugal"),
        ('"Rail trips."\n', "Rail trips"),
        ("**Rail trips**", "Rail trips"),
        ("# Title: *Rail trips*", "Rail trips"),
        ("\n\nTitle:\nRail trips\nby the sea", "Rail trips"),
        ("„Zugreisen“", "Zugreisen"),
        ("Rail \t trips", "Rail trips"),
        ("C#", "C#"),
        ("", ""),
        ('"…"', "…"),
        ("x" * 100, "x" * 80),
    ],
)
def test_a_title_is_one_plain_line(said, title):
    assert cleaned(said) == title


def test_a_title_has_room():
    assert len(cleaned("word " * 40)) <= 80


# The demo model


@pytest.fixture
async def demo(settings):
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""
    provider = Provider()
    yield provider
    await provider.close()


async def said_by(demo, *texts):
    messages = [
        {"role": "assistant" if index % 2 else "user", "content": text}
        for index, text in enumerate(texts)
    ]
    return "".join([delta.text async for delta in demo.stream(messages, "demo")])


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("Plan a weekend in Lisbon by train", "Plan a weekend in Lisbon"),
        ("Can you please explain Raft as if I ran a bakery?", "Raft as if I ran"),
        ("How do I stream a reply so that a reload is harmless?", "Stream a reply"),
        ("Hello!", "A first try"),
    ],
)
async def test_the_demo_names_a_conversation(demo, asked, title):
    assert await said_by(demo, asked, "You asked …", ASK_FOR_TITLE) == title


async def test_the_demo_goes_on_where_it_stopped(demo, monkeypatch):
    monkeypatch.setattr("chat.provider.demo.PAUSE", 0)
    whole = await said_by(demo, "Hello")
    rest = await said_by(demo, "Hello", whole[:100], ASK_TO_GO_ON)
    assert whole[:100] + rest == whole
