"""Finds replies of this process that nobody follows any more, in any process."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from uuid import UUID

from ..conf import conf
from ..models import Message
from .journal import Journal
from .lanes import Lane
from .tails import Tails

SHORTEST_ROUND, LONGEST_ROUND = 0.2, 10.0  # seconds between two polls
LATE = 2.0  # seconds by which another process may report late: busy, or the row was locked
FIRST_READER = 10.0  # seconds that the first reader has to connect


class Abandoning:
    """One per process. Every process records in the database which replies are followed there.

    The age of a record is measured by this process's clock: those of others may be wrong.
    """

    def __init__(
        self, tails: Tails, journal: Journal, lane: Lane, on_abandoned: Callable[[UUID], None]
    ) -> None:
        self._tails, self._journal, self._lane = tails, journal, lane
        self._on_abandoned = on_abandoned
        self._followed: dict[UUID, tuple[datetime, float]] = {}  # recorded at, and since when

    def pause(self) -> float:
        """Seconds until the next poll."""
        after = conf().CHAT_ABANDON_AFTER
        return (
            LONGEST_ROUND if after is None else min(max(after / 4, SHORTEST_ROUND), LONGEST_ROUND)
        )

    async def poll(self) -> None:
        """Record which replies are followed here; find those of this process nobody follows."""
        after, here = conf().CHAT_ABANDON_AFTER, self._tails.followed()
        if after is None:
            return
        recorded = await self._lane.run(note_and_fetch, here, self._journal.writer)
        before, self._followed, now = self._followed, {}, monotonic()
        for reply_id, at in recorded.items():
            known, since = before.get(reply_id, (at, now + FIRST_READER))
            if reply_id in here or known != at:
                since = now
            self._followed[reply_id] = (at, since)
            if now - since > after + max(2 * self.pause(), LATE):
                self._on_abandoned(reply_id)


def note_and_fetch(followed: list[UUID], writer: UUID) -> dict[UUID, datetime]:
    """When each reply of `writer` was last followed, after recording these as followed now."""
    if followed:
        Message.objects.filter(pk__in=followed).note_followed()
    return dict(Message.objects.written_by(writer).values_list("pk", "followed_at"))
