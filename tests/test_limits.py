from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.endings import Ending, State
from chat.limits import LimitReached, check_messages_per_minute, check_running_replies
from chat.models import Conversation, Message

from .test_queries import plan

pytestmark = pytest.mark.django_db
WRITER = uuid4()


def post(user, *, age=0.0, running=False):
    reply = Conversation.begin(user, "Hello").post("Hello", model="m", writer=WRITER)
    then = timezone.now() - timedelta(seconds=age)
    Message.objects.filter(pk__in=[reply.pk, reply.parent_id]).update(created_at=then)
    if not running:
        Message.objects.settle(reply.pk, WRITER, Ending(State.STOPPED))


def test_it_allows_so_many_messages_a_minute(user, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 2
    post(user)
    check_messages_per_minute(user)


def test_it_says_when_the_next_message_is_possible(user, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 2
    for age in (70, 40, 20):
        post(user, age=age)
    with pytest.raises(LimitReached) as caught:
        check_messages_per_minute(user)
    assert 10 <= caught.value.retry_after <= 20
    assert "2 messages a minute. Try again in" in caught.value.text


def test_it_forgets_messages_after_a_minute(user, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    post(user, age=61)
    check_messages_per_minute(user)


def test_it_counts_the_messages_of_each_person(user, other_user, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    post(other_user)
    check_messages_per_minute(user)


def test_it_allows_so_many_running_replies(user, settings):
    settings.CHAT_RUNNING_PER_USER = 2
    post(user, running=True)
    post(user, running=False)
    check_running_replies(user)


def test_it_refuses_one_running_reply_more(user, settings):
    settings.CHAT_RUNNING_PER_USER = 2
    for _ in range(2):
        post(user, running=True)
    with pytest.raises(LimitReached) as caught:
        check_running_replies(user)
    assert caught.value.text.startswith("2 of your conversations") and caught.value.retry_after > 0


def test_it_counts_the_running_replies_of_each_person(user, other_user, settings):
    settings.CHAT_RUNNING_PER_USER = 1
    post(other_user, running=True)
    check_running_replies(user)


def test_what_a_person_has_said_so_far_is_not_read(user):
    with CaptureQueriesContext(connection) as queries:
        check_messages_per_minute(user)
        check_running_replies(user)
    assert len(queries) == 2
    if connection.vendor == "sqlite":  # PostgreSQL decides by how much there is
        first = [plan(each["sql"])[0] for each in queries.captured_queries]
        assert "message_by_time" in first[0] and "one_running_reply" in first[1]
