"""Providers that fail again and again."""

import pytest

from chat.provider.health import FAILURES, SHUNNED, WITHIN, Health


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health(clock)


def fail(health, clock, times, every):
    for number in range(times):
        clock.now += every * (number > 0)
        health.failed("north")


def test_a_few_failures_are_nothing(health, clock):
    fail(health, clock, FAILURES - 1, 0)
    assert not health.is_poor("north")


def test_many_failures_within_a_while_are_remembered_for_a_while(health, clock):
    fail(health, clock, FAILURES, WITHIN / (FAILURES - 1))
    assert health.is_poor("north") and not health.is_poor("south")
    clock.now += SHUNNED - 0.1
    assert health.is_poor("north")
    clock.now += 0.2
    assert not health.is_poor("north")


def test_failures_now_and_then_are_nothing(health, clock):
    fail(health, clock, 3 * FAILURES, WITHIN / (FAILURES - 1) + 0.1)
    assert not health.is_poor("north")
