"""What a tick stores, in one transaction: the pieces of all replies, and the ends of some."""

from dataclasses import dataclass, field
from uuid import UUID

from django.db import DataError, IntegrityError, connection, transaction

from .endings import Ending, State
from .models import Message, tick


@dataclass
class Entry:
    """What waits to be stored for one reply."""

    reply_id: UUID
    start: int  # where `text` begins in the reply, in code points
    text: str = ""
    thoughts: str = ""  # what follows on those that are stored
    ending: Ending | None = None


@dataclass
class Outcome:
    """What a commit found: the replies that this process still writes, and those to be stopped."""

    owned: set[UUID] = field(default_factory=set)
    to_stop: set[UUID] = field(default_factory=set)
    rejected: set[UUID] = field(default_factory=set)  # the database cannot store their text


def commit(writer: UUID, entries: list[Entry], *, renew: bool = True) -> Outcome:
    """Store all entries of replies that `writer` still owns, in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        if renew:
            tick.renew(cursor, writer)
        owned = tick.running(cursor, writer)
        ours = [entry for entry in entries if entry.reply_id in owned]
        with_text = [entry for entry in ours if entry.text and not entry.ending]
        tick.store(cursor, [(each.reply_id, each.start, each.text) for each in with_text])
        tick.think(cursor, [(each.reply_id, each.thoughts) for each in ours if each.thoughts])
        waiting = [each.reply_id for each in with_text if owned[each.reply_id][0] == State.WAITING]
        tick.begin(cursor, waiting)
        for entry in ours:
            if entry.ending:
                Message.objects.settle(entry.reply_id, writer, entry.ending)
    return Outcome(set(owned), {pk for pk, (_, stop) in owned.items() if stop})


def commit_apart(writer: UUID, entries: list[Entry]) -> Outcome:
    """As `commit`, each entry by itself, so that one bad text does not hold up the others."""
    outcome = commit(writer, [])
    for entry in entries:
        try:
            commit(writer, [entry])
        except (DataError, IntegrityError):
            outcome.rejected.add(entry.reply_id)
    return outcome
