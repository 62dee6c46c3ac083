"""A fresh database for the benchmark: a SQLite file, or one on the PostgreSQL of this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from . import process

POSTGRES = os.environ.get("BENCH_POSTGRES", "postgres://postgres@127.0.0.1:5432")
CHANGES = slice(8, 12)  # iChange in the WAL's index: https://sqlite.org/walformat.html


class Sqlite:
    name = "SQLite"

    def __init__(self, directory: Path) -> None:
        self._file = directory / "bench.sqlite3"
        self.url = f"sqlite:///{self._file}"

    def connections(self, pid: int) -> int:
        return process.open_files(pid, self._file)

    def commits(self) -> int:
        """Transactions that wrote something, ever."""
        with Path(f"{self._file}-shm").open("rb") as index:
            return int.from_bytes(index.read(CHANGES.stop)[CHANGES], "little")

    def keep_off(self, core: int) -> None:
        """It runs inside the server."""


class Postgres:
    name = "PostgreSQL"

    def __init__(self, database: str) -> None:
        self._database = database
        self.url = f"{POSTGRES}/{database}"
        self._admin = psycopg.connect(f"{POSTGRES}/postgres", autocommit=True)
        self._admin.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        self._admin.execute(f'CREATE DATABASE "{database}"')

    def connections(self, pid: int) -> int:
        return len(self._backends())

    def commits(self) -> int:
        """Transactions that wrote something, ever, in all databases of the server."""
        return self._ask("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")[0][0]

    def keep_off(self, core: int) -> None:
        """Its processes for us share the load's core, if we may say so."""
        others = os.sched_getaffinity(0) - {core}
        for (pid,) in self._backends():
            with suppress(OSError):
                os.sched_setaffinity(pid, others)

    def drop(self) -> None:
        self._admin.execute(f'DROP DATABASE IF EXISTS "{self._database}" WITH (FORCE)')
        self._admin.close()

    def _backends(self) -> list[tuple[int]]:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        return self._ask(query, self._database)

    def _ask(self, query: str, *values: str) -> list[tuple[int]]:
        return self._admin.execute(query, values).fetchall()


@contextmanager
def fresh(kind: str, directory: Path) -> Iterator[Sqlite | Postgres]:
    """An empty database, `sqlite` or `postgres`, that is gone afterwards."""
    if kind == "sqlite":
        yield Sqlite(directory)
        return
    database = Postgres(f"parley_bench_{os.getpid()}")
    try:
        yield database
    finally:
        database.drop()
