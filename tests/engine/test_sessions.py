from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.engine import sessions
from chat.models import Conversation

from ..replies import new_writer

pytestmark = pytest.mark.django_db
ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]


@pytest.fixture
def key(user):
    """Of a session in which Ana is logged in."""
    return log_in(user)


def log_in(user):
    client = Client()
    client.force_login(user)
    return client.session.session_key


def look(key, user):
    """Whether the session lets somebody in, and the person's password."""
    alive, passwords = sessions.look({key}, {user.pk})
    return key in alive, passwords.get(user.pk)


def test_who_is_logged_in_may_read(key, user):
    assert look(key, user) == (True, user.password)


@pytest.mark.parametrize("way", ["logged out", "deleted", "expired"])
def test_a_session_that_has_ended_lets_nobody_in(key, user, way):
    if way == "expired":
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    elif way == "deleted":
        Session.objects.all().delete()
    else:
        client = Client()
        client.cookies["sessionid"] = key
        client.post("/accounts/logout/")
    assert look(key, user)[0] is False


@pytest.mark.parametrize("way", ["deactivated", "deleted", "another password"])
def test_people_without_their_account_may_not_read(key, user, way):
    before, pk = user.password, user.pk
    if way == "deleted":
        user.delete()
        user.pk = pk
    else:
        change = {"is_active": False} if way == "deactivated" else {"password": "another"}
        get_user_model().objects.update(**change)
    assert look(key, user)[1] != before


@pytest.mark.parametrize("engine", ENGINES)
def test_it_knows_the_sessions_of_every_engine(user, settings, tmp_path, engine):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = tmp_path
    key = log_in(user)
    assert sessions.look({key, "0" * 32}, set())[0] == {key}
    assert sessions.pause() == (1.0 if engine.endswith("db") else 30.0)


def test_many_cost_little(key, user):
    with CaptureQueriesContext(connection) as queries:
        alive, passwords = sessions.look(
            {key} | {f"{number:032}" for number in range(1_000)}, set(range(10_000, 11_000))
        )
    assert (alive, passwords) == ({key}, {}) and len(queries) <= 6


def test_the_replies_of_the_deactivated_are_unreadable(user, other_user):
    writer = new_writer()
    replies = [
        Conversation.begin(each, "Hello").post("Hello", model="m", writer=writer)
        for each in (user, other_user)
    ]
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    assert sessions.unreadable(writer) == [replies[0].pk]
    assert sessions.unreadable(new_writer()) == []
