from uuid import uuid4

import pytest

from chat.engine.leases import Abilities, Leases

LEASE = 3.0
WRITER = uuid4()


class Process:
    """One that looks at another's lease, and renews its own, by a clock that the test sets."""

    def __init__(self):
        self.able, self.leases = Abilities(), Leases()

    def look(self, now, renewal, *, writes=True):
        """Whether the other's lease has run out."""
        if writes:
            self.able.note(now, LEASE)
        return bool(self.leases.look({WRITER: renewal}, now, self.able, LEASE))


@pytest.fixture
def process():
    return Process()


def seconds(begin, end):
    """Every half second, from `begin` until before `end`."""
    return [begin + count / 2 for count in range(int((end - begin) * 2))]


def test_a_lease_that_is_renewed_holds(process):
    assert not any(process.look(now, f"at {now}") for now in seconds(0, 20))


def test_a_lease_runs_out_when_it_is_not_renewed_for_its_time(process):
    assert not any(process.look(now, "once") for now in seconds(0, 3))
    assert process.look(3.0, "once")


def test_its_time_begins_anew_with_each_renewal(process):
    assert not any(process.look(now, "once") for now in seconds(0, 3))
    assert not any(process.look(now, "twice") for now in seconds(3, 6))
    assert process.look(6.0, "twice")


def test_what_the_others_clock_says_is_no_matter(process):
    years_ago = "1970-01-01 00:00:00"
    assert not any(process.look(now, f"{years_ago}.{now}") for now in seconds(0, 20))


def test_who_cannot_write_judges_nobody(process):
    process.look(0.0, "once")
    assert not any(process.look(now, "once", writes=False) for now in seconds(0.5, 20))


def test_who_could_not_write_judges_nobody_until_one_lease_later(process):
    process.look(0.0, "once")
    for now in seconds(0.5, 10):
        process.look(now, "once", writes=False)
    assert not any(process.look(now, "once") for now in seconds(10, 13))
    assert process.look(13.0, "once")


def test_who_was_paused_judges_nobody_until_one_lease_later(process):
    process.look(0.0, "once")
    assert not process.look(20.0, "once", writes=False)  # its first look when it is awake
    assert not any(process.look(now, "once") for now in seconds(20.5, 23.5))
    assert process.look(23.5, "once")


def test_a_writer_that_comes_back_has_all_its_time(process):
    process.look(0.0, "once")
    process.able.note(1.0, LEASE)
    assert not list(process.leases.look({}, 1.0, process.able, LEASE))
    assert not any(process.look(now, "once") for now in seconds(1.5, 4.5))
