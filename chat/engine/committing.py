"""Retries commits until the database has answered: done or not done.

The outcome is unknown when the connection was lost while the answer was on its way. Then the
same entries are stored again, which changes nothing where they are stored already.
"""

import asyncio
import logging
from time import monotonic
from uuid import UUID

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError

from ..conf import conf
from .commits import Entry, Outcome, commit
from .lanes import Lane
from .leases import Abilities

logger = logging.getLogger(__name__)

RENEWALS = 6  # of the lease, within its time
MANY = 10  # tries, after which pauses and patience have reached their maximum
LONGEST_PAUSE = 0.5  # seconds between two tries while the database fails
PATIENCE = 0.6  # of the lease, for a first try: a silent connection must not cost the lease
LONGEST_PATIENCE = 15.0  # seconds for a try, after some that failed
LATE = 5.0  # seconds without a commit until the process is unhealthy


class Committer:
    """Stores what one writer has written, and renews its lease on the way."""

    def __init__(self, writer: UUID, lane: Lane) -> None:
        self.able = Abilities()
        self.is_enlisted = asyncio.Event()  # replies may be stored as this writer's
        self._writer, self._lane = writer, lane
        self._renewed = float("-inf")  # when the lease was renewed, by the loop's clock
        self._trying_since: float | None = None  # by the loop's clock

    def due(self) -> float:
        """Seconds until the lease must be renewed."""
        now = asyncio.get_running_loop().time()
        return self._renewed + conf().CHAT_LEASE / RENEWALS - now

    def is_late(self) -> bool:
        """Whether the database has accepted nothing for a while, despite tries."""
        since = self._trying_since
        return since is not None and asyncio.get_running_loop().time() - since > LATE

    async def store(self, entries: list[Entry]) -> Outcome:
        """Store the entries; one by one if some cannot be stored."""
        try:
            return await self._until_known(entries)
        except Exception as error:
            if not entries:
                raise
            reason = error
        outcome = await self._until_known([])
        if len(entries) == 1:
            logger.warning("A reply cannot be stored: %s", type(reason).__name__)
            outcome.rejected[entries[0].reply_id] = reason
            return outcome
        for entry in entries:
            outcome.add(await self.store([entry]))
        return outcome

    async def _until_known(self, entries: list[Entry]) -> Outcome:
        """Raises errors that the entries cause, not the database."""
        tries = 0
        while True:
            try:
                return await self._try(entries, tries)
            except Exception as error:
                if _is_fault_of_entries(error):
                    self._trying_since = None
                    raise
                logger.warning("The database fails (%s); replies wait.", type(error).__name__)
            await asyncio.sleep(min(conf().CHAT_TICK * 2**tries, LONGEST_PAUSE))
            tries = min(tries + 1, MANY)

    async def _try(self, entries: list[Entry], tries: int) -> Outcome:
        begun, is_due = asyncio.get_running_loop().time(), self.due() <= 0
        self._trying_since = self._trying_since or begun
        outcome = await self._lane.run(
            commit,
            self._writer,
            entries,
            renew=is_due,
            again=tries > 0,
            patience=min(conf().CHAT_LEASE * PATIENCE * 2**tries, LONGEST_PATIENCE),
        )
        self._trying_since = None
        if is_due:
            self._renewed = begun
            self.is_enlisted.set()
            self.able.note(monotonic(), conf().CHAT_LEASE)
        return outcome


def _is_fault_of_entries(error: Exception) -> bool:
    """Whether the entries are at fault, not the database."""
    is_database_error = isinstance(error, DatabaseError | InterfaceError)
    return not is_database_error or isinstance(error, DataError | IntegrityError)
