"""PostgreSQL connections for pages, with deadlines.

TCP notices a dead host, but not a server that accepts queries and never answers.
"""

from collections.abc import Generator
from time import monotonic
from typing import Any, Self

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections

from chat.engine.database import LINK, set_deadlines

PATIENCE = 15.0  # seconds; normally the server gives up earlier
LOCK_PATIENCE = 8_000  # milliseconds: large deletions wait for each other
CHECK_PATIENCE = 2.0  # seconds to check that a pooled connection is alive
CHECK = ""  # the query that checks it
NOTHING_CAME = 0  # what psycopg sends to a waiting generator ten times a second


def give_deadlines() -> None:
    """Give the pages of this process such connections from now on. Migrations have no deadline."""
    if connection.vendor != "postgresql":
        return
    connection.close()
    connection.close_pool()
    options = connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"]
    options.update(LINK | options)
    if "pool" in options:
        options["pool"]["connection_class"] = Connection


class Connection(psycopg.Connection):
    _patience = PATIENCE

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> Self:
        """Tells the server the deadlines of a new connection, which is in no transaction yet."""
        link = super().connect(*args, **kwargs)
        link.execute(set_deadlines(lock_timeout=LOCK_PATIENCE))
        return link

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> psycopg.Cursor:
        self._patience = CHECK_PATIENCE if query == CHECK else PATIENCE
        try:
            return super().execute(query, *args, **kwargs)
        finally:
            self._patience = PATIENCE

    def wait(self, generator: Generator, *args: Any, **kwargs: Any) -> Any:
        """Raises OperationalError after so many seconds; the connection is unusable then."""
        return super().wait(self._within(generator), *args, **kwargs)

    def _within(self, generator: Generator) -> Generator:
        end = monotonic() + self._patience
        try:
            state = next(generator)
            while True:
                ready = yield state
                if ready == NOTHING_CAME and monotonic() > end:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("no answer in time")
                state = generator.send(ready)
        except StopIteration as done:
            return done.value
