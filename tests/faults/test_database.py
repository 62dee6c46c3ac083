"""A database that is locked, or throws its clients out."""

import time

import pytest

from ..double import ENDING, GoOn
from ..site import Follower
from .test_processes import EVERY, TEXT


@pytest.fixture
def asked(double, person):
    double.script(GoOn(TEXT, every=EVERY), *ENDING)
    return person.ask("Tell me, marker-of-the-prompt")


@pytest.mark.parametrize("seconds", [3, 25])
def test_it_waits_for_a_locked_database(
    request, seed, dice, site, ports, person, check, asked, seconds
):
    """The database is locked for 3 or 25 seconds"""
    if seconds > 3 and seed >= request.config.getoption("--faults") // 10 + 1:
        seconds = 3  # the long ones once in ten
    readers = [Follower(person, asked, [port]) for port in ports]
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


def test_it_leaves_in_time_while_the_database_is_locked(
    seed, dice, site, ports, person, asked, check
):
    """SIGTERM while the database is locked"""
    import signal

    reader = Follower(person, asked, ports)
    time.sleep(dice.uniform(0.5, 2))
    give_back = site.lock()
    time.sleep(0.3)
    site.signal(ports[0], signal.SIGTERM)
    assert site.wait_exit(ports[0]) == 0
    give_back()
    check(person, asked, reader, port=ports[1], text=TEXT)


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
