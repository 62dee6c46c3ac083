"""Hand-written SQL for both databases, where measurements justify it.

The statements of a transaction go to the server together: each round trip may take milliseconds.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from ..database import connection


class Batch:
    """Statements held back until the result of one is needed."""

    def __init__(self, cursor: CursorWrapper) -> None:
        self._cursor = cursor
        self._statements: list[tuple[str, list[Any]]] = []

    def add(self, sql: str, *params: Any) -> None:
        """`sql` with `%s` for each parameter; UUIDs are written as this database stores them."""
        self._statements.append((sql, [key(each) for each in params]))

    def ask(self, sql: str, *params: Any) -> list[tuple]:
        """Run all that waits, then this; returns its rows."""
        self.add(sql, *params)
        return self.run()[-1]

    def run(self) -> list[list[tuple]]:
        """Run all that waits; returns each statement's rows."""
        statements, self._statements = self._statements, []
        if statements and connection.vendor == "postgresql":
            together = ";".join(sql for sql, _ in statements)
            self._cursor.execute(together, [each for _, params in statements for each in params])
            return [self._rows(is_next=index > 0) for index in range(len(statements))]
        rows = []
        for sql, params in statements:
            self._cursor.execute(sql, params)
            rows.append(self._rows())
        return rows

    def _rows(self, *, is_next: bool = False) -> list[tuple]:
        if is_next:
            self._cursor.nextset()
        return self._cursor.fetchall() if self._cursor.description else []


@contextmanager
def transaction() -> Iterator[Batch]:
    """A transaction whose BEGIN and COMMIT go out with its first and last statements.

    Inside one of Django's transactions, it is part of that.
    """
    with connection.cursor() as cursor:
        batch = Batch(cursor)
        if connection.in_atomic_block:
            yield batch
            batch.run()
            return
        batch.add("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
        try:
            yield batch
            batch.add("COMMIT")
            batch.run()
        except BaseException:
            with suppress(Exception):  # the connection may be lost, and the transaction with it
                cursor.execute("ROLLBACK")
            raise


def key(value: Any) -> Any:
    """A parameter as this database stores it: SQLite has no UUID type."""
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def uuid_of(key: UUID | str) -> UUID:
    """The UUID of a key as read."""
    return key if isinstance(key, UUID) else _uuid_of_hex(key)


@lru_cache(maxsize=1_000)
def _uuid_of_hex(key: str) -> UUID:
    """Cached, as every tick reads the same ones."""
    return UUID(hex=key)
