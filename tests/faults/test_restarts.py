"""What goes on after a death, from where, and how often a model is asked."""

import signal
import time
from dataclasses import dataclass

from ..double import ENDING, Continues, Finish, GoOn, Pause, Text
from ..follower import Follower
from . import bounds
from .conftest import EVERY, words
from .oracle import requests_for

PROSE = (
    "The tide comes in twice a day. It comes a little later each time, because the moon has gone "
    "on a little. Where the sea is narrow it is late by hours.\n\n"
    "Where it is wide, nobody would notice. The sailors of old had tables for each harbour, and "
    "learnt them by heart. Some of them rhymed.\n\n"
    "Later a machine of brass and wheels took over, as tall as a man, in an office in Liverpool. "
    "It drew the curve of a whole year in four hours, and never made a slip. Its last one was "
    "switched off in the sixties; visitors may still turn the crank on Sundays."
)
LIST = "".join(f"{n}. The {n}th step, which takes {n} minutes of your time\n" for n in range(1, 30))
TABLE = "| Harbour | High water |\n|---|---|\n" + "".join(
    f"| Harbour {n} | {n} hours and some |\n" for n in range(1, 30)
)
CODE = "```python\n" + "".join(f"tide_{n} = table[{n}] + {n}\n" for n in range(30)) + "```\n"
MANNERS = ["exact", "last words", "last paragraph", "preamble", "from the top"]
FORMS = {"prose": PROSE, "list": LIST, "table": TABLE, "code": CODE}


def test_what_the_provider_has_finished_is_not_gone_on_with(
    seed, dice, double, site, ports, person, check
):
    """kill -9 between the provider's finish reason and the end of its stream"""
    double.script(Text(" A further sentence."), *ENDING)
    double.script(Text("All is said."), Finish(), Pause(30), *ENDING[1:], times=1)
    asked = person.ask("Tell me, marker-of-the-prompt")
    reader = Follower(person, asked, [ports[1]])
    assert reader.grown.wait(120)
    time.sleep(dice.uniform(0.2, 0.5))
    site.kill(ports[0])
    check(person, asked, reader, port=ports[1], text="All is said.", takeovers=1)
    assert len(requests_for(double, asked)) == 1


def test_it_goes_on_before_anybody_comes(
    seed, dice, double, site, ports, person, check, record_property
):
    """kill -9 of the only process and a restart: it goes on without a request to it"""
    double.script(GoOn(words(360), every=EVERY), *ENDING)
    asked = person.ask("Tell me, marker-of-the-prompt")
    site.kill(ports[1])
    time.sleep(dice.uniform(0.5, 2))
    site.kill(ports[0])
    stored = _stored(site, asked)
    site.start(ports[0])
    started = time.monotonic()
    while _stored(site, asked) == stored:
        assert time.monotonic() - started < bounds.LEASE + bounds.DECIDED, "nothing goes on"
        time.sleep(0.1)
    record_property("seconds", time.monotonic() - started)
    check(person, asked, port=ports[0], text=words(360), takeovers=1)


def test_a_long_reply_outlives_a_row_of_restarts(
    seed, dice, seldom, double, site, ports, person, check
):
    """Each process in turn restarted by SIGTERM, six times in one reply"""
    rounds, text = (6, words(1440)) if seldom else (2, words(600))
    double.script(GoOn(text, every=EVERY), *ENDING)
    asked = person.ask("Tell me, marker-of-the-prompt")
    reader = Follower(person, asked, ports, reconnects=True)
    for number in range(rounds):
        time.sleep(dice.uniform(0.5, 1))
        _restart(site, ports[number % 2])
    check(person, asked, reader, port=ports[0], text=text, handovers=rounds)


def _restart(site, port):
    site.signal(port, signal.SIGTERM)
    assert site.wait_exit(port) == 0
    site.start(port)


def _stored(site, asked):
    """The state of a reply and how much is stored of it, by SQL alone."""
    row = site.reply(asked, "id", "state")
    (pieces,) = site.sql(f"SELECT count(*) FROM chat_piece WHERE reply_id = '{row['id']}'")
    return row["state"], pieces


@dataclass(frozen=True)
class EachContinues:
    """The form that the first message ends with, in a manner of its own."""

    manners: dict[str, str]

    async def play(self, stream):
        form = stream.request.body["messages"][0]["content"].rpartition(" ")[2]
        await Continues(FORMS[form], self.manners[form], every=EVERY / 2).play(stream)


def test_no_seam_is_seen(seed, dice, double, site, ports, person, check):
    """kill -9, and a model that continues four forms as models do, in five manners by turns"""
    manners = {form: MANNERS[(seed + number) % len(MANNERS)] for number, form in enumerate(FORMS)}
    double.script(EachContinues(manners), *ENDING)
    all_asked = {form: person.ask(f"Tell me, marker-of-the-prompt: {form}") for form in FORMS}
    readers = {form: Follower(person, all_asked[form], [ports[1]]) for form in FORMS}
    assert all(reader.grown.wait(120) for reader in readers.values())
    time.sleep(dice.uniform(0.2, 0.8))
    site.kill(ports[0])
    for form, asked in all_asked.items():
        check.reply(person, asked, readers[form], port=ports[1], text=FORMS[form], takeovers=1)
    check.the_site_is_well(person)


def test_no_remark_is_stored(seed, dice, double, site, ports, person):
    """kill -9, and a model that takes what is there for complete"""
    double.script(Continues(PROSE, "complete already", every=EVERY / 2), *ENDING)
    asked = person.ask("Tell me, marker-of-the-prompt")
    reader = Follower(person, asked, [ports[1]])
    assert reader.grown.wait(120)
    time.sleep(dice.uniform(0.2, 0.8))
    site.kill(ports[0])
    reply = person.wait_settled(asked, port=ports[1])
    assert (PROSE).startswith(reply["text"])
    assert reader.wait_end()["state"] == reply["state"]
    reader.check_frames(reply["text"])
