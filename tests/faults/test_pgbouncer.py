"""All of it behind pgbouncer in transaction mode, which needs no settings for Parley."""

import signal
import time

import pytest

from ..conftest import skip_unless
from ..database import SERVER
from ..follower import Follower
from ..link.bouncer import PGBOUNCER, Bouncer
from ..site import free_port
from .conftest import TEXT

pytestmark = pytest.mark.needs_server


@pytest.fixture(scope="module")
def site(new_site):
    skip_unless(PGBOUNCER, "no pgbouncer")
    port = free_port()
    with Bouncer(SERVER, port), new_site(linked=True, server=("127.0.0.1", port)) as site:
        yield site


def test_it_starts_every_time(seed, site, ports):
    """pgbouncer: a process starts, four times"""
    for _ in range(4):
        site.kill(site.start())


def test_it_writes_and_reads(seed, ports, person, asked, check):
    """pgbouncer: a reply, read at both processes"""
    readers = [Follower(person, asked, [port]) for port in ports]
    check(person, asked, *readers, port=ports[0], text=TEXT)


def test_it_survives_kill_9(seed, dice, site, ports, person, asked, check):
    """pgbouncer: kill -9 at a random moment, a second process runs"""
    reader = Follower(person, asked, [ports[1]])
    time.sleep(dice.uniform(0, 2.8))
    site.kill(ports[0])
    check(person, asked, reader, port=ports[1], text=TEXT, takeovers=1)


def test_it_hands_over(seed, dice, site, ports, person, asked, check):
    """pgbouncer: SIGTERM"""
    reader = Follower(person, asked, [ports[1]])
    time.sleep(dice.uniform(0, 2.8))
    site.signal(ports[0], signal.SIGTERM)
    assert site.wait_exit(ports[0]) == 0
    check(person, asked, reader, port=ports[1], text=TEXT, handovers=1)


def test_it_outlives_its_connections(seed, dice, site, links, ports, person, asked, check):
    """pgbouncer: all connections before and behind it are ended"""
    readers = [Follower(person, asked, [port]) for port in ports]
    time.sleep(dice.uniform(0, 2))
    site.throw_out()
    links[0].cut_all()
    check(person, asked, *readers, port=ports[0], text=TEXT)
