import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from chat.engine.commits import Entry, commit
from chat.engine.journal import Journal, NotOurs, Unstorable
from chat.models import Conversation, Message, Piece, Writer
from chat.models.endings import Ending, State

from ..parts import said, thought
from ..replies import new_writer, until


class Heard:
    """What the journal says, and what was stored by then."""

    def __init__(self):
        self.entries, self.stored, self.to_stop, self.gone = [], [], [], []
        self.not_stored, self.ours = [], set()

    def committed(self, entry):
        self.entries.append(entry)
        self.stored.append(in_a_thread(stored_text, entry.reply_id))

    def failed(self, reply_id, error):
        self.not_stored.append(reply_id)

    def stop_requested(self, reply_id):
        self.to_stop.append(reply_id)

    def lost(self, reply_id):
        self.gone.append(reply_id)

    def running(self, reply_ids):
        self.ours = reply_ids


def in_a_thread(function, *args):
    result = []
    thread = threading.Thread(target=lambda: result.append(and_close(function, *args)))
    thread.start()
    thread.join()
    return result[0]


def and_close(function, *args):
    try:
        return function(*args)
    finally:
        connections.close_all()


def stored_text(pk):
    return Message.objects.get(pk=pk).catch_up().text


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
async def journal(database, heard):
    journal = Journal(heard)
    await journal.committer.is_enlisted.wait()
    yield journal
    await journal.close()


@pytest.fixture
def replies(user, journal):
    return [new_reply(user, journal.writer) for _ in range(3)]


def new_reply(user, writer):
    return Conversation.begin(user, "Hello").post("Hello", model="m", writer=writer)


def text_of(reply):
    return sync_to_async(stored_text)(reply.pk)


async def test_it_stores_a_piece(journal, replies):
    await journal.store(Entry(replies[0].pk, 0, said("one 👋")))
    assert await text_of(replies[0]) == "one 👋"
    assert (await Message.objects.aget(pk=replies[0].pk)).state == State.STREAMING


async def test_it_tells_of_a_piece_when_it_is_stored(journal, replies, heard):
    entry = Entry(replies[0].pk, 0, said("one"))
    await journal.store(entry)
    assert (heard.entries, heard.stored) == ([entry], ["one"])


async def test_it_stores_one_piece_behind_the_other(journal, replies):
    for start, text in [(0, "one "), (4, "two "), (8, "three")]:
        await journal.store(Entry(replies[0].pk, start, said(text)))
    assert await text_of(replies[0]) == "one two three"


async def test_it_stores_the_pieces_of_all_replies_at_once(journal, replies):
    await asyncio.gather(*[journal.store(Entry(reply.pk, 0, said("one"))) for reply in replies])
    assert journal.commits == 2  # with that which began its lease
    assert [await text_of(reply) for reply in replies] == ["one"] * 3


async def test_it_commits_once_a_tick(journal, replies, settings):
    settings.CHAT_TICK = 0.2
    begun = asyncio.get_running_loop().time()
    for start in range(4):
        await journal.store(Entry(replies[0].pk, start, said("x")))
    assert asyncio.get_running_loop().time() - begun > 3 * 0.2 * 0.9


async def test_it_stores_the_first_piece_at_once(journal, replies, settings):
    settings.CHAT_TICK = 60.0
    async with asyncio.timeout(10):
        await journal.store(Entry(replies[0].pk, 0, said("x")))


async def test_it_settles(journal, replies, heard):
    await journal.store(Entry(replies[0].pk, 0, said("one")))
    await journal.store(Entry(replies[0].pk, 3, ending=Ending(State.STOPPED, "one")))
    reply = await Message.objects.aget(pk=replies[0].pk)
    assert (reply.state, reply.text, reply.owner_id) == (State.STOPPED, "one", None)
    assert heard.stored == ["one", "one"] and not await Piece.objects.aexists()


# What is not ours


async def test_it_stores_nothing_in_a_reply_that_was_taken_over(journal, replies, heard):
    other = await Writer.objects.acreate()
    await Message.objects.filter(pk=replies[0].pk).aupdate(owner=other)
    with pytest.raises(NotOurs):
        await journal.store(Entry(replies[0].pk, 0, said("one")))
    assert await text_of(replies[0]) == "" and heard.entries == []


async def test_it_stores_nothing_when_its_lease_was_ended(journal, replies):
    await Writer.objects.all().adelete()
    with pytest.raises(NotOurs):
        await journal.store(Entry(replies[0].pk, 0, said("one")))
    assert await text_of(replies[0]) == ""


async def test_it_settles_nothing_that_has_settled(journal, replies):
    stop = Entry(replies[0].pk, 0, ending=Ending(State.STOPPED))
    await journal.store(stop)
    with pytest.raises(NotOurs):
        await journal.store(Entry(replies[0].pk, 0, ending=Ending(State.FAILED, error="late")))
    assert (await Message.objects.aget(pk=replies[0].pk)).state == State.STOPPED


async def test_it_stores_nothing_in_a_reply_that_was_deleted(journal, replies):
    await Conversation.objects.all().adelete()
    with pytest.raises(NotOurs):
        await journal.store(Entry(replies[0].pk, 0, said("one")))


async def test_it_says_which_replies_were_lost(journal, replies, heard):
    for reply in replies:
        journal.writing.add(reply.pk)
    await Message.objects.filter(pk=replies[0].pk).aupdate(owner=None)
    await journal.store(Entry(replies[1].pk, 0, said("one")))
    assert set(heard.gone) == {replies[0].pk}


async def test_it_says_which_replies_to_stop(journal, replies, heard):
    await Message.objects.filter(pk=replies[2].pk).aupdate(stop_requested=True)
    await journal.store(Entry(replies[0].pk, 0, said("one")))
    assert heard.to_stop == [replies[2].pk]


# The lease


async def test_it_renews_the_lease_while_nothing_comes(journal, settings):
    settings.CHAT_LEASE = 0.3
    before = (await Writer.objects.aget()).renewed_at
    await until(Writer.objects.filter(renewed_at__gt=before).aexists)


async def test_it_begins_a_lease_anew_that_was_ended(journal, settings):
    settings.CHAT_LEASE = 0.3
    await Writer.objects.all().adelete()
    await until(Writer.objects.filter(pk=journal.writer).aexists)


async def test_it_gives_the_lease_up_at_the_end(replies, heard, database, user):
    journal = Journal(heard)
    await journal.committer.is_enlisted.wait()
    reply = await sync_to_async(new_reply)(user, journal.writer)
    waiting = asyncio.create_task(journal.store(Entry(reply.pk, 0, said("one"))))
    await asyncio.sleep(0)
    await journal.close()
    await asyncio.wait([waiting], timeout=0.1)
    waiting.cancel()
    assert await text_of(reply) == "one" and await Message.objects.orphaned().aget() == reply


# When the database does not want


HALF = "\ud83d"  # of a pair of surrogates: no database takes it


async def test_one_bad_piece_does_not_hold_up_the_others(journal, replies, heard):
    bad, good = Entry(replies[0].pk, 0, said(HALF)), Entry(replies[1].pk, 0, said("two"))
    results = await asyncio.gather(*map(journal.store, (bad, good)), return_exceptions=True)
    assert isinstance(results[0], Unstorable) and results[1] is None
    assert heard.not_stored == [replies[0].pk]
    assert [await text_of(reply) for reply in replies[:2]] == ["", "two"]


@pytest.mark.parametrize("odd", [{"finish_reason": HALF}, {"prompt_tokens": 2**63 + 1}])
async def test_one_bad_end_does_not_hold_up_the_others(journal, replies, odd):
    bad = Entry(replies[0].pk, 0, ending=Ending(State.STOPPED, **odd))
    good = Entry(replies[1].pk, 0, said("two"))
    results = await asyncio.gather(*map(journal.store, (bad, good)), return_exceptions=True)
    assert isinstance(results[0], Unstorable) and results[1] is None


async def test_one_bad_piece_does_not_lose_a_reply_that_is_silent(journal, replies, heard):
    for reply in replies:
        journal.writing.add(reply.pk)
    with pytest.raises(Unstorable):
        await journal.store(Entry(replies[0].pk, 0, said(HALF)))
    assert heard.gone == []


async def test_a_piece_may_be_stored_twice(journal, replies, heard):
    """As after a COMMIT whose answer was lost."""
    for _ in range(2):
        await journal.store(Entry(replies[0].pk, 0, (*thought("Hm."), *said("one"))))
    row = await sync_to_async((await Message.objects.aget(pk=replies[0].pk)).catch_up)()
    assert (row.text, row.reasoning) == ("one", "Hm.") and not heard.not_stored


@pytest.mark.django_db(transaction=True)
def test_a_settle_may_be_stored_twice(user):
    writer = new_writer()
    end = Entry(new_reply(user, writer).pk, 0, ending=Ending(State.STOPPED, "one"))
    commit(writer, [end])
    assert commit(writer, [end], again=True).stored == {end.reply_id}
    other = Entry(end.reply_id, 0, ending=Ending(State.STOPPED, "another"))
    assert commit(writer, [other], again=True).stored == commit(writer, [end]).stored == set()


async def test_a_source_that_fails_does_not_harm_its_neighbours(journal, replies, heard):
    class Broken:
        let_in = keep_out = lambda self: None

        def collect(self):
            raise LookupError

    journal.add_source(replies[0].pk, Broken())
    await journal.store(Entry(replies[1].pk, 0, said("two")))
    assert replies[0].pk in heard.not_stored and await text_of(replies[1]) == "two"


@pytest.mark.needs_server
async def test_a_reply_that_somebody_has_locked_waits_alone(journal, replies):
    await execute("BEGIN")
    await execute(f"SELECT 1 FROM chat_message WHERE id = '{replies[0].pk}' FOR UPDATE")
    locked = asyncio.create_task(journal.store(Entry(replies[0].pk, 0, said("one"))))
    await asyncio.wait_for(journal.store(Entry(replies[1].pk, 0, said("two"))), 10)
    assert not locked.done()
    await execute("COMMIT")
    await asyncio.wait_for(locked, 10)
    assert await text_of(replies[0]) == "one"


async def test_it_waits_while_the_database_fails(journal, replies, heard):
    rename = "ALTER TABLE {} RENAME TO {}"
    await execute(rename.format("chat_piece", "gone"))
    try:
        task = asyncio.create_task(journal.store(Entry(replies[0].pk, 0, said("one"))))
        await asyncio.sleep(0.2)
        assert not task.done() and heard.entries == []
    finally:
        await execute(rename.format("gone", "chat_piece"))
    await asyncio.wait_for(task, 10)
    assert await text_of(replies[0]) == "one"


async def test_it_waits_while_another_process_writes(journal, replies, heard):
    task = None
    async with asyncio.timeout(10):
        await execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
        if connection.vendor == "postgresql":
            await execute("LOCK TABLE chat_message IN ACCESS EXCLUSIVE MODE")
        task = asyncio.create_task(journal.store(Entry(replies[0].pk, 0, said("one"))))
        await asyncio.sleep(0.2)
        assert not task.done() and heard.entries == []
        await execute("COMMIT")
        await task
    assert await text_of(replies[0]) == "one"


@sync_to_async
def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


# What it costs


@pytest.mark.needs_server
@pytest.mark.django_db(transaction=True)
def test_it_needs_as_many_round_trips_for_twenty_replies_as_for_two(user):
    counts = []
    for number in (2, 20):
        writer = new_writer()
        entries = [Entry(new_reply(user, writer).pk, 0, said("one")) for _ in range(number)]
        with CaptureQueriesContext(connection) as queries:
            commit(writer, entries)
        counts.append(len(queries))
    assert counts == [2, 2]
