"""What a process does all the time, in plain SQL: up to ten times as fast as through the ORM."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

SQLITE_NOW = "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')"  # as Django's Now() writes it
COPY = "COPY chat_piece (reply_id, start, text) FROM STDIN"
INSERT = "INSERT INTO chat_piece (reply_id, start, text) VALUES (%s, %s, %s)"
SQLITE_AGO = "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', %s)"


def renew(cursor: CursorWrapper, writer: UUID) -> bool:
    """Renew the lease; False when it has been ended."""
    native = connection.features.has_native_uuid_field
    now = "STATEMENT_TIMESTAMP()" if native else SQLITE_NOW
    key = writer if native else writer.hex
    cursor.execute(f"UPDATE chat_writer SET renewed_at = {now} WHERE id = %s", [key])
    return cursor.rowcount == 1


def running(cursor: CursorWrapper, writer: UUID) -> dict[UUID, tuple[str, bool]]:
    """The state of the replies that the writer still has, and whether they are to be stopped."""
    native = connection.features.has_native_uuid_field
    key = writer if native else writer.hex
    lock = " FOR NO KEY UPDATE" if connection.features.has_select_for_update else ""
    cursor.execute(
        "SELECT id, state, stop_requested FROM chat_message WHERE owner_id = %s "
        f"AND state IN ('waiting', 'streaming'){lock}",
        [key],
    )
    rows = cursor.fetchall()
    return {pk if native else _uuid(pk): (state, bool(stop)) for pk, state, stop in rows}


@lru_cache(maxsize=1_000)
def _uuid(hex: str) -> UUID:
    """The same ones come at each tick."""
    return UUID(hex=hex)


def store(cursor: CursorWrapper, pieces: list[tuple[UUID, int, str]]) -> None:
    """Pieces of any number of replies, as reply, start and text."""
    if not pieces:
        return
    if connection.vendor == "postgresql":  # a fifth of the cost of INSERT
        with connection.wrap_database_errors, cursor.copy(COPY) as copy:
            for piece in pieces:
                copy.write_row(piece)
    else:
        cursor.executemany(INSERT, [(pk.hex, start, text) for pk, start, text in pieces])


def begin(cursor: CursorWrapper, replies: list[UUID]) -> None:
    """The first text of these is stored."""
    if not connection.features.has_native_uuid_field:
        replies = [pk.hex for pk in replies]
    if replies:
        cursor.executemany(
            "UPDATE chat_message SET state = 'streaming' WHERE id = %s", [(pk,) for pk in replies]
        )


def think(cursor: CursorWrapper, thoughts: list[tuple[UUID, str]]) -> None:
    """What the models of these replies have thought, behind what they thought before."""
    native = connection.features.has_native_uuid_field
    if thoughts:
        cursor.executemany(
            "UPDATE chat_message SET reasoning = reasoning || %s WHERE id = %s",
            [(text, pk if native else pk.hex) for pk, text in thoughts],
        )


def settle(reply: UUID, writer: UUID, fields: dict[str, Any]) -> bool:
    """End a reply that the writer still has: `fields` hold all of its text."""
    if not connection.features.has_native_uuid_field:
        reply, writer = reply.hex, writer.hex
    columns = ", ".join(f"{name} = %s" for name in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE chat_message SET {columns}, owner_id = NULL"
            " WHERE id = %s AND owner_id = %s AND state IN ('waiting', 'streaming')",
            [*fields.values(), reply, writer],
        )
        if not cursor.rowcount:
            return False
        cursor.execute("DELETE FROM chat_piece WHERE reply_id = %s", [reply])
        return True


def needs_a_writer(lease: float) -> bool:
    """Whether a writer has been silent for `lease` seconds, or a running reply has none."""
    native = connection.features.has_native_uuid_field
    ago = "STATEMENT_TIMESTAMP() + %s::interval" if native else SQLITE_AGO
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS(SELECT 1 FROM chat_writer WHERE renewed_at < {ago}) OR EXISTS("
            "SELECT 1 FROM chat_message WHERE owner_id IS NULL"
            " AND state IN ('waiting', 'streaming'))",
            [f"-{lease} seconds"],
        )
        return bool(cursor.fetchone()[0])
