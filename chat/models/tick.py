"""What a process does at every tick, in plain SQL: up to ten times as fast as through the ORM.

All of these are idempotent: a writer that misses the answer to a COMMIT retries.
"""

from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from .. import signals
from ..database import connection
from .sql import Batch, uuid_of

RUNNING = "state IN ('waiting', 'streaming')"
SQLITE_NOW = "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')"  # as Django's Now() writes it
RENEW = (
    "INSERT INTO chat_writer (id, renewed_at) VALUES (%s, {now})"
    " ON CONFLICT (id) DO UPDATE SET renewed_at = excluded.renewed_at"
)
INSERT = (
    "INSERT INTO chat_piece (reply_id, start, kind, text) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT DO NOTHING"
)
INSERT_ALL = (  # as fast as COPY, which has no ON CONFLICT
    "INSERT INTO chat_piece (reply_id, start, kind, text) SELECT reply_id, start, kind, text"
    " FROM json_to_recordset(%s) AS piece(reply_id uuid, start integer, kind text, text text)"
    " ON CONFLICT DO NOTHING"
)
NOTICE = (
    "INSERT INTO chat_notice (what, receiver, reply) SELECT 'settled', %s, id FROM chat_message"
    f" WHERE id = %s AND owner_id = %s AND {RUNNING}"
)
# CROSS JOIN makes SQLite start from the few running replies of the index, not all of a user's.
COUNT_RUNNING = (
    "SELECT count(*) FROM chat_message m CROSS JOIN chat_conversation c"
    " WHERE c.id = m.conversation_id AND c.user_id = %s AND c.deleted_at IS NULL"
    f" AND m.{RUNNING}"
)


class Running(NamedTuple):
    """A reply that a writer owns."""

    state: str
    stop_requested: bool
    takeovers: int


def look(
    batch: Batch, writer: UUID, *, renew: bool, lock: bool = False
) -> tuple[dict[UUID, Running], set[UUID]]:
    """The replies that the writer still owns, after renewing or restarting its lease.

    And those that it may change now: with `lock`, all but those that others have locked.
    """
    if renew:
        now = SQLITE_NOW if connection.vendor == "sqlite" else "STATEMENT_TIMESTAMP()"
        batch.add(RENEW.format(now=now), writer)
    mine = f"FROM chat_message WHERE owner_id = %s AND {RUNNING}"
    batch.add(f"SELECT id, state, stop_requested, takeovers {mine}", writer)
    if lock := lock and connection.features.has_select_for_update_skip_locked:
        batch.add(f"SELECT id {mine} ORDER BY id FOR NO KEY UPDATE SKIP LOCKED", writer)
    answers = batch.run()
    rows = answers[-2 if lock else -1]
    found = {uuid_of(pk): Running(state, bool(stop), taken) for pk, state, stop, taken in rows}
    return found, {uuid_of(pk) for pk, *_ in answers[-1]}


def store(batch: Batch, pieces: list[tuple[UUID, int, str, str]]) -> None:
    """Pieces of any number of replies, as reply, start, kind and text."""
    if not pieces:
        return
    if connection.vendor == "postgresql":
        names = ("reply_id", "start", "kind", "text")
        rows = [dict(zip(names, piece, strict=True)) for piece in pieces]
        batch.add(INSERT_ALL, msgspec.json.encode(rows).decode())
    else:
        for piece in pieces:
            batch.add(INSERT, *piece)


def progress(batch: Batch, reply: UUID) -> None:
    """A new writer has stored text of it, so the reply is not what kills its writers."""
    batch.add(
        f"UPDATE chat_message SET state = 'streaming', takeovers = 0 WHERE id = %s AND {RUNNING}",
        reply,
    )


def finish(batch: Batch, reply: UUID, reason: str) -> None:
    """The model has ended it; nothing comes after what is stored with this."""
    batch.add("UPDATE chat_message SET finish_reason = %s WHERE id = %s", reason, reply)


def hand_on(batch: Batch, reply: UUID, authors: list[dict[str, Any]]) -> None:
    """Another model goes on with it."""
    stored = msgspec.json.encode(authors).decode()
    batch.add(f"UPDATE chat_message SET authors = %s WHERE id = %s AND {RUNNING}", stored, reply)


def settle(batch: Batch, reply: UUID, writer: UUID, fields: dict[str, Any]) -> None:
    """End a reply if the writer still owns it: `fields` hold all its text.

    Stores notices for the site's receivers.
    """
    for receiver in signals.receivers("settled"):
        batch.add(NOTICE, receiver, reply, writer)
    columns = ", ".join(f"{name} = %s" for name in fields)
    batch.add(
        f"UPDATE chat_message SET {columns}, owner_id = NULL"
        f" WHERE id = %s AND owner_id = %s AND {RUNNING}",
        *fields.values(),
        reply,
        writer,
    )
    batch.add(
        "DELETE FROM chat_piece WHERE reply_id = %s AND NOT EXISTS("
        f"SELECT 1 FROM chat_message WHERE id = %s AND {RUNNING})",
        reply,
        reply,
    )


def settled(batch: Batch, reply: UUID) -> tuple[str, str] | None:
    """State and text of a settled reply; None if it runs, or is gone."""
    rows = batch.ask(f"SELECT state, text FROM chat_message WHERE id = %s AND NOT {RUNNING}", reply)
    return rows[0] if rows else None


def leases(batch: Batch, writer: UUID) -> tuple[dict[UUID, str], list[UUID]]:
    """The last renewal of each other writer's lease, and the running replies that nobody writes."""
    rows = batch.ask(
        "SELECT id, CAST(renewed_at AS text) FROM chat_writer WHERE id <> %s UNION ALL"
        f" SELECT id, NULL FROM chat_message WHERE owner_id IS NULL AND {RUNNING}",
        writer,
    )
    renewed = {uuid_of(pk): renewal for pk, renewal in rows if renewal}
    return renewed, [uuid_of(pk) for pk, renewal in rows if not renewal]


def is_silent(batch: Batch, writer: UUID, renewal: str) -> bool:
    """Whether `renewal` is still its last; locks the lease until the transaction ends."""
    skip = connection.features.has_select_for_update_skip_locked
    sql = "SELECT 1 FROM chat_writer WHERE id = %s AND CAST(renewed_at AS text) = %s"
    return bool(batch.ask(sql + (" FOR UPDATE SKIP LOCKED" if skip else ""), writer, renewal))


def end_lease(batch: Batch, writer: UUID, *, has_died: bool) -> None:
    """Let others take its replies over. Replies locked by others wait for another time."""
    skip = connection.features.has_select_for_update_skip_locked
    mine = f"FROM chat_message WHERE owner_id = %s AND {RUNNING}"
    batch.add(
        "UPDATE chat_message SET owner_id = NULL, takeovers = takeovers + %s WHERE id IN ("
        f"SELECT id {mine}{' FOR NO KEY UPDATE SKIP LOCKED' if skip else ''})",
        int(has_died),
        writer,
    )
    batch.add(
        f"DELETE FROM chat_writer WHERE id = %s AND NOT EXISTS(SELECT 1 {mine})", writer, writer
    )
