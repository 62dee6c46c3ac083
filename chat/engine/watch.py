"""Polls the database for replies that other processes write, and replies that nobody writes."""

import logging
from collections.abc import Callable
from time import monotonic
from uuid import UUID

from django.db.models import FilteredRelation, Q, QuerySet
from django.utils.translation import gettext_noop as _

from ..conf import conf
from ..database import connection
from ..models import Conversation, Message, Notice, Rate, Writer, sql, tick
from ..models.endings import Ending, State
from ..parts import Part
from .journal import Journal
from .lanes import Lane
from .leases import Leases
from .tails import Tails

logger = logging.getLogger(__name__)

PURGED_AT_ONCE = 20  # conversations, each in a transaction of its own
AT_ONCE = 400  # replies in one query; SQLite takes less than 1,000 conditions
DELETED = _("This chat was deleted.")


class Watch:
    """One per process. Feeds the tails of others' replies, and finds replies to take over."""

    def __init__(
        self, tails: Tails, journal: Journal, lane: Lane, on_orphan: Callable[[UUID], None]
    ) -> None:
        self._tails, self._journal, self._lane = tails, journal, lane
        self._on_orphan = on_orphan
        self._leases = Leases()

    async def feed_tails(self) -> None:
        """Pass what is new in other processes' replies to their readers here."""
        tails = {tail.reply_id: tail for tail in self._tails.from_elsewhere()}
        if not tails:
            return
        known = {pk: len(tail.log) for pk, tail in tails.items()}
        found = await self._lane.run(look_up, known)
        still = {tail.reply_id for tail in self._tails.from_elsewhere()}
        for reply_id, news in found.items():
            if reply_id not in still:  # written here by now, or without readers
                continue
            if isinstance(news, Ending):
                self._tails.finish(tails[reply_id], news)
            else:
                tails[reply_id].extend(known[reply_id], news)

    async def find_orphans(self) -> None:
        """Find replies without a writer."""
        writer, decided = self._journal.writer, monotonic()
        renewals, orphans = await self._lane.run(_leases, writer)
        silent = self._leases.look(
            renewals, decided, self._journal.committer.able, conf().CHAT_LEASE
        )
        for other, renewal in silent:
            if await self._lane.run(Writer.end_silent, other, renewal, decided):
                logger.info("Writer %s has gone silent; its replies are taken over.", other)
                orphans = (await self._lane.run(_leases, writer))[1]
        for reply_id in orphans:
            self._on_orphan(reply_id)


async def purge(lane: Lane) -> None:
    """Hard-delete the conversations whose deletion can no longer be undone, one by one.

    And counts of limits whose window is over, and undeliverable notices.
    """
    await lane.run(Rate.purge)
    await lane.run(Notice.purge)
    for pk in await lane.run(purgeable):
        await lane.run(Conversation.objects.purgeable().filter(pk=pk).delete)


def _leases(writer: UUID) -> tuple[dict[UUID, str], list[UUID]]:
    with connection.cursor() as cursor:
        return tick.leases(sql.Batch(cursor), writer)


def purgeable() -> list[UUID]:
    deleted = Conversation.objects.purgeable().order_by("deleted_at")
    return list(deleted.values_list("pk", flat=True)[:PURGED_AT_ONCE])


News = list[Part] | Ending


def look_up(known: dict[UUID, int]) -> dict[UUID, News]:
    """What is new after the known length of each reply, or how it ended."""
    found = {}
    for begin in range(0, len(known), AT_ONCE):
        found |= _look_up(dict(list(known.items())[begin : begin + AT_ONCE]))
    return found


def _look_up(known: dict[UUID, int]) -> dict[UUID, News]:
    """In one query. Another for endings, and where a piece leaves a gap."""
    found: dict[UUID, News] = {}
    ends, changed = dict(known), set()
    for pk, state, start, kind, text in _rows(known):
        if state not in State.running():
            continue
        parts = found.setdefault(pk, [])
        if text:
            if start != ends[pk]:
                changed.add(pk)
            parts.append(Part(kind, text))
            ends[pk] += len(text)
    gone = known.keys() - found.keys()
    for message in Message.objects.filter(pk__in=changed | gone):
        gone = gone - {message.pk}
        found[message.pk] = _news(message, known[message.pk])
    return found | {pk: Ending(State.FAILED, error=DELETED) for pk in gone}


def _news(message: Message, known: int) -> News:
    message.catch_up()
    return message.log.behind(known) if message.is_running else message.ending()


def _rows(known: dict[UUID, int]) -> QuerySet:
    new = Q()
    for pk, length in known.items():
        new |= Q(pieces__reply=pk, pieces__start__gte=length)
    return (
        Message.objects.filter(pk__in=known)
        .annotate(new=FilteredRelation("pieces", condition=new))
        .order_by("pk", "new__start")
        .values_list("pk", "state", "new__start", "new__kind", "new__text")
    )
