import asyncio
import threading
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import DataError, connection, connections
from django.test.utils import CaptureQueriesContext

from chat.commits import Entry, commit
from chat.endings import Ending, State
from chat.journal import Journal, NotOurs
from chat.models import Conversation, Message, Piece, Writer

from .replies import until


class Heard:
    """What the journal says, and what was stored by then."""

    def __init__(self):
        self.committed, self.stored, self.to_stop, self.lost = [], [], [], []
        self.failed = []

    def fail(self, reply_id, error):
        self.failed.append(reply_id)

    def commit(self, entry):
        self.committed.append(entry)
        self.stored.append(in_a_thread(stored_text, entry.reply_id))


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
    return Message.objects.get(pk=pk).stored_text()


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
async def journal(database, heard):
    journal = Journal(heard.commit, heard.to_stop.append, heard.lost.append, heard.fail)
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
    await journal.store(Entry(replies[0].pk, 0, "one 👋"))
    assert await text_of(replies[0]) == "one 👋"
    assert (await Message.objects.aget(pk=replies[0].pk)).state == State.STREAMING


async def test_it_tells_of_a_piece_when_it_is_stored(journal, replies, heard):
    entry = Entry(replies[0].pk, 0, "one")
    await journal.store(entry)
    assert (heard.committed, heard.stored) == ([entry], ["one"])


async def test_it_stores_one_piece_behind_the_other(journal, replies):
    for start, text in [(0, "one "), (4, "two "), (8, "three")]:
        await journal.store(Entry(replies[0].pk, start, text))
    assert await text_of(replies[0]) == "one two three"


async def test_it_stores_the_pieces_of_all_replies_at_once(journal, replies):
    await asyncio.gather(*[journal.store(Entry(reply.pk, 0, "one")) for reply in replies])
    assert journal.commits == 1
    assert [await text_of(reply) for reply in replies] == ["one"] * 3


async def test_it_commits_once_a_tick(journal, replies, settings):
    settings.CHAT_TICK = 0.2
    begun = asyncio.get_running_loop().time()
    for start in range(4):
        await journal.store(Entry(replies[0].pk, start, "x"))
    assert asyncio.get_running_loop().time() - begun > 3 * 0.2 * 0.9


async def test_it_stores_the_first_piece_at_once(journal, replies, settings):
    settings.CHAT_TICK = 5.0
    async with asyncio.timeout(1):
        await journal.store(Entry(replies[0].pk, 0, "x"))


async def test_it_settles(journal, replies, heard):
    await journal.store(Entry(replies[0].pk, 0, "one"))
    await journal.store(Entry(replies[0].pk, 3, ending=Ending(State.STOPPED, "one")))
    reply = await Message.objects.aget(pk=replies[0].pk)
    assert (reply.state, reply.text, reply.owner_id) == (State.STOPPED, "one", None)
    assert heard.stored == ["one", "one"] and not await Piece.objects.aexists()


# What is not ours


async def test_it_stores_nothing_in_a_reply_that_was_taken_over(journal, replies, heard):
    other = await Writer.objects.acreate()
    await Message.objects.filter(pk=replies[0].pk).aupdate(owner=other)
    with pytest.raises(NotOurs):
        await journal.store(Entry(replies[0].pk, 0, "one"))
    assert await text_of(replies[0]) == "" and heard.committed == []


async def test_it_stores_nothing_when_its_lease_was_ended(journal, replies):
    await Writer.objects.all().adelete()
    with pytest.raises(NotOurs):
        await journal.store(Entry(replies[0].pk, 0, "one"))
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
        await journal.store(Entry(replies[0].pk, 0, "one"))


async def test_it_says_which_replies_were_lost(journal, replies, heard):
    for reply in replies:
        journal.watch_over(reply.pk)
    await Message.objects.filter(pk=replies[0].pk).aupdate(owner=None)
    await journal.store(Entry(replies[1].pk, 0, "one"))
    assert set(heard.lost) == {replies[0].pk}


async def test_it_says_which_replies_to_stop(journal, replies, heard):
    await Message.objects.filter(pk=replies[2].pk).aupdate(stop_requested=True)
    await journal.store(Entry(replies[0].pk, 0, "one"))
    assert heard.to_stop == [replies[2].pk]


# The lease


async def test_it_renews_the_lease_while_nothing_comes(journal, replies, settings):
    settings.CHAT_LEASE = 0.3
    before = (await Writer.objects.aget()).renewed_at
    journal.watch_over(replies[0].pk)
    await until(Writer.objects.filter(renewed_at__gt=before).aexists)
    assert await sync_to_async(Writer.end_expired)(5) == 0


async def test_it_gives_the_lease_up_at_the_end(replies, heard, database, user):
    journal = Journal(heard.commit, heard.to_stop.append, heard.lost.append, heard.fail)
    reply = await sync_to_async(new_reply)(user, journal.writer)
    waiting = asyncio.create_task(journal.store(Entry(reply.pk, 0, "one")))
    await asyncio.sleep(0)
    await journal.close()
    await asyncio.wait([waiting], timeout=0.1)
    waiting.cancel()
    assert await text_of(reply) == "one" and await Message.objects.orphaned().aget() == reply


# When the database does not want


async def test_one_bad_piece_does_not_hold_up_the_others(journal, replies, heard):
    await journal.store(Entry(replies[0].pk, 0, "one"))
    bad, good = Entry(replies[0].pk, 0, "again"), Entry(replies[1].pk, 0, "two")
    results = await asyncio.gather(*map(journal.store, (bad, good)), return_exceptions=True)
    assert isinstance(results[0], DataError) and results[1] is None
    assert heard.failed == [replies[0].pk]
    assert [await text_of(reply) for reply in replies[:2]] == ["one", "two"]


async def test_one_bad_piece_does_not_lose_a_reply_that_is_silent(journal, replies, heard):
    for reply in replies:
        journal.watch_over(reply.pk)
    await journal.store(Entry(replies[0].pk, 0, "one"))
    with pytest.raises(DataError):
        await journal.store(Entry(replies[0].pk, 0, "again"))
    assert heard.lost == []


async def test_it_waits_while_the_database_fails(journal, replies, heard):
    rename = "ALTER TABLE {} RENAME TO {}"
    await execute(rename.format("chat_piece", "gone"))
    try:
        task = asyncio.create_task(journal.store(Entry(replies[0].pk, 0, "one")))
        await asyncio.sleep(0.2)
        assert not task.done() and heard.committed == []
    finally:
        await execute(rename.format("gone", "chat_piece"))
    await asyncio.wait_for(task, 3)
    assert await text_of(replies[0]) == "one"


async def test_it_waits_while_another_process_writes(journal, replies, heard):
    task = None
    async with asyncio.timeout(5):
        await execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
        if connection.vendor == "postgresql":
            await execute("LOCK TABLE chat_message IN ACCESS EXCLUSIVE MODE")
        task = asyncio.create_task(journal.store(Entry(replies[0].pk, 0, "one")))
        await asyncio.sleep(0.2)
        assert not task.done() and heard.committed == []
        await execute("COMMIT")
        await task
    assert await text_of(replies[0]) == "one"


@sync_to_async
def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


# What it costs


@pytest.mark.django_db
def test_it_needs_as_many_queries_for_twenty_replies_as_for_two(user):
    counts = []
    for number in (2, 20):
        writer = uuid4()
        entries = [Entry(new_reply(user, writer).pk, 0, "one") for _ in range(number)]
        with CaptureQueriesContext(connection) as queries:
            commit(writer, entries)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8
