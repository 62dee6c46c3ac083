"""A COMMIT whose answer never comes has an unknown outcome. Here each of them had been done."""

import time
import uuid

import pytest

from ..double import ENDING, GoOn, Pause, Text
from ..follower import Follower
from .conftest import EVERY, TEXT
from .oracle import requests_for

pytestmark = [pytest.mark.needs_server, pytest.mark.parametrize("times", [1, 2])]
WRITTEN = 12.0  # seconds
SAID = "Tell me, marker-of-the-prompt"


def test_pieces_are_stored_once(seed, dice, links, ports, person, asked, bystander, check, times):
    """The answer to a COMMIT is lost: pieces of a tick"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 2))
    links[0].lose_answer("pieces", times).wait()
    check.reply(person, asked, *readers, port=ports[0], text=TEXT)
    bystander.noticed_nothing()
    check.the_site_is_well(person)


def test_a_reply_begins_once(seed, double, links, ports, person, check, times):
    """The answer to a COMMIT is lost: the first piece of a reply"""
    double.script(GoOn(TEXT, every=EVERY), *ENDING)
    loss = links[0].lose_answer("first piece", times)
    asked = person.ask(SAID)
    readers = [Follower(person, asked, [port]) for port in ports]
    loss.wait()
    check(person, asked, *readers, port=ports[0], text=TEXT)


def test_a_reply_ends_as_it_was_said(seed, links, ports, person, asked, bystander, check, times):
    """The answer to a COMMIT is lost: the end of a reply"""
    readers = [Follower(person, asked, [port]) for port in ports]
    links[0].lose_answer("settle", times).wait()
    check.reply(person, asked, *readers, port=ports[0], text=TEXT)
    bystander.noticed_nothing()
    check.the_site_is_well(person)


def test_a_lease_is_renewed(seed, double, links, ports, person, check, times):
    """The answer to a COMMIT is lost: a lease that is renewed in silence"""
    double.script(Text("One. "), Pause(3), Text("Two."), *ENDING)
    asked = person.ask(SAID)
    readers = [Follower(person, asked, [port]) for port in ports]
    links[0].lose_answer("lease", times).wait()
    check(person, asked, *readers, port=ports[0], text="One. Two.")


def test_a_send_can_be_repeated(seed, double, site, links, ports, person, check, times):
    """The answer to a COMMIT is lost: a send, which is then sent again"""
    double.script(GoOn(TEXT, every=EVERY), *ENDING)
    loss, client_id = links[0].lose_answer("send", times), str(uuid.uuid4())
    asked = _send_until_taken(person, client_id)
    loss.wait()
    links[0].heal()
    again = person.ask(SAID, port=ports[1], client_id=client_id)
    assert again["reply"]["id"] == asked["reply"]["id"]
    reader = Follower(person, asked, ports[1:])
    check.reply(person, asked, reader, port=ports[0], text=TEXT)
    further = person.ask("Tell me more", asked["conversation"]["url"])
    check(person, further, port=ports[0], text=TEXT)
    stored = f"SELECT count(*) FROM chat_message WHERE client_id = '{client_id}'"
    assert site.sql(stored) == [(1,)]


def test_a_send_that_nobody_repeats_is_written(seed, site, links, person, bystander, times):
    """The answer to a COMMIT is lost: a send, and its person does nothing more"""
    client_id = str(uuid.uuid4())
    links[0].lose_answer("send", times)
    fields = {"accept": "application/json", "message": SAID, "client_id": client_id}
    status, _ = person.post("/chat/", **fields)
    assert status in (201, 503)
    left = (
        "SELECT count(*) FROM chat_message reply JOIN chat_message said"
        " ON reply.parent_id = said.id AND reply.state <> 'complete'"
        f" WHERE said.client_id = '{client_id}'"
    )
    deadline = time.monotonic() + WRITTEN
    while site.sql(left) != [(0,)]:
        assert time.monotonic() < deadline, "a reply that nobody writes"
        time.sleep(0.1)
    bystander.noticed_nothing()


def test_a_reply_is_taken_over_once(
    seed, dice, double, site, links, ports, person, asked, check, times
):
    """The answer to a COMMIT is lost: a claim, after kill -9 of the other process"""
    reader = Follower(person, asked, ports[1:])
    time.sleep(dice.uniform(0.2, 2))
    loss = links[1].lose_answer("claim", times)
    site.kill(ports[0])
    loss.wait()
    check(person, asked, reader, port=ports[1], text=TEXT, takeovers=1 + times)
    assert len(requests_for(double, asked)) <= 2


@pytest.mark.parametrize("at", ["writes it", "does not"])
def test_a_stop_is_a_stop(seed, dice, double, links, ports, person, asked, check, times, at):
    """The answer to a COMMIT is lost: a stop, at the process that {at}"""
    which = 0 if at == "writes it" else 1
    readers = [Follower(person, asked, [port]) for port in ports]
    assert readers[0].grown.wait(120)
    loss = links[which].lose_answer("stop", times)
    person.stop(asked, port=ports[which])
    loss.wait()
    reply = check(person, asked, *readers, port=ports[0], text=TEXT, complete=False)
    assert reply["state"] == "stopped"


def _send_until_taken(person, client_id):
    for _ in range(5):
        fields = {"accept": "application/json", "message": SAID, "client_id": client_id}
        status, _ = person.post("/chat/", **fields)
        if status == 201:
            return person.ask(SAID, client_id=client_id)
        assert status == 503
    raise AssertionError("not taken after five times")
