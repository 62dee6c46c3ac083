"""A database that is locked, or throws its clients out."""

import signal
import threading
import time
from contextlib import suppress

import pytest

from ..follower import Follower
from . import bounds
from .conftest import TEXT


@pytest.mark.parametrize("seconds", [3.8, 25])
def test_it_waits_for_a_locked_database(
    seed, dice, seldom, site, ports, person, check, asked, seconds
):
    """The database is locked for 3.8 or 25 seconds"""
    if not seldom:
        seconds = 3.8
    readers = [Follower(person, asked, [port]) for port in ports]
    assert all(reader.opened.wait(120) for reader in readers)  # later ones are refused in words
    time.sleep(dice.uniform(0, 2))
    give_back = site.lock()
    time.sleep(seconds)
    give_back()
    check(person, asked, *readers, port=ports[0], text=TEXT)


@pytest.mark.needs_server
def test_it_outlives_its_connections(seed, dice, site, ports, person, asked, check):
    """All PostgreSQL connections are ended by the server"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 3.2))
    site.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    check(person, asked, *readers, port=ports[0], text=TEXT)


@pytest.mark.needs_server
def test_it_outlives_an_outage(seed, dice, site, ports, person, asked, check):
    """PostgreSQL is gone for five seconds"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 3.2))
    bring_back = site.shut_out()
    time.sleep(5)
    bring_back()
    time.sleep(1)
    check(person, asked, *readers, port=ports[0], text=TEXT)


@pytest.mark.needs_server
def test_it_outlives_a_demotion(seed, dice, site, ports, person, asked, check):
    """PostgreSQL takes no writes for three seconds, as after a demotion"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 2.5))
    promote = site.demote()
    status, _ = person.post("/chat/", accept="application/json", message="Not now")
    time.sleep(3)
    promote()
    check(person, asked, *readers, port=ports[0], text=TEXT)
    assert status == 503


@pytest.mark.needs_server
@pytest.mark.parametrize("table", ["message", "conversation"])
def test_nobody_waits_for_the_lock_of_another(
    seed, site, ports, person, asked, bystander, check, table
):
    """A lock on the row of one {table} for ten seconds, beside others who chat"""
    readers = [Follower(person, asked, [port]) for port in ports]
    pk = asked["reply" if table == "message" else "conversation"]["id"]
    assert readers[0].grown.wait(120)
    site.add_person("cleo")
    other = site.person(ports[0], "cleo")
    let_go = site.hold_row(f"chat_{table}", pk)
    try:
        waiting = [_send_in_background(person, asked, port) for port in ports * 3]
        slowest = max(_time_to_send(other, port) for _ in range(5) for port in ports)
        bystander.noticed_nothing()
    finally:
        let_go()
    check.reply(person, asked, *readers, port=ports[0], text=TEXT)
    assert slowest < bounds.SEND
    [sender.join() for sender in waiting]
    check.the_site_is_well(person)


def _send_in_background(person, asked, port):
    """To the conversation that is locked; it may have to wait, or be told to come again."""

    def send():
        fields = {"message": "Tell me more", "accept": "application/json"}
        with suppress(OSError):
            person.post(asked["conversation"]["url"], port=port, **fields)

    sender = threading.Thread(target=send)
    sender.start()
    return sender


def _time_to_send(person, port):
    """Seconds, after one in which nothing is sent."""
    time.sleep(1)
    began = time.monotonic()
    person.ask("And now?", port=port)
    return time.monotonic() - began


def test_it_leaves_in_time_while_the_database_is_locked(
    seed, dice, site, ports, person, asked, check
):
    """SIGTERM while the database is locked"""
    reader = Follower(person, asked, ports, reconnects=True)
    time.sleep(dice.uniform(0.5, 2))
    give_back = site.lock()
    time.sleep(0.3)
    site.signal(ports[0], signal.SIGTERM)
    assert site.wait_exit(ports[0]) == 0
    give_back()
    check(person, asked, reader, port=ports[1], text=TEXT, takeovers=1)


def test_nothing_of_a_deleted_conversation_comes_back(
    seed, dice, site, double, ports, person, asked
):
    """A conversation is deleted while its reply is written"""
    reader = Follower(person, asked, [ports[1]])
    time.sleep(dice.uniform(0.1, 2))
    path = f"/admin/chat/conversation/{asked['conversation']['id']}/delete/"
    status, _ = person.post(
        path, port=ports[1], post="yes", csrfmiddlewaretoken=person.cookies["csrftoken"]
    )
    assert status == 302
    assert double.wait_for_requests(1)[-1].wait_closed().closed_by_client
    assert "deleted" in reader.wait_end()["error"]
    assert site.sql("SELECT count(*) FROM chat_piece") == [(0,)]
    assert person.request("GET", asked["reply"]["url"])[0] == 404
