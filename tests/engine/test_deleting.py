"""Chats that are deleted for good while others do the same, or write in them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.test import Client

from chat.models import Conversation, Message

from ..replies import new_writer
from ..test_queries import talk

CHATS = 12
ROUNDS = 3

pytestmark = pytest.mark.django_db(transaction=True)


def at_the_same_time(*works):
    """What each returns; they begin together, each over a connection of its own."""
    start = Barrier(len(works))

    def begin(work):
        try:
            start.wait(10)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


def delete_as(staff, path, chosen):
    """Presses the button that asks for no more; the status."""
    client = Client()
    client.force_login(staff)
    data = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    return lambda: client.post(path, data).status_code


def write_in(conversations):
    """What the journal does with its running replies, all in one transaction."""
    replies = Message.objects.running().filter(conversation__in=conversations)
    pks = list(replies.order_by("pk").values_list("pk", flat=True))

    def write():
        for _ in range(20):
            with transaction.atomic():
                list(Message.objects.filter(pk__in=pks).order_by("pk").select_for_update())

    return write


@pytest.mark.parametrize("_", range(ROUNDS))
def test_two_of_the_staff_delete_overlapping_selections(staff, user, _):
    chats = [talk(user, 4).pk for _ in range(CHATS)]
    first, second = chats[: CHATS - 3], chats[3:][::-1]
    path = "/admin/chat/conversation/"
    works = [delete_as(staff, path, chosen) for chosen in (first, second)]
    assert at_the_same_time(*works) == [302, 302]
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("_", range(ROUNDS))
@pytest.mark.parametrize("path", ["/admin/chat/conversation/", "/admin/auth/user/"])
def test_chats_are_deleted_while_their_replies_are_written(staff, user, path, _):
    writer = new_writer()
    chats = [talk(user, 2) for _ in range(CHATS)]
    for chat in chats:
        chat.post("And?", model="double-1", writer=writer)
    chosen = [user.pk] if "user" in path else [chat.pk for chat in chats]
    assert at_the_same_time(delete_as(staff, path, chosen), write_in(chats))[0] == 302
    assert not Message.objects.exists()


def test_what_is_gone_already_is_no_error(user):
    chat = talk(user, 4)
    chosen = Conversation.objects.filter(pk=chat.pk)
    assert chosen.erase() > 4 and chosen.erase() == 0


@pytest.mark.parametrize("_", range(ROUNDS))
def test_a_person_and_their_chats_are_deleted_at_the_same_time(staff, user, _):
    chats = [talk(user, 4).pk for _ in range(CHATS)]
    works = [
        delete_as(staff, "/admin/auth/user/", [user.pk]),
        delete_as(staff, "/admin/chat/conversation/", chats[::-1]),
    ]
    assert at_the_same_time(*works) == [302, 302]
    assert not get_user_model().objects.filter(pk=user.pk).exists()
