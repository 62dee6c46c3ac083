"""Receivers of the site that are to be told of replies, and processes that die before they are."""

import time

import pytest

from ..double import answer
from ..listening.listener import Listener

RECEIVERS = ("tell", "tell_async")
AT_ONCE = 8  # calls of one receiver
ENDS = 60.0  # seconds


@pytest.fixture
def listener():
    with Listener() as listener:
        yield listener


@pytest.fixture
def listening(new_site, listener, double):
    double.script(*answer("Yes."))
    settings = "tests.listening.settings"
    with new_site(DJANGO_SETTINGS_MODULE=settings, LISTENER=listener.address) as site:
        yield site


def calls(*replies):
    return [(receiver, each["reply"]["id"]) for each in replies for receiver in RECEIVERS]


def wait_until_all_told(site):
    deadline = time.monotonic() + ENDS
    while site.sql("SELECT id FROM chat_notice"):
        assert time.monotonic() < deadline, site.log()
        time.sleep(0.1)


def test_two_processes_tell_each_receiver_once(listening, listener):
    ports = [listening.start(), listening.start()]
    person = listening.person(ports[0])
    replies = [person.ask("Hello", port=ports[number % 2]) for number in range(10)]
    listener.wait_for(*calls(*replies))
    wait_until_all_told(listening)
    assert sorted(listener.told) == sorted(calls(*replies))


def test_what_nobody_had_begun_to_tell_survives_kill_9(listening, listener):
    """kill -9 between the commit of a reply's end and the call of its receivers"""
    first = listening.start()
    person = listening.person(first)
    before = person.ask("Hello")
    listener.wait_for(*calls(before))
    wait_until_all_told(listening)
    listener.hold()
    fill(listening, before)
    listener.wait_until_told(2 + 2 * AT_ONCE)
    reply = person.ask("Hello")
    person.wait_settled(reply)
    waiting = "SELECT receiver FROM chat_notice WHERE tries = 0"
    assert len(listening.sql(waiting)) == 2 and len(listener.told) == 2 + 2 * AT_ONCE
    listening.kill(first)
    listener.let_go()
    listening.start()
    listener.wait_for(*calls(reply))


def fill(site, reply):
    """With as much to tell as a process does at once."""
    (pk,) = [row[0] for row in site.sql("SELECT id FROM chat_message WHERE role = 'assistant'")]
    rows = [
        f"('settled', 'tests.listening.apps.{receiver}', '{pk}')"
        for receiver in RECEIVERS
        for _ in range(AT_ONCE)
    ]
    site.sql(f"INSERT INTO chat_notice (what, receiver, reply) VALUES {', '.join(rows)}")


def test_what_was_being_told_survives_kill_9(listening, listener):
    """kill -9 while receivers are called"""
    first = listening.start()
    listener.hold()
    reply = listening.person(first).ask("Hello")
    listener.wait_for(*calls(reply))
    listening.kill(first)
    listener.let_go()
    listening.start()
    wait_until_all_told(listening)
    assert sorted(listener.told) == sorted(2 * calls(reply))


def test_one_that_fails_is_told_again_and_no_other(listening, listener):
    person = listening.person(listening.start())
    listener.refuse = 1
    reply = person.ask("Hello")
    listener.wait_until_told(3)
    wait_until_all_told(listening)
    assert len(listener.told) == 3 and {*listener.told} == {*calls(reply)}
    assert "Not told, again in 1 s" in listening.log()


def test_a_conversation_deleted_meanwhile_harms_nobody(listening, listener):
    port = listening.start()
    person = listening.person(port)
    listener.hold()
    gone = person.ask("Hello")
    listener.wait_for(*calls(gone))
    listening.sql("UPDATE chat_conversation SET head_id = NULL")
    for table in ("piece", "message", "conversation"):
        listening.sql(f"DELETE FROM chat_{table}")
    listener.let_go()
    stays = person.ask("Hello")
    listener.wait_for(*calls(stays))
    wait_until_all_told(listening)
    assert sorted(listener.told) == sorted(calls(gone, stays))
