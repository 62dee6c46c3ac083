"""Readers who come and go all the time, at the process that does not write what they read."""

import threading
import time

from ..double import ENDING, GoOn
from ..follower import Follower
from .bounds import BUSY
from .conftest import EVERY, TEXT, words

REPLIES, READERS = 6, 4  # a third of them where it takes long
PEOPLE = 21
HANGS = 3.0 * BUSY  # seconds without a frame while the reply grows
ROUNDS = 20.0  # seconds: longer than whatever a process looks after now and then


def test_no_hand_off_loses_a_reader(seed, seldom, double, ports, person, check):
    """Four readers of each of six replies of another process, who reconnect after each frame"""
    times = round((ROUNDS if seldom else 4) / (len(TEXT.split()) * EVERY))
    double.script(GoOn(words(120 * times), every=EVERY), *ENDING)
    all_asked = [
        person.ask(f"Tell me {number}") for number in range(REPLIES // 3 if seldom else REPLIES)
    ]
    readers = {
        asked["said"]: [
            Follower(person, asked, ports[1:], frames_a_visit=1) for _ in range(READERS)
        ]
        for asked in all_asked
    }
    for asked in all_asked:
        check.reply(person, asked, *readers[asked["said"]], port=ports[0], text=words(120 * times))
    longest = max(reader.longest_gap() for each in readers.values() for reader in each)
    assert longest < HANGS, f"no frame for {longest:.0f} s"
    check.the_site_is_well(person)


def test_no_short_reply_loses_its_reader(seed, seldom, double, ports, person, check):
    """Short replies one after the other, each with one reader at the other process, for 20 s"""
    double.script(GoOn("A short reply, in which little is said. " * 3, every=EVERY), *ENDING)
    readers, over = [], time.monotonic() + (ROUNDS if seldom else 4)

    def chat(number):
        count = 0
        while time.monotonic() < over:
            count += 1
            asked = person.ask(f"Tell me {number} {count}")
            readers.append(Follower(person, asked, ports[1:]))
            readers[-1].join(HANGS)

    people = [
        threading.Thread(target=chat, args=[number])
        for number in range(PEOPLE // 3 if seldom else PEOPLE)
    ]
    [each.start() for each in people]
    [each.join() for each in people]
    hung = [reader for reader in readers if reader.is_alive()]
    assert not hung, f"{len(hung)} of {len(readers)} readers hang"
    assert all(reader.wait_end()["state"] == "complete" for reader in readers)
    check.the_site_is_well(person)
