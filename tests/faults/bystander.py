"""Another person, whose reply runs beside a hostile case and shall not notice anything of it."""

import threading
import time
from dataclasses import dataclass

from ..double import Done, Finish
from ..follower import Follower
from . import bounds
from .oracle import requests_for

SAYS = "How is it beside all that?"
EVERY = 0.05  # seconds between two words
LASTS = 120.0  # seconds, so that it ends also if nobody ends it


@dataclass(frozen=True)
class Talk:
    """Words with numbers, until the event is set."""

    over: threading.Event

    async def play(self, stream):
        import asyncio

        for number in range(int(LASTS / EVERY)):
            if self.over.is_set():
                return
            await stream.delta({"content": f"by-{number} "}, f"by-{number} ")
            await asyncio.sleep(EVERY)


class Bystander:
    """Has a reply written by the process at the first of the `ports`, and reads it at all of them.

    With more than one conversation there is a person for each: `name` says who."""

    def __init__(self, site, double, ports, name="ben"):
        site.add_person(name)
        self._double, self._over = double, threading.Event()
        double.script(Talk(self._over), Finish(), Done(), when=f"{SAYS} {name}")
        self.person = site.person(ports[0], name)
        self.asked = self.person.ask(f"{SAYS} {name}")
        self.readers = [Follower(self.person, self.asked, [port]) for port in ports]
        for reader in self.readers:
            assert reader.grown.wait(120), "the bystander's reply did not begin"

    def noticed_nothing(self):
        """Has the reply end, and fails the test unless it came whole and without a gap."""
        time.sleep(2 * EVERY)
        self.end()
        reply = self.person.wait_settled(self.asked)
        (request,) = requests_for(self._double, self.asked)
        assert reply["state"] == "complete" and reply["text"] == request.sent
        for reader in self.readers:
            reader.wait_end(10)
            reader.check_frames(reply["text"])
            assert reader.text == reply["text"]
            assert reader.longest_gap() < bounds.GAP, f"a gap of {reader.longest_gap():.2f} s"

    def end(self):
        self._over.set()
