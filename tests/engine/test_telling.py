"""Receivers of the site hear of replies, whatever becomes of receivers and processes."""

import asyncio
import threading
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db.models.functions import Now

from chat.engine import telling
from chat.engine.lanes import Lane
from chat.engine.process import Engine
from chat.models import Conversation, Message, Notice, notice
from chat.models.endings import State
from chat.signals import receivers, reply_begun, reply_settled

from ..double import ENDING, Stall, Text
from ..replies import OtherProcess, begin, ended, resume, stored, until

SIGNALS = {"begun": reply_begun, "settled": reply_settled}


class Site:
    """Its receivers, and what they heard. One that finds `trouble` has it."""

    def __init__(self):
        self.heard = []
        self.trouble = {}
        self.gate = threading.Event()

    def hear(self, signal, sender, reply, **kwargs):
        assert sender is Message
        what = next(name for name, each in SIGNALS.items() if each is signal)
        people = get_user_model().objects.filter(pk=reply.conversation.user_id)  # it may ask
        self.heard.append((what, reply.pk, reply.state, people.get().get_username()))

    async def hear_async(self, signal, sender, reply, **kwargs):
        what = next(name for name, each in SIGNALS.items() if each is signal)
        person = await get_user_model().objects.aget(pk=reply.conversation.user_id)
        self.heard.append((what, reply.pk, reply.state, person.get_username()))

    def fail(self, reply, **kwargs):
        self.trouble[reply.pk] = self.trouble.get(reply.pk, 0) + 1
        if self.trouble[reply.pk] == 1:
            raise ValueError(reply.text)

    def hang(self, reply, **kwargs):
        self.trouble[reply.pk] = self.trouble.get(reply.pk, 0) + 1
        assert self.gate.wait(20)

    async def hang_async(self, reply, **kwargs):
        self.trouble[reply.pk] = self.trouble.get(reply.pk, 0) + 1
        await asyncio.sleep(20)


@pytest.fixture
def site():
    site = Site()
    yield site
    site.gate.set()


@pytest.fixture
def connect(site):
    connected = []

    def connect(signal, name):
        receiver = getattr(site, name)
        signal.connect(receiver)
        connected.append((signal, receiver))

    yield connect
    for signal, receiver in connected:
        assert signal.disconnect(receiver)


@pytest.fixture(params=["hear", "hear_async"])
def hears(connect, request):
    for signal in SIGNALS.values():
        connect(signal, request.param)


async def all_told():
    await until(lambda: told(Notice.objects))


async def told(notices):
    return not await notices.aexists()


async def test_they_hear_of_a_reply(hears, site, engine, user):
    reply = await ended(await begin(engine, user))
    await all_told()
    begun, settled = sorted(site.heard)
    assert begun[:2] == ("begun", reply.pk) and begun[3] == "ana"
    assert settled == ("settled", reply.pk, State.COMPLETE, "ana")


async def test_they_hear_at_once(hears, site, engine, user, double, monkeypatch):
    monkeypatch.setattr(telling, "ROUND", 1_000.0)
    await asyncio.sleep(0)
    double.script(Text("one"), Stall())
    reply = await begin(engine, user)
    await until(lambda: asyncio.sleep(0, len(site.heard) == 1))
    await engine.stop(reply.pk)
    await until(lambda: asyncio.sleep(0, len(site.heard) == 2))
    assert site.heard[1] == ("settled", reply.pk, State.STOPPED, "ana")


async def test_they_hear_of_a_reply_that_goes_on(hears, site, engine, user, double):
    double.script(Text("one "), Stall())
    reply = await begin(engine, user)
    await stored(reply, "one ")
    await engine.stop(reply.pk)
    await all_told()
    double.script(Text("two"), *ENDING)
    await ended(await resume(engine, await ended(reply)))
    await all_told()
    assert [what for what, *_ in sorted(site.heard)] == ["begun", "begun", "settled", "settled"]
    assert site.heard[-1][1:3] == (reply.pk, State.COMPLETE)


async def test_they_hear_of_another_version(hears, site, engine, user):
    reply = await ended(await begin(engine, user))
    again = "0f8fad5b-d9cb-469f-a165-70867728950e"
    retry = reply.conversation.retry
    await engine.begin(
        lambda writer: retry(reply, model="double-1", writer=writer, reply_id=again), again
    )
    await until(lambda: asyncio.sleep(0, len(site.heard) == 4))
    assert len({pk for _, pk, *_ in site.heard}) == 2


async def test_they_hear_of_what_was_taken_over(hears, site, engine, user):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.die)()
    await ended(other.reply)
    await until(lambda: asyncio.sleep(0, len(site.heard) == 2))
    assert {what for what, *_ in site.heard} == {"begun", "settled"}


async def test_they_hear_of_what_a_process_stored_that_is_gone(hears, site, database, user, double):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.settle)()
    assert await Notice.objects.acount() == 2 and not site.heard
    await run_until_told()
    assert [what for what, *_ in sorted(site.heard)] == ["begun", "settled"]


async def run_until_told():
    engine = Engine()
    try:
        await all_told()
    finally:
        await engine.close()


async def test_a_settling_that_does_nothing_is_not_told(connect, user, transactional_db):
    connect(reply_settled, "hear")
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.settle)()
    await sync_to_async(Message.objects.settle)(other.reply.pk, other.writer, other.reply.ending())
    assert await Notice.objects.acount() == 1


async def test_nothing_is_stored_where_nobody_hears(engine, user):
    await ended(await begin(engine, user))
    assert not await Notice.objects.aexists()


async def test_what_is_rolled_back_is_not_told(connect, engine, user):
    connect(reply_begun, "hear")

    def store(writer):
        Conversation.begin(user, "Hello").post("Hello", model="double-1", writer=writer)
        raise ValueError

    with pytest.raises(ValueError):
        await engine.begin(store, "0f8fad5b-d9cb-469f-a165-70867728950e")
    assert not await Notice.objects.aexists()


async def test_one_that_fails_is_told_again_and_nobody_else(
    connect, site, engine, user, caplog, monkeypatch
):
    monkeypatch.setattr(notice, "FIRST_PAUSE", 0.05)
    connect(reply_settled, "fail")
    connect(reply_settled, "hear")
    reply = await ended(await begin(engine, user, "my secret wish"))
    await all_told()
    assert site.trouble == {reply.pk: 2} and len(site.heard) == 1
    assert "fail: " in caplog.text and "raise ValueError" in caplog.text
    assert reply.text not in caplog.text


async def test_its_pauses_grow_up_to_an_hour(transactional_db):
    row = await Notice.objects.acreate(what="settled", receiver="a", reply="0" * 32)
    pauses = []
    for tries in (1, 2, 3, 12, 13, 500):
        row.tries = tries
        pauses.append(await sync_to_async(row.postpone)())
    assert pauses == [1, 2, 4, 2048, 3600, 3600]


async def test_it_is_tried_for_a_day(transactional_db):
    row = await Notice.objects.acreate(what="settled", receiver="a", reply="0" * 32)
    seconds = 0
    for row.tries in range(1, notice.MOST_TRIES):
        seconds += await sync_to_async(row.postpone)()
    assert 23 * 3600 < seconds < 25 * 3600


@pytest.mark.parametrize(
    ("receiver", "hours", "tries", "is_kept"),
    [
        ("{hear}", 100, 0, True),  # the site was down
        ("{hear}", 25, 35, True),
        ("{hear}", 25, 36, False),
        ("of.no.process", 23, 0, True),
        ("of.no.process", 25, 0, False),
    ],
)
async def test_it_is_given_up(transactional_db, connect, caplog, receiver, hours, tries, is_kept):
    connect(reply_settled, "hear")
    receiver = receiver.format(hear=next(iter(receivers("settled"))))
    fields = {"created_at": Now() - timedelta(hours=hours), "tries": tries}
    await Notice.objects.acreate(what="settled", receiver=receiver, reply="0" * 32, **fields)
    await sync_to_async(Notice.purge)()
    assert await Notice.objects.aexists() == is_kept
    assert (f"Given up after {tries} tries: {receiver}" in caplog.text) != is_kept


@pytest.mark.parametrize("hanging", ["hang", "hang_async"])
class TestOneThatHangs:
    @pytest.fixture(autouse=True)
    def hangs(self, connect, hanging):
        connect(reply_settled, hanging)

    async def test_the_others_do_not_wait_for_it(self, connect, site, engine, user):
        connect(reply_settled, "hear")
        for _ in range(telling.AT_ONCE + 1):
            await ended(await begin(engine, user))
        others = Notice.objects.filter(receiver__endswith="hear")
        await until(lambda: told(others))
        assert len(site.heard) == telling.AT_ONCE + 1 and len(site.trouble) == telling.AT_ONCE

    async def test_it_has_its_time(self, site, engine, user, caplog, monkeypatch):
        monkeypatch.setattr(telling, "TOLD_WITHIN", 0.05)
        reply = await ended(await begin(engine, user))
        await until(lambda: asyncio.sleep(0, site.trouble.get(reply.pk) == 2))
        assert "TimeoutError" in caplog.text

    async def test_a_process_that_leaves_gives_it_back(self, site, engine, user):
        await begin(engine, user)
        await until(lambda: asyncio.sleep(0, len(site.trouble) == 1))
        await engine.close()
        assert await Notice.objects.filter(due_at__lte=Now()).acount() == 1

    async def test_what_it_hears_of_can_be_deleted(self, site, engine, user, caplog):
        await begin(engine, user)
        await until(lambda: asyncio.sleep(0, len(site.trouble) == 1))
        await sync_to_async(Conversation.objects.filter(user=user).erase)()
        site.gate.set()
        assert "rror" not in caplog.text


async def test_what_was_deleted_is_not_told(hears, site, database, user, double, caplog):
    gone, stays = [await sync_to_async(OtherProcess)(user) for _ in range(2)]
    for each in (gone, stays):
        await sync_to_async(each.settle)()
    chats = Conversation.objects.filter(pk=gone.reply.conversation_id)
    await sync_to_async(chats.erase)()
    await run_until_told()
    assert {pk for _, pk, *_ in site.heard} == {stays.reply.pk} and len(site.heard) == 2
    assert not [each for each in caplog.records if each.levelname in ("WARNING", "ERROR")]


async def test_what_its_person_deleted_a_moment_ago_is_told(hears, site, database, user, double):
    other = await sync_to_async(OtherProcess)(user)
    await sync_to_async(other.settle)()
    await sync_to_async(other.reply.conversation.remove)()
    await run_until_told()
    assert len(site.heard) == 2


async def test_two_processes_tell_each_once(connect, site, engine, user, double):
    connect(reply_settled, "hear")
    other = Engine()
    try:
        for _ in range(10):
            await begin(engine, user)
        await until(lambda: told(Message.objects.running()))
        await all_told()
    finally:
        await other.close()
    assert len(site.heard) == len({pk for _, pk, *_ in site.heard}) == 10


async def test_one_row_is_claimed_by_one(transactional_db, connect):
    await Notice.objects.acreate(what="settled", receiver="a", reply="0" * 32)
    lane = Lane("watch", 4)
    claims = [lane.run(Notice.claim, "settled", "a", 8) for _ in range(4)]
    assert sorted(map(len, await asyncio.gather(*claims))) == [0, 0, 0, 1]
    await lane.close()
    await Notice.objects.aupdate(due_at=Now())  # whoever had it has died
    assert len(await sync_to_async(Notice.claim)("settled", "a", 8)) == 1


def test_receivers_of_one_name_are_told_apart():
    heard = [lambda **kwargs: None, lambda **kwargs: None]
    for each in heard:
        reply_begun.connect(each)
    try:
        first, second = receivers("begun")
        assert second == f"{first} (2)"
    finally:
        for each in heard:
            reply_begun.disconnect(each)
