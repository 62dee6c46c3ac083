from concurrent.futures import ThreadPoolExecutor
from time import time
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from chat.limits import LimitReached, check_searching, check_sending, check_signing_in
from chat.models import Conversation, Rate, Writer

from .test_queries import plan

pytestmark = pytest.mark.django_db
WRITER = uuid4()


def run(user):
    """A reply of theirs is being written."""
    Writer.enlist(WRITER)
    Conversation.begin(user, "Hello").post("Hello", model="m", writer=WRITER)


def refusal(user):
    with pytest.raises(LimitReached) as caught:
        check_sending(user)
    return caught.value


def test_it_says_when_the_next_message_is_possible(user, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 2
    for _ in range(2):
        check_sending(user)
    Rate.objects.update(ends_at=time() + 20)
    refused = refusal(user)
    assert 15 <= refused.retry_after <= 20
    assert "You can send 2 messages a minute. Try again in" in refused.text


def test_it_forgets_messages_after_a_minute(user, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    check_sending(user)
    Rate.objects.update(ends_at=time())
    check_sending(user)
    assert refusal(user).retry_after > 50


def test_a_clock_that_was_wrong_shuts_nobody_out_for_longer(user, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    check_sending(user)
    Rate.objects.update(ends_at=time() + 1e9)
    assert refusal(user).retry_after <= 60


def test_what_is_not_stored_does_not_count(user, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        check_sending(user)
        _ = 1 / 0
    check_sending(user)


def test_it_counts_the_messages_of_each_person(user, other_user, settings):
    settings.CHAT_MESSAGES_PER_MINUTE = 1
    check_sending(other_user)
    check_sending(user)


def test_it_refuses_one_running_reply_more(user, settings):
    settings.CHAT_RUNNING_PER_USER = 2
    for _ in range(2):
        check_sending(user)
        run(user)
    refused = refusal(user)
    assert refused.text.startswith("2 of your chats") and refused.retry_after > 0


def test_it_counts_the_running_replies_of_each_person(user, other_user, settings):
    settings.CHAT_RUNNING_PER_USER = 1
    run(other_user)
    check_sending(user)


def test_what_a_person_has_said_so_far_is_not_read(user):
    with CaptureQueriesContext(connection) as queries:
        check_sending(user)
    if connection.vendor == "sqlite":  # PostgreSQL decides by how much there is
        steps = " ".join(plan(queries.captured_queries[-1]["sql"]))
        assert "one_running_reply" in steps
    else:
        assert len(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_the_same_moment_are_all_counted():
    def count(_):
        try:
            return Rate.count("race", "ana", 60)[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(count, range(40))) == list(range(1, 41))


@pytest.mark.needs_server
@pytest.mark.django_db(transaction=True)
def test_where_nothing_can_be_written_one_may_read(user):
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        check_searching(user)
        cursor.execute("SET default_transaction_read_only = off")
    assert not Rate.objects.exists()


def test_addresses_and_names_are_not_stored(rf):
    check_signing_in(rf.post("/", REMOTE_ADDR="203.0.113.7"), "ana")
    kept = " ".join(Rate.objects.values_list("who", flat=True))
    assert kept and "203" not in kept and "ana" not in kept


def test_what_is_over_is_deleted():
    for who, left in (("ana", -1), ("ben", 60)):
        Rate.count("message", who, left)
    Rate.purge()
    assert [rate.who for rate in Rate.objects.all()] == ["ben"]
