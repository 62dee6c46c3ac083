"""Which of the other writers have gone silent, by this process's own clock alone.

The clocks of two processes may be hours apart, and a database outage is no death. So a lease has
run out when this process has seen no renewal for the whole lease, and could itself write to the
database all that while.
"""

from collections.abc import Iterable
from uuid import UUID


class Abilities:
    """Since when this process has written to the database without a break, as its lease shows."""

    def __init__(self) -> None:
        self.since = self._last = float("-inf")

    def note(self, now: float, lease: float) -> None:
        """It has just written."""
        if now - self._last > lease / 2:
            self.since = now
        self._last = now

    def is_able(self, now: float, lease: float) -> bool:
        """Whether it has written lately: a process just paused has not."""
        return now - self._last <= lease / 2


class Leases:
    """What was seen of the others, poll by poll."""

    def __init__(self) -> None:
        self._seen: dict[UUID, tuple[str, float]] = {}  # the last renewal, and its age

    def look(
        self, renewals: dict[UUID, str], now: float, able: Abilities, lease: float
    ) -> Iterable[tuple[UUID, str]]:
        """Those of the writers whose lease has run out, each with its last renewal.

        `renewals` are those of all other writers; `now` and the times in `able` are by a monotonic
        clock, in seconds; `lease` is in seconds too.
        """
        before, self._seen = self._seen, {}
        for writer, renewal in renewals.items():
            seen = before.get(writer)
            since = seen[1] if seen and seen[0] == renewal else now
            self._seen[writer] = (renewal, since)
        if not able.is_able(now, lease):
            return []
        return [
            (writer, renewal)
            for writer, (renewal, since) in self._seen.items()
            if now - max(since, able.since) >= lease
        ]
