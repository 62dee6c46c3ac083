from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from chat.engine.process import engine as the_engine
from chat.models import Conversation, Message
from chat.models.endings import Ending, State

from .replies import new_writer


def talk(user, messages, conversation=None):
    conversation = conversation or Conversation.begin(user, "Hello")
    for _ in range(messages // 2):
        with transaction.atomic():  # an engine that runs beside it ends the leases of the silent
            writer = new_writer()
            reply = conversation.post("Hello", model="double-1", writer=writer)
            ending = Ending(State.COMPLETE, "Hi *there*", finish_reason="stop")
            Message.objects.settle(reply.pk, writer, ending)
    return conversation


async def queries_of(client, url, status=200, **request):
    """The SQL of a request, over its own connection and over the engine's for requests."""
    lanes = (the_engine().requests, the_engine().searches.lane)
    threads = (sync_to_async(_capture), *(partial(lane.run, _capture) for lane in lanes))
    captured = [await capture() for capture in threads]
    response = await client.get(url, **request)
    for each in captured:
        each.__exit__(None, None, None)
    assert response.status_code == status
    queries = [query["sql"] for each in captured for query in each.captured_queries]
    assert queries, "none was seen, and there is no page without any"
    return queries


def _capture():
    """In the thread whose connection it is: `connection` would be another one in each."""
    return CaptureQueriesContext(connections[DEFAULT_DB_ALIAS]).__enter__()


def answer_again(reply):
    """Another version of a reply."""
    with transaction.atomic():
        writer = new_writer()
        again = reply.conversation.retry(reply, model="double-1", writer=writer)
        Message.objects.settle(again.pk, writer, Ending(State.STOPPED, "Again"))
    return again


@pytest.fixture
def many(user):
    """As many conversations as are listed, and the first of them long and with many versions."""
    short, long = talk(user, 2), talk(user, 60)
    for reply in Message.objects.replies().filter(conversation=long):
        head = answer_again(reply)
    long.head = head
    long.save(update_fields=["head"])
    return short, long


async def test_a_conversation_costs_the_same_however_long(aclient, many):
    short, long = [await queries_of(aclient, each.get_absolute_url()) for each in many]
    assert len(short) == len(long) <= 11, "\n".join(long)


async def test_its_transcript_for_the_script_costs_the_same_however_long(aclient, many):
    headers = {"accept": "application/json"}
    urls = [f"{each.get_absolute_url()}?as=html" for each in many]
    short, long = [await queries_of(aclient, url, headers=headers) for url in urls]
    assert len(short) == len(long) <= 6, "\n".join(long)


async def test_the_list_costs_the_same_however_long(aclient, user):
    before = await queries_of(aclient, "/chat/")
    for _ in range(20):
        await sync_to_async(talk)(user, 2)
    after = await queries_of(aclient, "/chat/")
    assert len(before) == len(after) <= 7, "\n".join(after)


@pytest.mark.parametrize("url", ["/chat/conversations?as=html", "/chat/archived/", "/chat/running"])
async def test_what_is_listed_costs_the_same_however_long(aclient, user, url):
    await sync_to_async(talk)(user, 2)
    before = await queries_of(aclient, url)
    for _ in range(40):
        await sync_to_async(talk)(user, 2)
    after = await queries_of(aclient, url)
    assert len(before) == len(after) <= 6, "\n".join(after)


async def test_a_search_costs_the_same_whatever_it_finds(aclient, user):
    counts = []
    for _ in range(2):
        await sync_to_async(talk)(user, 6)
        counts.append(await queries_of(aclient, "/chat/search?q=there&as=html"))
    assert len(counts[0]) == len(counts[1]) <= 8, "\n".join(counts[1])


async def test_a_message_of_long_ago_costs_the_same_however_long(aclient, many):
    counts = []
    for each in many:
        first = await each.messages.aget(position=0)
        counts.append(await queries_of(aclient, f"{each.get_absolute_url()}?at={first.pk}"))
    assert len(counts[0]) == len(counts[1]) <= 12, "\n".join(counts[1])


async def test_the_list_is_read_from_an_index(aclient, user):
    """However many conversations there are, no more rows are read than are shown."""
    plans = []
    for sql in await queries_of(aclient, "/chat/conversations?as=html"):
        if "ORDER BY" in sql and connection.vendor == "sqlite":
            plans += await sync_to_async(plan)(sql)
    assert plans or connection.vendor != "sqlite"
    assert not [each for each in plans if "TEMP B-TREE" in each or "SCAN" in each], plans


def plan(sql):
    with connection.cursor() as cursor:
        return [row[-1] for row in cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()]


async def test_a_reply_costs_few_queries(aclient, many):
    reply = await Message.objects.replies().afirst()
    assert len(await queries_of(aclient, f"/chat/replies/{reply.pk}/")) <= 3
