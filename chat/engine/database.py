"""When a database has failed, and how long to wait for it."""

from django.db import (
    InterfaceError,
    InternalError,
    OperationalError,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from ..database import alias

READ_ONLY = "25006"  # PostgreSQL: this server is a standby, perhaps since a moment ago
LOST = ("08", "57P")  # classes of SQLSTATE: connection exceptions, interventions of the operator
# libpq's options, unless the site sets its own: a dead host is noticed in seconds.
LINK = {
    "connect_timeout": 2,  # seconds
    "tcp_user_timeout": 5_000,  # milliseconds until unacknowledged data ends a connection
    "keepalives_idle": 2,  # seconds
    "keepalives_interval": 1,  # seconds
    "keepalives_count": 3,
}
# Server timeouts in milliseconds: nobody waits long for another's lock, and a process paused
# inside a transaction does not keep its locks.
SERVER = {
    "lock_timeout": 2_000,
    "statement_timeout": 10_000,
    "idle_in_transaction_session_timeout": 3_000,
}


def set_deadlines(**others: int) -> str:
    """The SQL that sets a connection's deadlines, in milliseconds; `others` override ours.

    Not as a startup parameter, which pgbouncer refuses.
    """
    deadlines = (SERVER | others).items()
    return "SELECT " + ", ".join(f"set_config('{name}', '{at}', false)" for name, at in deadlines)


def is_outage(error: BaseException | None) -> bool:
    """Whether the database failed, not the statement: the same may succeed later.

    Whether it took effect is then unknown.
    """
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", None) == READ_ONLY
    return isinstance(error, OperationalError | InterfaceError)


def has_lost_link(error: BaseException) -> bool:
    """Whether the connection is dead, and so perhaps all others are too.

    A lock timeout, a deadlock or a slow statement does not mean that.
    """
    state = getattr(error.__cause__, "sqlstate", None)
    return is_outage(error) and (state is None or state == READ_ONLY or state.startswith(LOST))


def own_connection() -> BaseDatabaseWrapper:
    """A connection for this thread, outside of the pool, with deadlines for link and server."""
    own = connections[alias()].copy()
    if own.vendor == "postgresql":
        options = own.settings_dict["OPTIONS"]
        options.pop("pool", None)
        own.settings_dict["OPTIONS"] = LINK | options
    return own
