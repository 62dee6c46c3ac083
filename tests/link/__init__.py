"""A line to PostgreSQL that fails on request, in a way that only who knows its protocol can."""

from .proxy import Link
from .wire import kinds_of

__all__ = ["Link", "kinds_of"]
