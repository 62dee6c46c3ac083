"""Clocks that are wrong, or jump: no reply is judged by a wall clock."""

from pathlib import Path

import pytest

from ..conftest import skip_unless
from ..double import ENDING, GoOn
from ..follower import Follower
from .conftest import EVERY, words
from .oracle import Oracle

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
RIGHT = "+0"
LEASE = "30"  # seconds: no busy machine lets one run out, a wrong clock would


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """The file that the clock of the second process goes by."""
    file = tmp_path_factory.mktemp("clock") / "time"
    file.write_text(RIGHT)
    return file


@pytest.fixture(scope="module")
def site(new_site, clock):
    skip_unless(LIBRARIES, "no libfaketime")
    with new_site(CHAT_ABANDON_AFTER="60", CHAT_LEASE=LEASE) as site:
        site.start()
        site.start(
            forked=False,
            LD_PRELOAD=str(LIBRARIES[0]),
            FAKETIME_TIMESTAMP_FILE=str(clock),
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
        )
        yield site


@pytest.fixture
def ports(site, clock):
    clock.write_text(RIGHT)
    return list(site.processes)


@pytest.mark.parametrize(("wrong", "then"), [("+1h", "-1h"), ("-1h", "+1h")])
def test_no_reply_is_judged_by_a_wall_clock(seed, seldom, site, clock, double, ports, wrong, then):
    """The clock of one process is wrong by {wrong} before a reply, and jumps to {then} in it"""
    check = Oracle(site, double)
    text = words(480 if seldom else 240)
    double.script(GoOn(text, every=EVERY), *ENDING)
    person = site.person(ports[0])
    clock.write_text(wrong)
    all_asked = [person.ask(f"Tell me {port}", port=port) for port in ports]
    readers = {
        asked["said"]: [Follower(person, asked, [port]) for port in ports] for asked in all_asked
    }
    assert all(reader.grown.wait(120) for each in readers.values() for reader in each)
    clock.write_text(then)
    for asked in all_asked:
        check.reply(person, asked, *readers[asked["said"]], port=ports[0], text=text)
    check.the_site_is_well(person)
