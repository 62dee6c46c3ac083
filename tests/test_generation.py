import asyncio
import threading
from uuid import uuid4

import pytest

from chat.context import continued, load_task
from chat.endings import Ending, State
from chat.models import Conversation, Message, Piece
from chat.prompts import ASK_TO_GO_ON

from .double import (
    ENDING,
    Cut,
    Done,
    Endless,
    Finish,
    Huge,
    Reasoning,
    Status,
    Text,
    Usage,
    WaitFor,
    answer,
)
from .replies import begin, ended, stored, until

WRITER = uuid4()


def branch(user, *texts):
    """The reply to the last of the texts; the ones before it are answered in capitals."""
    conversation = Conversation.begin(user, texts[0])
    for text in texts:
        reply = conversation.post(text, model="double-2", writer=WRITER)
        if text != texts[-1]:
            ending = Ending(State.COMPLETE, text.upper(), finish_reason="stop")
            Message.objects.settle(reply.pk, WRITER, ending)
    return reply


def sent(task):
    return [(message["role"], message["content"]) for message in task.messages]


# What goes to the provider


@pytest.mark.django_db
def test_it_sends_the_conversation(user):
    task = load_task(branch(user, "a", "b"))
    assert sent(task) == [("user", "a"), ("assistant", "A"), ("user", "b")]
    assert (task.model, task.omitted) == ("double-2", 0)


@pytest.mark.django_db
def test_it_sends_the_sites_prompt_first(user, settings):
    settings.CHAT_SYSTEM_PROMPT = "Be kind."
    assert sent(load_task(branch(user, "a"))) == [("system", "Be kind."), ("user", "a")]


@pytest.mark.django_db
def test_it_sends_the_instruction_behind_the_sites_prompt(user, settings):
    settings.CHAT_SYSTEM_PROMPT = "Be kind."
    reply = branch(user, "a")
    reply.conversation.instruct("Rhyme.")
    assert sent(load_task(reply))[0] == ("system", "Be kind.\n\nRhyme.")


@pytest.mark.django_db
def test_it_counts_the_instruction_in_the_budget(user, settings):
    settings.CHAT_CONTEXT_CHARS = 10
    reply = branch(user, "aa", "bb", "c")
    reply.conversation.instruct("Rhyme")
    assert load_task(reply).omitted == 2


@pytest.mark.django_db
def test_it_leaves_the_earliest_out_to_keep_within_bounds(user, settings):
    settings.CHAT_CONTEXT_CHARS = 5
    task = load_task(branch(user, "aa", "bb", "c"))
    assert sent(task) == [("user", "bb"), ("assistant", "BB"), ("user", "c")]
    assert task.omitted == 2


@pytest.mark.django_db
def test_it_sends_the_last_message_however_long(user, settings):
    settings.CHAT_CONTEXT_CHARS = 1
    settings.CHAT_SYSTEM_PROMPT = "Be kind."
    assert sent(load_task(branch(user, "long", "longer")))[-1] == ("user", "longer")


@pytest.mark.django_db
def test_it_leaves_empty_replies_out(user):
    reply = branch(user, "a")
    Message.objects.settle(reply.pk, WRITER, Ending(State.STOPPED))
    further = reply.conversation.post("b", model="m", writer=WRITER)
    assert sent(load_task(further)) == [("user", "a"), ("user", "b")]


@pytest.mark.django_db
def test_it_sends_only_the_branch_that_is_answered(user):
    last = branch(user, "a", "b")
    Message.objects.settle(last.pk, WRITER, Ending(State.STOPPED, "B"))
    edited = last.conversation.post("c", model="m", writer=WRITER, replaces=last.parent)
    assert sent(load_task(edited)) == [("user", "a"), ("assistant", "A"), ("user", "c")]


def test_it_asks_to_go_on():
    messages = continued([{"role": "user", "content": "a"}], "Half")
    assert [(each["role"], each["content"]) for each in messages] == [
        ("user", "a"),
        ("assistant", "Half"),
        ("user", ASK_TO_GO_ON),
    ]


def test_it_goes_on_from_a_prefix(settings):
    settings.CHAT_CONTINUE = "prefix"
    messages = continued([{"role": "user", "content": "a"}], "Half")
    assert messages[-1] == {"role": "assistant", "content": "Half"} and len(messages) == 2


# How replies end


async def test_it_stores_all_that_was_sent(engine, user, double):
    double.script(*answer("héllo *world* 👋\n"))
    reply = await ended(await begin(engine, user))
    assert (reply.state, reply.finish_reason) == (State.COMPLETE, "stop")
    assert reply.text == "héllo *world* 👋\n" == double.texts_sent()[0]


async def test_it_stores_the_html_too(engine, user, double):
    double.script(*answer("*Hi*"))
    reply = await ended(await begin(engine, user))
    assert reply.rendered == '<div class="block"><p><em>Hi</em></p></div>' == reply.html


async def test_it_stores_usage_reasoning_and_times(engine, user, double):
    double.script(Reasoning("Hm."), Text("one two"), Finish(), Usage(3, 4), Done())
    reply = await ended(await begin(engine, user))
    assert (reply.prompt_tokens, reply.completion_tokens, reply.reasoning) == (3, 4, "Hm.")
    assert 0 < reply.first_piece_after <= reply.duration < 5


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("stop", State.COMPLETE),
        ("length", State.LENGTH),
        ("content_filter", State.FILTERED),
        ("tool_calls", State.COMPLETE),
        ("x" * 100, State.COMPLETE),
    ],
)
async def test_it_ends_as_the_finish_reason_says(engine, user, double, reason, state):
    double.script(*answer("one two", reason=reason))
    reply = await ended(await begin(engine, user))
    assert (reply.state, reply.text, reply.finish_reason) == (state, "one two", reason[:40])


async def test_it_keeps_what_came_before_a_fault(engine, user, double):
    gate = threading.Event()
    double.script(Text("one two"), WaitFor(gate), Cut())
    reply = await begin(engine, user)
    await stored(reply, "one two")
    gate.set()
    row = await ended(reply)
    assert (row.state, row.text, row.finish_reason) == (State.FAILED, "one two", "")
    assert row.error.startswith("The connection to the model was lost")


async def test_it_says_why_it_failed(engine, user, double):
    double.script(Status(401))
    reply = await ended(await begin(engine, user))
    assert (reply.state, reply.text) == (State.FAILED, "")
    assert "refused this site's key" in reply.error


async def test_it_is_bounded_in_length(engine, user, double, settings):
    settings.CHAT_REPLY_CHARS = 1_000
    double.script(Endless("again ", every=0.0))
    reply = await ended(await begin(engine, user))
    assert (reply.state, reply.text) == (State.LENGTH, ("again " * 200)[:1_000])
    request = await asyncio.to_thread(double.requests[0].wait_closed, 2)
    assert request.closed_by_client


async def test_it_cuts_a_huge_piece(engine, user, double, settings):
    settings.CHAT_REPLY_CHARS = 1_000
    double.script(Huge(1_000_000), *ENDING)
    assert len((await ended(await begin(engine, user))).text) == 1_000


async def test_it_is_bounded_in_time(engine, user, double, settings):
    settings.CHAT_REPLY_TIMEOUT = 0.5
    double.script(Endless("again ", every=0.02))
    reply = await ended(await begin(engine, user))
    assert reply.state == State.FAILED and "took longer than" in reply.error
    assert set(reply.text.split()) <= {"again"}  # on a busy machine it may be none


async def test_thoughts_are_stored_while_the_model_thinks(engine, user, double):
    gate = threading.Event()
    double.script(Reasoning("Hm. "), WaitFor(gate), Reasoning("Well."), Text("Yes"), *ENDING)
    reply = await begin(engine, user)
    await until(Message.objects.filter(pk=reply.pk, reasoning="Hm. ", text="").aexists)
    gate.set()
    row = await ended(reply)
    assert (row.reasoning, row.text) == ("Hm. Well.", "Yes")


async def test_thoughts_cost_one_commit_a_tick(engine, user, double, settings):
    settings.CHAT_TICK = 0.2
    double.script(Reasoning("so " * 100, every=0.01), Text("Yes"), *ENDING)
    row = await ended(await begin(engine, user))
    assert row.reasoning == ("so " * 100).rstrip()
    assert engine.journal.commits <= 5 + 2 * row.duration / 0.2


async def test_reasoning_alone_is_no_text(engine, user, double):
    double.script(Reasoning("Hm."), *ENDING)
    reply = await ended(await begin(engine, user))
    assert (reply.state, reply.text, reply.reasoning) == (State.COMPLETE, "", "Hm.")


async def test_it_tells_how_many_messages_were_left_out(engine, user, double, settings):
    settings.CHAT_CONTEXT_CHARS = 3
    first = await ended(await begin(engine, user, "one"))
    second = await begin(engine, user, "two", conversation=first.conversation)
    assert (await ended(second)).omitted == 2
    assert [each["content"] for each in double.requests[1].body["messages"]] == ["two"]


async def test_a_piece_that_cannot_be_stored_ends_the_reply(engine, user, double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await Piece.objects.acreate(reply=reply, start=4, text="in the way")
    gate.set()
    row = await ended(reply)
    assert row.state == State.FAILED and "on our side" in row.error
