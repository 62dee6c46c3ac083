"""Connections to the database that go silent, slow down or break, while it is well itself."""

import threading
import time
from contextlib import suppress

import pytest

from ..follower import Follower
from . import bounds
from .conftest import TEXT

pytestmark = pytest.mark.needs_server
SENDERS = 24  # people who send all the time
SENDING = 4.0  # seconds


@pytest.mark.parametrize("direction", [None, "to_server", "to_client"])
def test_existing_connections_go_silent(
    seed, dice, links, ports, person, asked, elsewhere, check, direction, record_property
):
    """Existing connections go silent ({direction}) while new ones work"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 2))
    links[0].hang(direction)
    hung = time.monotonic()
    reply = check.reply(person, asked, *readers, port=ports[1], text=TEXT, takeovers=1)
    elsewhere.noticed_nothing()
    _works_again(check, person, ports[0], hung + bounds.RECOVERED)
    record_property("seconds", time.monotonic() - hung)
    links[0].heal()
    time.sleep(1)  # what was under way arrives now
    assert person.reply(asked, port=ports[1]) == reply
    check.the_site_is_well(person)


def test_one_process_is_alone_for_ten_seconds(
    seed, dice, links, ports, person, asked, elsewhere, check
):
    """All connections of one process are silent for ten seconds"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 2))
    _silent_for(10, links[:1])
    check.reply(person, asked, *readers, port=ports[1], text=TEXT, takeovers=1)
    elsewhere.noticed_nothing()
    check.the_site_is_well(person)


def test_nobody_judges_after_a_silence_of_all(seed, dice, links, ports, person, asked, check):
    """All connections of all processes are silent for ten seconds"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 2))
    _silent_for(10, links)
    check(person, asked, *readers, port=ports[0], text=TEXT)


@pytest.mark.parametrize("milliseconds", [5, 50])
def test_the_database_is_far_away(
    seed, site, links, ports, person, asked, check, milliseconds, record_property
):
    """The database is {milliseconds} ms away"""
    readers = [Follower(person, asked, [port]) for port in ports]
    wide = site.start(DATABASE_POOL="20")  # as it is by default
    senders = site.people(SENDERS, wide)
    for link in [*links, site.links[wide]]:
        link.delay(milliseconds / 2_000)
    check.reply(person, asked, *readers, port=ports[0], text=TEXT)
    rate = _sends_a_second(senders)
    site.kill(wide)
    record_property("figure", f"{rate:11.1f} sends a second, {milliseconds} ms away")
    for link in links:
        link.heal()
    check.the_site_is_well(person)


def test_connections_break_at_random(seed, dice, links, ports, person, asked, bystander, check):
    """Connections break at random, 120 times a minute at each process"""
    readers = [Follower(person, asked, [port]) for port in ports]
    for link in links:
        link.cut_at_random(120, dice)
    for reader in readers:
        reader.wait_end()
    for link in links:
        link.heal()  # who asks for a page meanwhile may be told to try again
    check.reply(person, asked, *readers, port=ports[0], text=TEXT)
    bystander.noticed_nothing()
    check.the_site_is_well(person)


def test_all_connections_break_at_once(seed, dice, links, ports, person, asked, bystander, check):
    """All connections break at once, three times"""
    readers = [Follower(person, asked, [port]) for port in ports]
    for _ in range(3):
        time.sleep(dice.uniform(0, 1))
        for link in links:
            link.cut_all()
    check.reply(person, asked, *readers, port=ports[0], text=TEXT)
    bystander.noticed_nothing()
    check.the_site_is_well(person)


@pytest.mark.parametrize("seconds", [5, 15])
def test_replies_go_on_soon_after_an_outage(
    seed, dice, seldom, links, ports, person, asked, check, seconds, record_property
):
    """The server refuses connections for 5 or 15 seconds"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 2))
    for link in links:
        link.refuse()
        link.cut_all()
    shown = [len(reader.frames) for reader in readers]
    time.sleep(seconds if seldom else 5)
    for link in links:
        link.accept()
    back = time.monotonic()
    check(person, asked, *readers, port=ports[0], text=TEXT)
    first = [reader.arrivals[before] for reader, before in zip(readers, shown, strict=True)]
    record_property("seconds", max(first) - back)
    assert max(first) - back < bounds.BACK


def _works_again(check, person, port, deadline):
    while time.monotonic() < deadline:
        with suppress(AssertionError, OSError):
            check.a_new_chat_works(person, port)
            return
    raise AssertionError("still frozen")


def _silent_for(seconds, links):
    for link in links:
        link.hang(existing_only=False)
    time.sleep(seconds)
    for link in links:
        link.heal()


def _sends_a_second(people):
    """What they get through within SENDING seconds, each of them one after the other."""
    taken, begun = [], time.monotonic()

    def send(person):
        while time.monotonic() < begun + SENDING:
            taken.append((person, person.ask("And now?")))

    senders = [threading.Thread(target=send, args=[person]) for person in people]
    [sender.start() for sender in senders]
    [sender.join() for sender in senders]
    rate = len(taken) / (time.monotonic() - begun)
    for person, asked in taken:
        person.wait_settled(asked)
    return rate
