"""A provider that dies, with another one behind it. A docstring's first line is its line of the
table."""

import time

import pytest

from ..double import (
    ENDING,
    Cut,
    ErrorChunk,
    GoOn,
    Headers,
    ProviderDouble,
    Raw,
    Reset,
    Stall,
    Status,
)
from ..follower import Follower
from .conftest import EVERY, TEXT, words
from .oracle import Oracle, requests_for

NORTH, SOUTH = "north/double-1", "south/other-1"
STALL = 2.0  # seconds until a provider that is silent is left
HALF_A_FRAME = Raw(b'data: {"id":"chatcmpl-double","choices":[{"index":0,"delta":{"cont')
POINTS = {
    "before the headers": lambda said, dice: [dice.choice([Reset(), Status(503)])],
    "behind the headers": lambda said, dice: [Headers(), dice.choice([Reset(), Cut()])],
    "in a frame": lambda said, dice: [said, HALF_A_FRAME, Cut(clean=False)],
    "behind some text": lambda said, dice: [
        said,
        dice.choice([Reset(), Cut(), ErrorChunk()]),
        Cut(),
    ],
    "silent": lambda said, dice: [said, Stall()],
}


@pytest.fixture(scope="module")
def running_south():
    with ProviderDouble(models=["other-1"]) as double:
        yield double


@pytest.fixture
def south(running_south):
    yield running_south
    running_south.clear()


@pytest.fixture(scope="module")
def site(new_site, running_double, running_south):
    """Two processes, and two providers."""
    with new_site(
        CHAT_PROVIDERS="north,south",
        CHAT_PROVIDER_NORTH_URL=running_double.base_url,
        CHAT_PROVIDER_NORTH_KEY="sk-the-sites-secret",
        CHAT_PROVIDER_NORTH_PIECE_TIMEOUT=str(STALL),
        CHAT_PROVIDER_SOUTH_URL=running_south.base_url,
        CHAT_MODELS=f"{NORTH},{SOUTH}",
        CHAT_FALLBACK=SOUTH,
        CHAT_RETRIES="0",
    ) as site:
        yield site


@pytest.fixture
def check(site, double, south):
    return Oracle(site, double, south)


@pytest.fixture
def dies(seed, dice, double):
    """Has the first provider die at one of the points; the name of the point."""

    def at(*points):
        point = points[seed % len(points)]
        said = GoOn(words(dice.randrange(1, 60)), every=EVERY)
        double.script(*POINTS[point](said, dice))

    return at


def test_it_survives_a_provider_that_dies(seed, dies, double, south, ports, person, check):
    """A provider dies before, behind or in the headers, a frame, the text, or falls silent"""
    dies(*POINTS)
    south.script(GoOn(TEXT, every=EVERY), *ENDING)
    asked = person.ask("Tell me, marker-of-the-prompt")
    readers = [Follower(person, asked, [port]) for port in ports]
    reply = check(person, asked, *readers, port=ports[1], text=TEXT, fallbacks=1)
    _is_credited(reply, south, asked)
    assert len(requests_for(south, asked)) == 1


def test_it_survives_the_process_then(seed, dice, dies, south, site, ports, person, check):
    """kill -9 while a second provider goes on for one that has died"""
    dies("behind some text", "in a frame", "silent")
    south.script(GoOn(TEXT, every=EVERY), *ENDING)
    south.script(GoOn(words(100), every=EVERY), Stall(), times=1)  # so that it is not done by then
    asked = person.ask("Tell me, marker-of-the-prompt")
    reader = Follower(person, asked, [ports[1]])
    south.wait_for_requests(1, 60)
    time.sleep(dice.uniform(0, 1))
    site.kill(ports[0])
    reply = check(person, asked, reader, port=ports[1], text=TEXT, takeovers=1, fallbacks=1)
    _is_credited(reply, south, asked)
    assert len(requests_for(south, asked)) == 2


def _is_credited(reply, south, asked):
    """The second provider, with what it has written; and the first, if any of its text came."""
    begun = requests_for(south, asked)[0].beginning
    assert reply["model"] == (NORTH if begun else SOUTH)
    authors = [{"model": NORTH, "from": 0}, {"model": SOUTH, "from": len(begun)}]
    assert reply.get("authors") == (authors if begun else None)
