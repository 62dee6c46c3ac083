import logging

from django.db import InterfaceError, OperationalError


class Outage(logging.Filter):
    """A database that does not answer is one line in the log, not a traceback for each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OperationalError | InterfaceError):
            record.exc_info = record.exc_text = None
            record.msg = f"{record.msg} ({type(error).__name__})"
        return True
