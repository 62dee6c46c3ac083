"""What views do when the database has failed."""

from contextlib import suppress

from django.db import InternalError

from ..database import connection

RETRY_AFTER = 5  # seconds


def connect_anew(error: BaseException) -> None:
    """After an outage: the pool's connections may lead to a server that takes no more writes."""
    if isinstance(error, InternalError) and hasattr(connection, "close_pool"):
        with suppress(KeyError):  # another thread was first
            connection.close_pool()
