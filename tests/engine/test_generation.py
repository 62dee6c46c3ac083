import asyncio
import threading
from uuid import uuid4

import pytest
from django.db import connection

from chat.engine.context import continued, load_job
from chat.models import Conversation, Message, Piece, Writer
from chat.models.endings import Ending, State
from chat.provider.prompts import ASK_TO_GO_ON

from ..double import (
    ENDING,
    MANNERS,
    Continues,
    Cut,
    Done,
    Endless,
    Finish,
    Frame,
    Huge,
    Reasoning,
    Stall,
    Status,
    Text,
    Usage,
    WaitFor,
    answer,
)
from ..replies import begin, ended, resume, stored, until

WRITER = uuid4()


def branch(user, *texts):
    """The reply to the last of the texts; the ones before it are answered in capitals."""
    Writer.enlist(WRITER)
    conversation = Conversation.begin(user, texts[0])
    for text in texts:
        reply = conversation.post(text, model="double-2", writer=WRITER)
        if text != texts[-1]:
            ending = Ending(State.COMPLETE, text.upper(), finish_reason="stop")
            Message.objects.settle(reply.pk, WRITER, ending)
    return reply


def sent(job):
    return [(message["role"], message["content"]) for message in job.messages]


# What goes to the provider


@pytest.mark.django_db
def test_it_sends_the_conversation(user):
    job = load_job(branch(user, "a", "b"))
    assert sent(job) == [("user", "a"), ("assistant", "A"), ("user", "b")]
    assert (job.model, job.omitted) == ("double-2", 0)


@pytest.mark.django_db
def test_it_sends_the_sites_prompt_first(user, settings):
    settings.CHAT_SYSTEM_PROMPT = "Be kind."
    assert sent(load_job(branch(user, "a"))) == [("system", "Be kind."), ("user", "a")]


@pytest.mark.django_db
def test_it_sends_the_instruction_behind_the_sites_prompt(user, settings):
    settings.CHAT_SYSTEM_PROMPT = "Be kind."
    reply = branch(user, "a")
    reply.conversation.instruct("Rhyme.")
    assert sent(load_job(reply))[0] == ("system", "Be kind.\n\nRhyme.")


@pytest.mark.django_db
def test_it_counts_the_instruction_in_the_budget(user, settings):
    settings.CHAT_CONTEXT_CHARS = 10
    reply = branch(user, "aa", "bb", "c")
    reply.conversation.instruct("Rhyme")
    assert load_job(reply).omitted == 2


@pytest.mark.django_db
def test_it_leaves_the_earliest_out_to_keep_within_bounds(user, settings):
    settings.CHAT_CONTEXT_CHARS = 5
    job = load_job(branch(user, "aa", "bb", "c"))
    assert sent(job) == [("user", "bb"), ("assistant", "BB"), ("user", "c")]
    assert job.omitted == 2


@pytest.mark.django_db
def test_it_sends_the_last_message_however_long(user, settings):
    settings.CHAT_CONTEXT_CHARS = 1
    settings.CHAT_SYSTEM_PROMPT = "Be kind."
    assert sent(load_job(branch(user, "long", "longer")))[-1] == ("user", "longer")


@pytest.mark.django_db
def test_it_leaves_empty_replies_out(user):
    reply = branch(user, "a")
    Message.objects.settle(reply.pk, WRITER, Ending(State.STOPPED))
    further = reply.conversation.post("b", model="m", writer=WRITER)
    assert sent(load_job(further)) == [("user", "a"), ("user", "b")]


@pytest.mark.django_db
def test_it_sends_only_the_branch_that_is_answered(user):
    last = branch(user, "a", "b")
    Message.objects.settle(last.pk, WRITER, Ending(State.STOPPED, "B"))
    edited = last.conversation.post("c", model="m", writer=WRITER, replaces=last.parent)
    assert sent(load_job(edited)) == [("user", "a"), ("assistant", "A"), ("user", "c")]


def test_it_asks_to_go_on():
    messages = continued([{"role": "user", "content": "a"}], "Half", "double-1")
    assert [(each["role"], each["content"]) for each in messages] == [
        ("user", "a"),
        ("assistant", "Half"),
        ("user", ASK_TO_GO_ON),
    ]


def test_it_goes_on_from_a_prefix(settings):
    settings.CHAT_CONTINUE = "prefix"
    messages = continued([{"role": "user", "content": "a"}], "Half", "double-1")
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
        ("tool_calls", State.FAILED),
        ("x" * 100, State.INTERRUPTED),
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
    await until(Piece.objects.filter(reply=reply, kind="reasoning", start=0, text="Hm. ").aexists)
    gate.set()
    row = await ended(reply)
    assert (row.reasoning, row.text) == ("Hm. Well.", "Yes")


async def test_it_keeps_the_order_of_its_parts(engine, user, double):
    double.script(Reasoning("Hm."), Text("One."), Reasoning("Well."), Text("Two."), *ENDING)
    row = await ended(await begin(engine, user))
    assert (row.state, row.text) == (State.COMPLETE, "One.Two.")
    assert [tuple(part) for part in row.log.behind(0)] == [
        ("reasoning", "Hm."),
        ("text", "One."),
        ("reasoning", "Well."),
        ("text", "Two."),
    ]


CALLS = [{"index": 0, "id": "1", "function": {"name": "weather", "arguments": '{"city": '}}]
MORE = [{"index": 0, "function": {"arguments": '"Köln"}'}}]


def calling(calls):
    return Frame({"choices": [{"delta": {"tool_calls": calls}}]})


async def test_a_call_is_stored_whole(engine, user, double):
    double.script(calling(CALLS), calling(MORE), Finish("tool_calls"), Done())
    row = await ended(await begin(engine, user))
    assert (row.state, row.text) == (State.FAILED, "")
    assert row.calls == [{"id": "1", "name": "weather", "arguments": '{"city": "Köln"}'}]
    assert row.error.startswith("The model wanted to use a tool")


async def test_a_call_that_breaks_off_is_not_stored(engine, user, double):
    double.script(Text("Let me look."), calling(CALLS), Cut())
    row = await ended(await begin(engine, user))
    assert (row.state, row.text, row.parts) == (State.FAILED, "Let me look.", [])
    assert row.error.startswith("The connection to the model was lost")


async def test_a_call_that_is_too_long_ends_the_reply(engine, user, double, settings):
    settings.CHAT_REPLY_CHARS = 40
    double.script(Text("Let me look."), calling(CALLS), calling(MORE), *ENDING)
    row = await ended(await begin(engine, user))
    assert (row.state, row.text, row.calls) == (State.LENGTH, "Let me look.", [])


async def test_what_is_held_back_at_a_seam_comes_before_a_call(engine, user, double):
    double.script(*answer("I look it up. Then", reason="length"))
    reply = await ended(await begin(engine, user))
    double.clear()
    double.script(Text("Then it"), calling(CALLS), calling(MORE), Finish("tool_calls"), Done())
    row = await ended(await resume(engine, reply))
    assert [part.kind for part in row.log.behind(0)] == ["text", "call"]
    assert row.text == "I look it up. Then it"


async def test_too_many_thoughts_are_left_out(engine, user, double, settings):
    settings.CHAT_REPLY_CHARS = 20
    double.script(Reasoning("so " * 20), Text("Yes"), *ENDING)
    row = await ended(await begin(engine, user))
    assert (row.state, row.text, row.reasoning) == (
        State.COMPLETE,
        "Yes",
        ("so " * 7)[:20].rstrip(),
    )


async def test_thoughts_cost_one_commit_a_tick(engine, user, double, settings):
    settings.CHAT_TICK = 0.2
    double.script(Reasoning("so " * 100, every=0.01), Text("Yes"), *ENDING)
    row = await ended(await begin(engine, user))
    assert row.reasoning == ("so " * 100).rstrip()
    assert engine.journal.commits <= 5 + 2 * row.duration / 0.2


async def test_reasoning_alone_is_no_text(engine, user, double):
    double.script(Reasoning("Hm."), *ENDING)
    reply = await ended(await begin(engine, user))
    assert (reply.state, reply.text, reply.reasoning) == (State.FAILED, "", "Hm.")
    assert reply.error == "The model gave an empty answer. Try again."


async def test_a_refusal_is_what_the_model_says(engine, user, double):
    double.script(Frame({"choices": [{"delta": {"refusal": "I cannot."}}]}), *ENDING)
    reply = await ended(await begin(engine, user))
    assert (reply.state, reply.text) == (State.FILTERED, "I cannot.")
    assert reply.error == "The model declined to answer."


async def test_a_stop_behind_the_last_word_changes_nothing(engine, user, double):
    double.script(Text("all of it"), Finish(), Stall())  # the figures do not come
    reply = await begin(engine, user)
    await until(Message.objects.filter(pk=reply.pk, finish_reason="stop").aexists)
    await engine.stop(reply.pk)
    row = await ended(reply)
    assert (row.state, row.text) == (State.COMPLETE, "all of it")


@pytest.mark.parametrize("manner", MANNERS)
async def test_a_reply_that_goes_on_repeats_nothing(engine, user, double, manner):
    text = "First we take the boat to the island. Then we walk up to the old lighthouse."
    beginning = "First we take the boat to the island. "
    double.script(Continues(text, manner), *ENDING)
    double.script(Text(beginning), Finish("length"), Done(), times=1)
    begun = await ended(await begin(engine, user))
    row = await ended(await resume(engine, begun))
    assert row.text == (beginning if manner == "complete already" else text)


async def test_it_tells_how_many_messages_were_left_out(engine, user, double, settings):
    settings.CHAT_CONTEXT_CHARS = 3
    first = await ended(await begin(engine, user, "one"))
    second = await begin(engine, user, "two", conversation=first.conversation)
    assert (await ended(second)).omitted == 2
    assert [each["content"] for each in double.requests[1].body["messages"]] == ["two"]


async def test_a_piece_that_cannot_be_stored_ends_the_reply(engine, user, double):
    def fail(execute, sql, *args):
        if "INTO chat_piece" in sql and broken:
            raise LookupError("odd")
        return execute(sql, *args)

    gate, broken = threading.Event(), []
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await engine.journal._lane.run(lambda: connection.execute_wrappers.append(fail))
    broken.append(True)
    gate.set()
    row = await ended(reply)
    assert row.state == State.FAILED and "on our side" in row.error
