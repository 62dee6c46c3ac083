"""Processes that die, pause, leave or race. A docstring's first line is its line of the table."""

import signal
import socket
import struct
import threading
import time
import uuid

import pytest

from ..double import ENDING, GoOn, Reasoning
from ..follower import Follower
from . import bounds
from .conftest import EVERY, TEXT, words

THOUGHTS = words(200)
TAKEN_OVER = RESTARTED = bounds.LEASE + 1.0 * bounds.BUSY  # seconds
HANDED_OVER = 1.0 * bounds.BUSY  # seconds


def test_it_survives_kill_9_beside_another_process(
    seed, dice, site, ports, person, asked, check, record_property
):
    """kill -9 at a random moment, a second process runs"""
    first, second = ports
    readers = [
        Follower(person, asked, ports, reconnects=True),
        Follower(person, asked, [second]),
    ]
    time.sleep(dice.uniform(0, 2.8))
    seen = readers[0].text
    killed = time.monotonic()
    site.kill(first)
    assert person.reply(asked, port=second)["text"].startswith(seen)
    check(person, asked, *readers, port=second, text=TEXT, takeovers=1)
    resumed = next(when for when in readers[1].arrivals if when > killed + 0.3)
    record_property("seconds", resumed - killed)
    assert resumed - killed < TAKEN_OVER


def test_thoughts_survive_kill_9(seed, dice, site, double, ports, person, check):
    """kill -9 while the model thinks, a second process runs"""
    first, second = ports
    double.script(Reasoning(THOUGHTS, every=EVERY), GoOn(TEXT, every=EVERY), *ENDING)
    asked = person.ask("Tell me what you think")
    readers = [
        Follower(person, asked, ports, reconnects=True),
        Follower(person, asked, [second]),
    ]
    time.sleep(dice.uniform(0.5, 1.5))
    seen = readers[1].thoughts
    site.kill(first)
    check(person, asked, *readers, port=second, text=TEXT, takeovers=1)
    before, again, after = readers[1].thoughts.partition(f"\n\n{THOUGHTS}")
    assert before.startswith(seen) and THOUGHTS.startswith(before) and again and not after


def test_it_survives_kill_9_of_the_only_process(
    seed, dice, site, ports, person, asked, check, record_property
):
    """kill -9 at a random moment of the only process, and a restart"""
    first, second = ports
    site.kill(second)
    reader = Follower(person, asked, [first], reconnects=True)
    time.sleep(dice.uniform(0.2, 2.5))
    site.kill(first)
    shown = len(reader.arrivals)
    site.start(first)
    restarted = time.monotonic()
    check(person, asked, reader, port=first, text=TEXT, takeovers=1)
    record_property("seconds", reader.arrivals[shown] - restarted)
    assert reader.arrivals[shown] - restarted < RESTARTED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_hands_over_when_told_to_leave(
    seed, dice, site, ports, person, asked, check, number, record_property
):
    """SIGTERM or SIGINT, twice, with a half-sent request open"""
    first, second = ports
    readers = [
        Follower(person, asked, ports, reconnects=True),
        Follower(person, asked, [second]),
    ]
    half = socket.create_connection(("127.0.0.1", first))
    half.sendall(b"POST /chat/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\nmess")
    time.sleep(dice.uniform(0, 2.8))
    site.signal(first, number)
    time.sleep(dice.uniform(0, 0.02))
    site.signal(first, number)
    assert site.wait_exit(first) == 0
    half.close()
    check(person, asked, *readers, port=second, text=TEXT, handovers=1)
    record_property("seconds", readers[1].longest_gap())
    assert readers[1].longest_gap() < HANDED_OVER


def test_a_process_that_slept_through_its_lease_writes_nothing(
    seed, dice, site, ports, person, asked, check
):
    """SIGSTOP for longer than the lease, and awake again while another process writes"""
    first, second = ports
    reader = Follower(person, asked, [second])
    time.sleep(dice.uniform(0.2, 1.5))
    site.signal(first, signal.SIGSTOP)
    time.sleep(dice.uniform(4, 6))
    site.signal(first, signal.SIGCONT)
    check(person, asked, reader, port=second, text=TEXT, takeovers=1)
    assert person.reply(asked, port=first)["text"] == TEXT


def test_stop_works_from_any_process(seed, dice, double, ports, person, asked, check):
    """Stop, twice, from the process that does not write the reply"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 2))
    stopped = time.monotonic()
    person.stop(asked, port=ports[1])
    person.stop(asked, port=ports[0])
    told = [each for each in double.requests if "Tell me" in each.prompt]
    assert all(each.wait_closed().closed_at - stopped < 1 for each in told)
    reply = check(person, asked, *readers, port=ports[1], text=TEXT, complete=False)
    assert reply["state"] == "stopped"


def test_a_race_of_sends_makes_one_reply(seed, double, ports, person):
    """40 sends of one message at once, to two processes"""
    double.clear()
    client_id, answers = str(uuid.uuid4()), []

    def send(port):
        answers.append(person.ask("Only once", port=port, client_id=client_id))

    threads = [threading.Thread(target=send, args=[ports[i % 2]]) for i in range(40)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len({answer["reply"]["id"] for answer in answers}) == 1 and len(answers) == 40
    person.wait_settled(answers[0])
    assert [each.prompt for each in double.requests] == ["Only once"]


def test_two_sends_to_a_conversation_make_one_reply(seed, double, ports, person, asked):
    """Two different messages at once in one conversation, to two processes"""
    person.stop(asked)
    path, statuses = asked["conversation"]["url"], []

    def send(port):
        status, _ = person.post(path, port=port, accept="application/json", message="Tell me more")
        statuses.append(status)

    threads = [threading.Thread(target=send, args=[port]) for port in ports]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(statuses) == [201, 409]


@pytest.mark.parametrize("manner", ["FIN", "RST", "half-close"])
def test_readers_that_leave_change_nothing(seed, dice, ports, person, asked, check, manner):
    """Readers that go away: FIN, RST, half-close"""
    stays = Follower(person, asked, [ports[1]])
    for _ in range(5):
        _leave(person, asked, ports[dice.randrange(2)], manner, dice.uniform(0, 0.4))
    check(person, asked, stays, port=ports[0], text=TEXT)


def test_it_resumes_after_every_frame(seed, double, ports, person, check):
    """Five readers that reconnect after every frame, at both processes in turn"""
    text = words(360)  # long enough for a busy machine to have them come often
    double.script(GoOn(text, every=EVERY), *ENDING)
    asked = person.ask("Tell me")
    readers = [Follower(person, asked, ports, frames_a_visit=1) for _ in range(5)]
    check(person, asked, *readers, port=ports[0], text=text)
    assert all(reader.visits > 5 for reader in readers)


def _leave(person, asked, port, manner, after):
    link = socket.create_connection(("127.0.0.1", port))
    headers = "".join(f"{name}: {value}\r\n" for name, value in person.headers().items())
    request = f"GET {asked['reply']['events']} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n"
    link.sendall(request.encode())
    time.sleep(after)
    if manner == "RST":
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif manner == "half-close":
        link.shutdown(socket.SHUT_WR)
        time.sleep(0.1)
    link.close()
