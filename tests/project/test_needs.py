"""What the chat says of a site that lacks what it needs."""

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.core.checks import run_checks

from chat import database, needs
from chat.models import Message

USER = get_user_model()


def told():
    messages = [each for each in run_checks() if each.id.startswith("chat.")]
    assert all(each.hint for each in messages)
    return [(each.id, each.msg) for each in messages]


class Elsewhere:
    """A router that keeps one kind of thing in another database."""

    def __init__(self, model, verb):
        setattr(self, f"db_for_{verb}", lambda kind, **_: "other" if kind is model else None)


@pytest.fixture
def routed(settings):
    def route(*routers):
        settings.DATABASE_ROUTERS = routers
        database.alias.cache_clear()

    yield route
    database.alias.cache_clear()


def test_it_lacks_nothing():
    assert told() == []


def test_time_zones_are_needed(settings):
    settings.USE_TZ = False
    assert told() == [("chat.E010", "USE_TZ is off.")]


@pytest.mark.parametrize("name", ["is_active", "password"])
def test_a_user_model_says_who_may_come_in(monkeypatch, name):
    class Model:
        class _meta:
            fields = [each for each in USER._meta.fields if each.name != name]

    monkeypatch.setattr(needs, "get_user_model", lambda: Model)
    assert [each.id for each in needs.check_people()] == ["chat.E011"]


@pytest.mark.parametrize("name", needs.MIDDLEWARE)
def test_middleware_is_needed(settings, name):
    last = name.rpartition(".")[2]
    settings.MIDDLEWARE = [each for each in site.MIDDLEWARE if not each.endswith(f".{last}")]
    assert ("chat.E012", f"{name} is missing.") in told()


@pytest.mark.parametrize("name", needs.CONTEXT_PROCESSORS)
def test_context_processors_are_needed(settings, name):
    engine = site.TEMPLATES[0]
    processors = [each for each in engine["OPTIONS"]["context_processors"] if each != name]
    options = engine["OPTIONS"] | {"context_processors": processors}
    settings.TEMPLATES = [engine | {"OPTIONS": options}]
    assert ("chat.E012", f"{name} is missing.") in told()


def test_a_replica_is_not_read(routed):
    routed(Elsewhere(Message, "read"))
    assert told() == [
        ("chat.E013", "The chat is written to the database 'default', and read from 'other'.")
    ]


def test_people_are_where_their_chats_are(routed):
    routed(Elsewhere(USER, "write"))
    assert told() == [
        ("chat.E014", "The chat is in the database 'default', and its people are in 'other'.")
    ]
