"""Whether Parley's rules can lose a reply: `pytest tests/rules`; a flaw is told step by step.

The rules stand in `rules.py`, what they mean in `model.py`, the search in `search.py`. Who changes
a rule of the engine changes it there first, and sees.
"""

from dataclasses import replace

import pytest

from .model import Parley
from .rules import (
    ANOTHER_END,
    ASKED_TOO_OFTEN,
    DOUBLED,
    INTERRUPTED,
    MORE_AFTER_THE_END,
    NEW,
    OLD,
    STOPPED_ALONE,
    TAKEN_BACK,
)
from .search import CIRCLES, STUCK, Search, Step
from .state import Bounds

LINK = Bounds(crashes=1, losses=2, stops=1, resumes=1)
DEPLOYS = Bounds(leaves=5, losses=1)
SILENCE = Bounds(pauses=1, outages=1, losses=1)
TOGETHER = Bounds(pauses=1, crashes=1, stops=1, resumes=1)
DEADLY = Bounds(crashes=4)

OLD_FLAWS = {  # with their numbers in the issue that told them
    "2, a piece whose COMMIT is not answered": (Bounds(losses=1), TAKEN_BACK),
    "3, a send whose COMMIT is not answered": (Bounds(losses=1), STUCK),
    "7, the fourth hand-over": (Bounds(leaves=4), INTERRUPTED),
    "9, killed between finish and settle": (Bounds(crashes=1), MORE_AFTER_THE_END),
    "10, an outage of the database": (Bounds(outages=1), ASKED_TOO_OFTEN),
}
NEEDED = {
    "writes_are_repeatable": (Bounds(losses=1), TAKEN_BACK),
    "owner_adopts": (Bounds(losses=1), STUCK),
    "hand_overs_are_free": (Bounds(leaves=4), INTERRUPTED),
    "progress_counts": (DEADLY, INTERRUPTED),
    "silence_is_watched": (Bounds(outages=1), ASKED_TOO_OFTEN),
    "finish_is_stored": (Bounds(crashes=1), MORE_AFTER_THE_END),
    "finish_beats_stop": (Bounds(stops=1), ANOTHER_END),
    "resumes_after_the_end": (Bounds(losses=1, stops=1, resumes=1), STOPPED_ALONE),
    "owner_is_checked": (Bounds(pauses=1), DOUBLED),
    "claims_what_it_does_not_write": (Bounds(pauses=1), DOUBLED),
}


@pytest.mark.parametrize("flaw", OLD_FLAWS)
def test_the_old_rules_have_the_flaw(flaw):
    bounds, what = OLD_FLAWS[flaw]
    search = Search(Parley(OLD, bounds))
    assert what in search.flaws, search


@pytest.mark.parametrize("bounds", [LINK, DEPLOYS, SILENCE, TOGETHER, DEADLY], ids=str)
def test_the_new_rules_have_no_flaw(bounds):
    search = Search(Parley(NEW, bounds))
    assert not search.flaws, search


def test_a_longer_reply_has_no_flaw():
    search = Search(Parley(NEW, Bounds(crashes=1, losses=1, leaves=1), pieces=3))
    assert not search.flaws, search


@pytest.mark.parametrize("rule", NEEDED)
def test_no_rule_can_be_left_out(rule):
    bounds, what = NEEDED[rule]
    search = Search(Parley(replace(NEW, **{rule: False}), bounds))
    assert what in search.flaws, search


def test_a_reply_that_kills_its_writer_each_time_is_given_up():
    states = Search(Parley(NEW, DEADLY)).states
    given_up = [each for each in states if each.database.reply.state == "interrupted"]
    assert given_up


def test_every_step_of_the_rules_is_taken():
    """What the search never does, it has not looked at."""
    model = Parley(NEW, LINK)
    steps = {step.name for state in Search(model).states for step in model.steps(state)}
    for what in ("claims it", "adopts it", "resumes it", "settles it as stopped", "is killed"):
        assert f"B {what}" in steps


# The search itself


class Graph:
    """A model whose states are numbers."""

    start = 0

    def __init__(self, ways, bad=()):
        self.ways, self.bad = ways, bad

    def steps(self, state):
        return [Step(f"to {after}", after, calm) for after, calm in self.ways.get(state, [])]

    def wrong(self, state):
        return "bad" if state in self.bad else ""

    def may_be_last(self, state):
        return state == 9


def test_the_search_tells_the_shortest_way_to_a_flaw():
    ways = {0: [(1, True), (2, True)], 1: [(3, True)], 2: [(3, True), (5, True)], 3: [(5, True)]}
    assert Search(Graph(ways, bad=[5])).flaws == {"bad": ["to 2", "to 5"]}


def test_the_search_sees_who_waits_for_a_fault():
    assert Search(Graph({0: [(1, True)], 1: [(9, False)]})).flaws == {STUCK: ["to 1"]}


def test_the_search_sees_circles_that_no_fault_is_part_of():
    assert CIRCLES in Search(Graph({0: [(1, True)], 1: [(0, True), (9, True)]})).flaws
    assert not Search(Graph({0: [(1, True)], 1: [(0, False), (9, True)]})).flaws
