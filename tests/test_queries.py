from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.endings import Ending, State
from chat.models import Conversation, Message


def talk(user, messages, conversation=None):
    writer = uuid4()
    conversation = conversation or Conversation.begin(user, "Hello")
    for _ in range(messages // 2):
        reply = conversation.post("Hello", model="double-1", writer=writer)
        ending = Ending(State.COMPLETE, "Hi *there*", finish_reason="stop")
        Message.objects.settle(reply.pk, writer, ending)
    return conversation


async def queries_of(client, url, status=200):
    @sync_to_async
    def enter():
        return context.__enter__()

    context = CaptureQueriesContext(connection)
    await enter()
    response = await client.get(url)
    await sync_to_async(context.__exit__)(None, None, None)
    assert response.status_code == status
    return [query["sql"] for query in context.captured_queries]


@pytest.fixture
def many(user):
    """As many conversations as are listed, and the first of them long."""
    short, long = talk(user, 2), talk(user, 60)
    return short, long


async def test_a_conversation_costs_the_same_however_long(aclient, many):
    short, long = [await queries_of(aclient, each.get_absolute_url()) for each in many]
    assert len(short) == len(long) <= 8, "\n".join(long)


async def test_the_list_costs_the_same_however_long(aclient, user):
    before = await queries_of(aclient, "/chat/")
    for _ in range(20):
        await sync_to_async(talk)(user, 2)
    after = await queries_of(aclient, "/chat/")
    assert len(before) == len(after) <= 5, "\n".join(after)


async def test_a_reply_costs_few_queries(aclient, many):
    reply = await Message.objects.replies().afirst()
    assert len(await queries_of(aclient, f"/chat/replies/{reply.pk}/")) <= 3
