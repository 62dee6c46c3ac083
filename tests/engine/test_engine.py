import asyncio
import threading
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection

from chat.engine.process import Engine, Leaving, close, is_leaving
from chat.engine.process import engine as the_engine
from chat.engine.readers import Reader
from chat.engine.watch import look_up
from chat.markup import VERSION
from chat.models import Conversation, Message, Piece, Writer
from chat.models.endings import State
from chat.parts import Kind
from chat.provider.prompts import ASK_TO_GO_ON

from ..double import ENDING, Done, Endless, Finish, Headers, Stall, Text, Usage, WaitFor, answer
from ..parts import said
from ..replies import OtherProcess, begin, ended, read_to_end, resume, stored, until

SOON = 10.0  # seconds within which anything happens on a slow machine
LONGER = 3.0  # seconds; a reply that nobody follows is stopped before
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
async def other_engine(database, double):
    """The engine of another process, on the same database."""
    engine = Engine()
    yield engine
    if not engine.is_leaving:
        await engine.close()


async def closed_by_us(double, within=SOON):
    request = await asyncio.to_thread(double.requests[-1].wait_closed, within)
    return request.closed_by_client


# Writing and reading


async def test_it_writes_while_nobody_reads(engine, user, double):
    reply = await ended(await begin(engine, user))
    assert reply.text == double.texts_sent()[0] and reply.state == State.COMPLETE


async def test_all_readers_get_the_stored_text(engine, user, double):
    double.script(Text("one two three four five", every=0.02), *ENDING)
    reply = await begin(engine, user)
    tail = await engine.tails.find(reply.pk)
    texts = await asyncio.gather(*[read_to_end(tail) for _ in range(3)])
    assert set(texts) == {(await ended(reply)).text}


async def test_a_reader_that_leaves_changes_nothing(engine, user, double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    reply = await begin(engine, user)
    reader = asyncio.create_task(read_to_end(await engine.tails.find(reply.pk)))
    await stored(reply, "one ")
    reader.cancel()
    gate.set()
    assert (await ended(reply)).text == "one two"


async def test_a_settled_reply_can_be_read(engine, user):
    reply = await ended(await begin(engine, user))
    tail = await engine.tails.find(reply.pk)
    assert await read_to_end(tail) == reply.text and tail.ending.state == State.COMPLETE


async def test_a_reply_that_is_not_there_cannot_be_read(engine, user):
    reply = await ended(await begin(engine, user))
    with pytest.raises(Message.DoesNotExist):
        await engine.tails.find(reply.parent_id)


async def test_it_forgets_a_reply_that_has_settled(engine, user):
    reply = await begin(engine, user)
    await read_to_end(await engine.tails.find(reply.pk))

    async def is_forgotten():
        known = engine.generations or engine.journal.writing or reply.pk in engine.tails
        return not known

    await until(is_forgotten)


async def test_it_writes_a_reply_whose_request_is_gone(engine, user):
    request = asyncio.create_task(begin(engine, user))
    await asyncio.sleep(0)
    request.cancel()
    await asyncio.wait([request])
    await until(Message.objects.filter(state=State.COMPLETE).aexists)


async def test_it_raises_what_storing_raises(engine):
    def store(writer):
        raise LookupError

    with pytest.raises(LookupError):
        await engine.begin(store, uuid4())


async def test_a_conversation_that_is_deleted_ends_its_reply(engine, user, double):
    double.script(Endless("again ", every=0.02))
    reply = await begin(engine, user)
    await stored_something(reply)
    await Conversation.objects.all().adelete()
    assert await closed_by_us(double)


async def stored_something(reply):
    await until(Piece.objects.filter(reply=reply).aexists)


async def test_what_was_deleted_a_while_ago_is_purged(database, user, double):
    kept, gone = [Conversation.begin(user, "Hello") for _ in range(2)]
    await Conversation.objects.abulk_create([kept, gone])
    await Conversation.objects.filter(pk=gone.pk).aupdate(deleted_at=EPOCH)
    engine = Engine()
    await until(lambda: _is_gone(gone))
    await engine.close()
    assert await Conversation.objects.aget() == kept


async def _is_gone(conversation):
    return not await Conversation.objects.filter(pk=conversation.pk).aexists()


# Stopping


@pytest.mark.parametrize("steps", [(Stall(),), (Headers(), Stall())])
async def test_it_stops_before_the_first_piece(engine, user, double, steps):
    double.script(*steps)
    reply = await begin(engine, user)
    await asyncio.to_thread(double.wait_for_requests, 1)
    async with asyncio.timeout(SOON):
        await engine.stop(reply.pk)
    row = await ended(reply)
    assert (row.state, row.text) == (State.STOPPED, "") and await closed_by_us(double)


async def test_it_stops_in_the_middle_and_keeps_the_text(engine, user, double):
    double.script(Text("one two"), Stall())
    reply = await begin(engine, user)
    await stored(reply, "one two")
    await engine.stop(reply.pk)
    row = await ended(reply)
    assert (row.state, row.text, row.finish_reason) == (State.STOPPED, "one two", "")
    assert row.html == '<div class="block"><p>one two</p></div>' and await closed_by_us(double)


async def test_it_stops_at_once_after_it_began(engine, user, double):
    reply = await begin(engine, user)
    await engine.stop(reply.pk)
    row = await ended(reply)
    assert row.state in (State.STOPPED, State.COMPLETE)


async def test_it_leaves_a_reply_that_has_ended_alone(engine, user):
    reply = await ended(await begin(engine, user))
    await engine.stop(reply.pk)
    row = await ended(reply)
    assert (row.state, row.text) == (State.COMPLETE, reply.text)


async def test_it_can_be_told_to_stop_twice(engine, user, double):
    double.script(Text("one"), Stall())
    reply = await begin(engine, user)
    await stored(reply, "one")
    await asyncio.gather(engine.stop(reply.pk), engine.stop(reply.pk))
    assert (await ended(reply)).state == State.STOPPED


@pytest.mark.parametrize("after", range(0, 100, 10))
async def test_it_stops_with_a_prefix_at_any_moment(engine, user, double, after):
    double.script(Text("one two three four five six seven eight", every=0.01), *ENDING)
    reply = await begin(engine, user)
    reader = asyncio.create_task(read_to_end(await engine.tails.find(reply.pk)))
    await asyncio.sleep(after / 1000)
    await engine.stop(reply.pk)
    row = await ended(reply)
    assert double_sent(double, row.text) and await reader == row.text
    assert row.state in (State.STOPPED, State.COMPLETE)


async def test_readers_see_the_stop(engine, user, double):
    double.script(Text("one"), Stall())
    reply = await begin(engine, user)
    tail = await engine.tails.find(reply.pk)
    reader = asyncio.create_task(read_to_end(tail))
    await stored(reply, "one")
    await engine.stop(reply.pk)
    assert await reader == "one" and tail.ending.state == State.STOPPED


async def test_it_stops_what_another_process_writes(engine, other_engine, user, double):
    double.script(Text("one"), Stall())
    reply = await begin(other_engine, user)
    await stored(reply, "one")
    async with asyncio.timeout(SOON):
        await engine.stop(reply.pk)
        assert (await ended(reply)).state == State.STOPPED


# Going on


async def test_it_goes_on_from_the_stored_text(engine, user, double):
    double.script(Text("one "), Stall(), times=1)
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await engine.stop(reply.pk)
    double.script(*answer("two"))
    row = await ended(await resume(engine, await ended(reply)))
    assert (row.state, row.text) == (State.COMPLETE, "one two")


async def test_a_reply_whose_conversation_cannot_be_read_is_not_stored(engine, user):
    def fail(execute, sql, *args):
        if "WITH RECURSIVE" in sql:
            raise OperationalError("gone")
        return execute(sql, *args)

    first = await ended(await begin(engine, user))
    await engine._lane.run(lambda: connection.execute_wrappers.append(fail))
    with pytest.raises(OperationalError):
        await begin(engine, user, conversation=first.conversation)
    assert await Message.objects.acount() == 2


async def going_on(engine, user, double):
    """A reply that was stopped behind "one ", and goes on without a further word."""
    double.script(Stall())
    double.script(Text("one "), Stall(), times=1)
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await engine.stop(reply.pk)
    await resume(engine, await ended(reply))
    return reply


async def test_a_stop_at_once_keeps_the_text_of_a_reply_that_goes_on(engine, user, double):
    reply = await going_on(engine, user, double)
    await engine.stop(reply.pk)
    row = await ended(reply)
    assert (row.state, row.text) == (State.STOPPED, "one ")


async def test_who_reads_a_reply_that_goes_on_finds_its_text(engine, user, double):
    reply = await going_on(engine, user, double)
    assert (await engine.tails.find(reply.pk)).text == "one "


@pytest.mark.parametrize(
    ("setting", "last"),
    [
        ("ask", [("assistant", "one "), ("user", ASK_TO_GO_ON)]),
        ("prefix", [("user", "Hello"), ("assistant", "one ")]),
    ],
)
async def test_it_takes_over_what_nobody_writes(engine, user, double, settings, setting, last):
    settings.CHAT_CONTINUE = setting
    double.script(*answer("two"))
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.write)("one ")
    await sync_to_async(other.die)()
    row = await ended(other.reply)
    assert (row.state, row.text, row.takeovers) == (State.COMPLETE, "one two", 0)
    sent = [(each["role"], each["content"]) for each in double.requests[0].body["messages"]]
    assert sent[-2:] == last


async def test_it_takes_over_from_a_process_that_went_silent(engine, user, double, settings):
    settings.CHAT_LEASE = 0.2
    double.script(*answer("two"))
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.write)("one ")
    assert (await ended(other.reply)).text == "one two"
    assert not await Writer.objects.filter(pk=other.writer).aexists()


async def test_a_reader_stays_while_the_reply_changes_hands(engine, user, double):
    double.script(*answer("two"))
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.write)("one ")
    reader = asyncio.create_task(read_to_end(await engine.tails.find(other.reply.pk)))
    await sync_to_async(other.die)()
    assert await reader == "one two"


async def test_two_processes_do_not_both_take_over(engine, other_engine, user, double):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.die)()
    row = await ended(other.reply)
    assert row.state == State.COMPLETE and len(double.requests) == 1


async def test_it_does_not_take_over_for_ever(engine, user, double):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.write)("one")
    await Message.objects.filter(pk=other.reply.pk).aupdate(takeovers=4)
    await sync_to_async(other.die)()
    row = await ended(other.reply)
    assert (row.state, row.text) == (State.INTERRUPTED, "one") and double.requests == []


async def test_a_handover_is_no_takeover(engine, user, double):
    double.script(Stall())
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.retire)()
    await asyncio.to_thread(double.wait_for_requests, 1)
    assert (await Message.objects.aget(pk=other.reply.pk)).takeovers == 0


async def test_a_lease_that_ran_out_is_one(engine, user, double, settings):
    settings.CHAT_LEASE = 0.2
    double.script(Stall())
    other = await sync_to_async(OtherProcess)(user)
    await asyncio.to_thread(double.wait_for_requests, 1)
    assert (await Message.objects.aget(pk=other.reply.pk)).takeovers == 1


async def test_it_asks_nobody_for_more_of_what_was_finished(engine, user, double):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.write)("all of it")
    await Message.objects.filter(pk=other.reply.pk).aupdate(finish_reason="stop")
    await sync_to_async(other.die)()
    row = await ended(other.reply)
    assert (row.state, row.text) == (State.COMPLETE, "all of it") and double.requests == []


async def test_it_writes_what_is_its_own_without_its_knowing(engine, user, double, monkeypatch):
    double.script(*answer("two"))
    monkeypatch.setattr("chat.engine.intake.GRACE", 0.1)
    await engine.journal.committer.is_enlisted.wait()
    mine = await sync_to_async(OtherProcess)(user, writer=engine.journal.writer)
    row = await ended(mine.reply)
    assert (row.state, row.text) == (State.COMPLETE, "two") and len(double.requests) == 1


async def test_what_goes_on_after_it_has_ended_counts_all_that_it_used(engine, user, double):
    double.script(Text("one "), Usage(34, 300), Finish("length"), Done(), times=1)
    double.script(Text("two"), Usage(40, 6), Finish(), Done(), when="cut off")
    await ended(reply := await begin(engine, user))
    row = await ended(await resume(engine, await ended(reply)))
    assert (row.text, row.prompt_tokens, row.completion_tokens) == ("one two", 74, 306)


async def test_it_stops_what_was_to_be_stopped_when_its_process_died(engine, user, double):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.write)("one")
    await Message.objects.filter(pk=other.reply.pk).aupdate(stop_requested=True)
    await sync_to_async(other.die)()
    row = await ended(other.reply)
    assert (row.state, row.text) == (State.STOPPED, "one") and double.requests == []


async def test_who_lost_its_lease_stores_nothing_more(engine, other_engine, user, double):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING, times=1)
    double.script(*answer("three"), when="cut off")
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await Writer.objects.filter(pk=engine.journal.writer).adelete()
    await asyncio.to_thread(double.wait_for_requests, 2)
    gate.set()
    assert (await ended(reply)).text == "one three"


# Replies of another process


async def test_it_follows_what_another_process_writes(engine, user):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.write)("one ")
    tail = await engine.tails.find(other.reply.pk)
    reader = asyncio.create_task(read_to_end(tail))
    for piece in ("two 👋 ", "three"):
        await asyncio.sleep(0.25)
        await sync_to_async(other.write)(piece)
    await sync_to_async(other.settle)()
    assert await reader == "one two 👋 three" and tail.ending.state == State.COMPLETE


async def test_it_follows_what_another_engine_writes(engine, other_engine, user, double):
    double.script(Text("one two three four five", every=0.1), *ENDING)
    reply = await begin(other_engine, user)
    readers = [read_to_end(await each.tails.find(reply.pk)) for each in (engine, other_engine)]
    assert set(await asyncio.gather(*readers)) == {"one two three four five"}


async def test_it_sees_that_another_process_deleted_it(engine, user):
    other = await sync_to_async(OtherProcess)(user)
    tail = await engine.tails.find(other.reply.pk)
    reader = asyncio.create_task(read_to_end(tail))
    await Conversation.objects.all().adelete()
    await reader
    assert tail.ending.state == State.FAILED


async def test_it_looks_only_while_somebody_reads(engine, user):
    other = await sync_to_async(OtherProcess)(user)
    async with engine.tails.reading(other.reply.pk) as tail:
        assert engine.tails.from_elsewhere() == [tail]
    assert engine.tails.from_elsewhere() == []
    await sync_to_async(other.settle)()


async def test_a_tail_that_was_looked_at_is_let_go_but_not_below_a_reader(engine, user):
    other = await sync_to_async(OtherProcess)(user)
    looked_at = await engine.tails.find(other.reply.pk)
    engine.tails.keep_alive()  # and whoever was about to read finds another one
    async with engine.tails.reading(other.reply.pk) as tail:
        engine.tails.keep_alive()
        assert tail is not looked_at and engine.tails.from_elsewhere() == [tail]
        await sync_to_async(other.settle)()
        assert await read_to_end(tail) == ""


async def test_who_reads_at_another_process_sees_the_thoughts_as_they_come(engine, user):
    other = await sync_to_async(OtherProcess)(user)
    async with engine.tails.reading(other.reply.pk) as tail:
        await sync_to_async(other.write)("Hm. ", Kind.REASONING)
        await asyncio.wait_for(tail.changed(), SOON)
        assert (tail.log.reasoning, tail.text) == ("Hm. ", "")
        await sync_to_async(other.write)("Yes")
        await asyncio.wait_for(tail.changed(), SOON)
        assert (tail.log.reasoning, tail.text) == ("Hm. ", "Yes")


async def test_a_reader_elsewhere_misses_nothing_when_a_reply_goes_on_at_once(engine, user):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.write)("one ")
    async with engine.tails.reading(other.reply.pk) as tail:
        await sync_to_async(other.go_on_with)("one two ", "three")
        await asyncio.wait_for(tail.changed(), SOON)
        assert tail.text == "one two three"


@pytest.mark.django_db
def test_it_looks_up_very_many_replies_at_once(user):
    other = OtherProcess(user)
    other.write("one")
    known = {other.reply.pk: 0} | {uuid4(): 0 for _ in range(1_200)}
    assert look_up(known)[other.reply.pk] == [*said("one")]


# Leaving


async def test_it_hands_its_replies_over(engine, user, double):
    double.script(Text("one "), Stall())
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await close()
    row = await Message.objects.aget(pk=reply.pk)
    assert (row.state, row.owner_id) == (State.STREAMING, None)
    assert (await sync_to_async(row.catch_up)()).text == "one " and await closed_by_us(double)


async def test_another_process_goes_on(engine, other_engine, user, double):
    double.script(Text("one "), Stall(), times=1)
    double.script(*answer("two"), when="cut off")
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await close()
    assert (await ended(reply)).text == "one two"


async def test_it_sends_its_readers_on(engine, user, double):
    double.script(Text("one "), Stall())
    reply = await begin(engine, user)
    tail = await engine.tails.find(reply.pk)
    reader = asyncio.create_task(read_to_end(tail))
    await stored(reply, "one ")
    await close()
    assert await asyncio.wait_for(reader, SOON) == "one " and tail.ending is None


async def test_it_sends_the_readers_of_others_on(engine, user):
    other = await sync_to_async(OtherProcess)(user)
    reader = asyncio.create_task(read_to_end(await engine.tails.find(other.reply.pk)))
    await asyncio.sleep(0.05)
    await close()
    assert await asyncio.wait_for(reader, SOON) == ""


async def test_it_takes_no_new_work(engine, user):
    closing = asyncio.create_task(close())
    await asyncio.sleep(0)
    assert is_leaving()
    with pytest.raises(Leaving):
        await begin(engine, user)
    await closing


async def test_it_leaves_while_a_piece_is_being_stored(engine, user, double):
    double.script(Endless("again ", every=0.0))
    replies = [await begin(engine, user) for _ in range(3)]
    await stored_something(replies[0])
    await close()
    async for row in Message.objects.filter(pk__in=[reply.pk for reply in replies]):
        assert double_sent(double, (await sync_to_async(row.catch_up)()).text)


def double_sent(double, text):
    return any(sent.startswith(text) for sent in ["", *double.texts_sent()])


async def test_a_late_request_does_not_start_it_again(engine, user):
    await close()
    assert the_engine() is engine
    with pytest.raises(Leaving):
        await begin(the_engine(), user)


# Abandoned


@pytest.fixture
def impatient(settings):
    settings.CHAT_ABANDON_AFTER = 0


async def silent_reply(engine, user, double):
    """A reply that has begun, and whose only reader has left."""
    double.script(Text("one"), Stall())
    reply = await begin(engine, user)
    begun = (await Message.objects.aget(pk=reply.pk)).followed_at

    async def is_noted():
        return (await Message.objects.aget(pk=reply.pk)).followed_at > begun

    async with engine.tails.reading(reply.pk):
        await until(is_noted)
    return reply


async def test_it_stops_what_nobody_follows(impatient, engine, user, double):
    row = await ended(await silent_reply(engine, user, double))
    assert (row.state, row.text) == (State.ABANDONED, "one") and await closed_by_us(double)


async def test_it_gives_a_first_reader_time_to_come(impatient, engine, user, double):
    double.script(Text("one"), Stall())
    reply = await begin(engine, user)
    await asyncio.sleep(LONGER)
    assert (await Message.objects.aget(pk=reply.pk)).is_running


@pytest.mark.parametrize("reads_at", ["engine", "other_engine"])
async def test_it_does_not_stop_what_somebody_follows(
    impatient, engine, other_engine, user, double, reads_at
):
    tails = {"engine": engine, "other_engine": other_engine}[reads_at].tails
    double.script(Text("one"), Stall())
    reply = await begin(engine, user)
    async with tails.reading(reply.pk):
        await asyncio.sleep(LONGER)
        row = await Message.objects.aget(pk=reply.pk)
        assert row.is_running and row.followed_at < datetime.now(UTC)
    assert (await ended(reply)).state == State.ABANDONED


async def test_unless_told_so_it_never_stops_what_nobody_follows(engine, user, double):
    double.script(Text("one"), Stall())
    reply = await begin(engine, user)
    await engine.tails.find(reply.pk)
    await asyncio.sleep(LONGER)
    assert (await Message.objects.aget(pk=reply.pk)).is_running


# What a text can do


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("```python\nx = 1\n```\n", 'class="highlight"'),
        ('```scala\n"' + "\\" * 60 + "\n```\n", 'data-language="Scala"'),  # Pygments never ends
        ("a@b.c " * 26_208, '<div class="plain">a@b.c '),  # comrak overflows its stack
    ],
)
async def test_whatever_its_text_does_a_reply_settles_and_has_html(
    engine, user, double, text, seen
):
    double.script(Text(text), *ENDING)
    row = await ended(await begin(engine, user))
    assert (row.state, row.text) == (State.COMPLETE, text)
    kept = Message.objects.filter(pk=row.pk, rendered_by=VERSION, rendered__contains=seen)
    await until(kept.aexists, 30)  # a renderer that a text has ended took a second for it


async def test_a_reader_who_takes_nothing_does_not_hold_the_process_up(engine):
    with engine.readers.admit(Reader(1, "", "", uuid4())):
        async with asyncio.timeout(SOON):
            await close()
