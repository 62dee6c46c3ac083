"""Many faults at once, beside many chats."""

import json
import signal
import threading
import time
import uuid
from contextlib import suppress
from http.client import HTTPException
from itertools import cycle, islice

import pytest

from ..double import ENDING, GoOn
from ..follower import Follower
from ..link.wire import MARKS
from .conftest import EVERY, TEXT

KEPT = (1,)  # seeds
LASTS = 15.0  # seconds
CHATTERS = 6
PAUSE = 1.0  # seconds between two sends of one of them
TRIES = 30  # of a send
DEATHS = 3  # at most, each the end of a lease or a hand-over of all that runs


class Chatter(threading.Thread):
    """Sends until it is over, and follows every reply; what was not taken is sent again."""

    def __init__(self, person, name, ports, over):
        super().__init__(daemon=True)
        self.chats = []  # what was asked, and who followed it
        self._person, self._ports, self._over = person, ports, over
        self._name = name
        self.start()

    def run(self):
        count = 0
        while time.monotonic() < self._over:
            count += 1
            asked = self._send(f"Tell me {self._name} {count}", str(uuid.uuid4()))
            reader = Follower(self._person, asked, self._ports, reconnects=True)
            self.chats.append((asked, reader))
            time.sleep(PAUSE)

    def _send(self, said, client_id):
        """As often as it takes: an answer that does not come says nothing."""
        for port in islice(cycle(self._ports), TRIES):
            with suppress(OSError, HTTPException):
                fields = {"accept": "application/json", "message": said, "client_id": client_id}
                status, body = self._person.post("/chat/", port=port, **fields)
                if status == 201:
                    return json.loads(body) | {"said": said}
                assert status == 503, (status, body[:300])
            time.sleep(PAUSE)
        raise AssertionError("could not be sent")


@pytest.fixture
def troubles(site, ports, dice):
    return Troubles(site, ports, dice)


class Troubles:
    """Faults at random; each returns when it is over, or lets it be over by itself."""

    def __init__(self, site, ports, dice):
        self._site, self._ports, self._dice = site, ports, dice
        self.log, self._deaths = [], 0

    def make(self):
        kinds = [self._lock_shortly]
        if self._site.links:
            kinds += [self._cut, self._cut, self._hang, self._lose, self._lose, self._lose]
        if self._deaths < DEATHS:
            kinds += [self._kill, self._leave, self._pause]
        trouble = self._dice.choice(kinds)
        self.log.append(trouble.__name__)
        trouble(self._dice.choice(self._ports))

    @property
    def deaths(self):
        return self._deaths

    def _kill(self, port):
        self._deaths += 1
        self._site.kill(port)
        self._site.start(port)

    def _leave(self, port):
        self._deaths += 1
        self._site.signal(port, signal.SIGTERM)
        self._site.wait_exit(port, 15)
        self._site.start(port)

    def _pause(self, port):
        self._deaths += 1
        self._site.signal(port, signal.SIGSTOP)
        time.sleep(self._dice.uniform(1, 5))
        self._site.signal(port, signal.SIGCONT)

    def _lock_shortly(self, _port):
        give_back = self._site.lock()
        time.sleep(self._dice.uniform(0.1, 2))
        give_back()

    def _cut(self, port):
        self._site.links[port].cut_all()

    def _hang(self, port):
        self._deaths += 1
        self._site.links[port].hang(self._dice.choice([None, "to_server", "to_client"]))

    def _lose(self, port):
        self._site.links[port].lose_answer(self._dice.choice(sorted(MARKS)))


def test_all_of_it_at_once(seed, dice, seldom, double, site, ports, person, check, troubles):
    """Kills, hand-overs, pauses, cuts, silences, locks and lost answers, beside six who chat"""
    double.script(GoOn(TEXT, every=EVERY), *ENDING)
    over = time.monotonic() + (LASTS if seldom else LASTS / 3)
    chatters = [Chatter(person, number, ports, over) for number in range(CHATTERS)]
    while time.monotonic() < over:
        time.sleep(dice.uniform(0.2, 1.5))
        troubles.make()
    for link in site.links.values():
        link.heal()
    _all_is_well(chatters, troubles, ports, person, check)


def _all_is_well(chatters, troubles, ports, person, check):
    allowed = {"takeovers": troubles.deaths, "handovers": troubles.deaths}
    try:
        for chatter in chatters:
            chatter.join(60)
            assert not chatter.is_alive(), "one of them still waits"
            for asked, reader in chatter.chats:
                check.reply(person, asked, reader, port=ports[0], text=TEXT, **allowed)
        check.the_site_is_well(person)
    except AssertionError as error:
        error.add_note(f"the troubles were {troubles.log}")
        raise
