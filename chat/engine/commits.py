"""Stores a tick in one transaction: the pieces of all replies, and the endings of some."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ..database import connection
from ..models import sql, tick
from ..models.endings import Ending, State
from ..parts import SAID, Part


@dataclass(frozen=True)
class Entry:
    """What waits to be stored for one reply. Storing the same entry twice is safe."""

    reply_id: UUID
    start: int  # where `parts` begin in the reply's log, in code points
    parts: tuple[Part, ...] = ()
    finish_reason: str = ""  # nothing follows
    ending: Ending | None = None
    authors: tuple[dict[str, Any], ...] = ()  # another model goes on: see `Authors`


@dataclass
class Outcome:
    """What a commit found and did."""

    running: dict[UUID, bool] = field(default_factory=dict)  # ours, and whether a stop is requested
    stored: set[UUID] = field(default_factory=set)
    held: set[UUID] = field(default_factory=set)  # briefly locked by someone else
    rejected: dict[UUID, Exception] = field(default_factory=dict)  # these cannot be stored

    def add(self, later: "Outcome") -> None:
        self.running |= later.running
        self.stored |= later.stored
        self.held |= later.held
        self.rejected |= later.rejected


def commit(
    writer: UUID, entries: list[Entry], *, renew: bool = True, again: bool = False
) -> Outcome:
    """Store all entries of replies that `writer` still owns, in one transaction.

    `again`: the answer to the last try was lost, so it may have settled a reply.
    """
    if not entries:
        with connection.cursor() as cursor:
            return _outcome(tick.look(sql.Batch(cursor), writer, renew=renew)[0])
    with sql.transaction() as batch:
        ours, changeable = tick.look(batch, writer, renew=renew, lock=True)
        outcome = _outcome(ours)
        for entry in entries:
            if entry.reply_id not in ours:
                if again and _is_settled(batch, entry):
                    outcome.stored.add(entry.reply_id)
            elif entry.reply_id in changeable:
                outcome.stored.add(entry.reply_id)
            else:
                outcome.held.add(entry.reply_id)
        _store(batch, writer, [each for each in entries if each.reply_id in outcome.stored], ours)
    return outcome


def _outcome(running: dict[UUID, tick.Running]) -> Outcome:
    return Outcome({pk: each.stop_requested for pk, each in running.items()})


def _is_settled(batch: sql.Batch, entry: Entry) -> bool:
    """Whether it has ended exactly as this entry says."""
    ending = entry.ending
    return ending is not None and tick.settled(batch, entry.reply_id) == (ending.state, ending.text)


def _store(
    batch: sql.Batch, writer: UUID, entries: list[Entry], ours: dict[UUID, tick.Running]
) -> None:
    tick.store(batch, [piece for entry in entries for piece in _pieces(entry)])
    for entry in entries:
        reply_id = entry.reply_id
        if entry.ending:
            tick.settle(batch, reply_id, writer, entry.ending.fields())
            continue
        is_new = ours[reply_id].state == State.WAITING or ours[reply_id].takeovers
        if is_new and any(part.kind in SAID for part in entry.parts):
            tick.progress(batch, reply_id)
        if entry.authors:
            tick.hand_on(batch, reply_id, list(entry.authors))
        if entry.finish_reason:
            tick.finish(batch, reply_id, entry.finish_reason)


def _pieces(entry: Entry) -> Iterator[tuple[UUID, int, str, str]]:
    start = entry.start
    for kind, text in entry.parts:
        yield entry.reply_id, start, kind, text
        start += len(text)
