"""The eye on the database: replies that other processes write, and replies that nobody writes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models import FilteredRelation, Q
from django.utils.translation import gettext_noop as _

from .conf import conf
from .database import Lane
from .endings import Ending, State
from .following import Tail
from .models import Conversation, Message, Writer, tick

logger = logging.getLogger(__name__)

POLL = 0.2  # seconds between two looks at the replies of other processes
ROUND = 0.5  # seconds between two looks for replies that nobody writes
SHORTEST_ROUND, LONGEST_ROUND = 0.2, 10.0  # seconds between two looks for who is being followed
PURGE_ROUND = 60.0  # seconds between two looks for what was deleted a while ago
PURGED_AT_ONCE = 20  # conversations, each in a transaction of its own
AT_ONCE = 400  # replies in one query; SQLite takes less than 1,000 conditions
DELETED = _("This conversation was deleted.")


class Watch:
    """One a process. Feeds the tails of others' replies, and finds replies to claim or to stop."""

    def __init__(
        self,
        lane: Lane,
        on_orphan: Callable[[UUID], None],
        on_abandoned: Callable[[UUID], None],
    ) -> None:
        self.tails: dict[UUID, Tail] = {}
        self._has_tails = asyncio.Event()
        self._lane = lane
        self._on_orphan, self._on_abandoned = on_orphan, on_abandoned

    def add(self, tail: Tail) -> None:
        self.tails[tail.reply_id] = tail
        self._has_tails.set()

    def remove(self, reply_id: UUID) -> None:
        self.tails.pop(reply_id, None)

    async def feed_tails(self) -> None:
        """For ever: what is new in the replies of other processes, to who follows them here."""
        while True:
            await self._has_tails.wait()
            await self._safely(self._look_at_tails)
            await asyncio.sleep(POLL)

    async def find_orphans(self) -> None:
        """For ever: replies whose writer is gone."""
        while True:
            await self._safely(self._look_for_orphans)
            await asyncio.sleep(ROUND)

    async def find_abandoned(self, followed: Callable[[], list[UUID]], writer: UUID) -> None:
        """For ever: say which replies are `followed` here; find those of `writer` that nobody does.

        Readers in other processes count: every process says so in the database.
        """
        while (after := conf().CHAT_ABANDON_AFTER) is not None:
            period = min(max(after / 4, SHORTEST_ROUND), LONGEST_ROUND)
            await self._safely(self._look_for_abandoned, followed, writer, after + 2 * period)
            await asyncio.sleep(period)

    async def purge_deleted(self) -> None:
        """For ever: really delete the conversations whose deletion cannot be undone any more."""
        while True:
            await self._safely(self._purge)
            await asyncio.sleep(PURGE_ROUND)

    async def _look_at_tails(self) -> None:
        known = {pk: len(tail.text) for pk, tail in self.tails.items()}
        for reply_id, news in (await self._lane.run(look_up, known)).items():
            self._feed(reply_id, news)
        if not self.tails:
            self._has_tails.clear()

    async def _look_for_orphans(self) -> None:
        for reply_id in await self._lane.run(orphans):
            self._on_orphan(reply_id)

    async def _look_for_abandoned(
        self, followed: Callable[[], list[UUID]], writer: UUID, after: float
    ) -> None:
        for reply_id in await self._lane.run(note_and_find_abandoned, followed(), writer, after):
            self._on_abandoned(reply_id)

    async def _purge(self) -> None:
        """One by one: others wait for the lane."""
        for pk in await self._lane.run(purgeable):
            await self._lane.run(Conversation.objects.purgeable().filter(pk=pk).delete)

    async def _safely(self, look: Callable[..., Awaitable[None]], *args: object) -> None:
        try:
            await look(*args)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The database fails (%s); readers wait.", type(error).__name__)
        except Exception:
            logger.exception("A look at the database failed")

    def _feed(self, reply_id: UUID, news: "str | Ending") -> None:
        tail = self.tails.get(reply_id)
        if tail is None:
            return
        if isinstance(news, Ending):
            self.remove(reply_id)
            tail.finish(news)
        else:
            tail.extend(news)


def note_and_find_abandoned(followed: list[UUID], writer: UUID, after: float) -> list[UUID]:
    """Replies of `writer` that nobody follows, after noting that these are followed."""
    if followed:
        Message.objects.filter(pk__in=followed).note_followed()
    mine = Message.objects.written_by(writer).exclude(pk__in=followed)
    return list(mine.abandoned(after).values_list("pk", flat=True))


def orphans() -> list[UUID]:
    """Running replies without a writer, after ending the leases of writers that went silent."""
    if not tick.needs_a_writer(conf().CHAT_LEASE):
        return []
    Writer.end_expired(conf().CHAT_LEASE)
    return list(Message.objects.orphaned().values_list("pk", flat=True))


def purgeable() -> list[UUID]:
    deleted = Conversation.objects.purgeable().order_by("deleted_at")
    return list(deleted.values_list("pk", flat=True)[:PURGED_AT_ONCE])


def look_up(known: dict[UUID, int]) -> dict[UUID, "str | Ending"]:
    """What is new behind the known length of each reply, or how it ended."""
    found = {}
    for begin in range(0, len(known), AT_ONCE):
        found |= _look_up(dict(list(known.items())[begin : begin + AT_ONCE]))
    return found


def _look_up(known: dict[UUID, int]) -> dict[UUID, "str | Ending"]:
    """All of it in one query, but for replies that have ended: they have a last one."""
    behind = Q()
    for pk, length in known.items():
        behind |= Q(pieces__reply=pk, pieces__start__gte=length)
    rows = (
        Message.objects.filter(pk__in=known)
        .annotate(new=FilteredRelation("pieces", condition=behind))
        .order_by("pk", "new__start")
        .values_list("pk", "state", "new__text")
    )
    found: dict[UUID, str | Ending] = {pk: Ending(State.FAILED, error=DELETED) for pk in known}
    settled = set()
    for pk, state, text in rows:
        if state in State.running():
            before = found[pk] if isinstance(found[pk], str) else ""
            found[pk] = before + (text or "")
        else:
            settled.add(pk)
    for message in Message.objects.filter(pk__in=settled):
        found[message.pk] = message.ending()
    return {pk: news for pk, news in found.items() if news}
