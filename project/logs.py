import logging
import re
import time

from chat.engine.database import is_outage

# What follows these in a URL lets whoever has it open a shared copy or an account, or confirm an
# email address.
SECRETS = re.compile(r"(/shared/|/reset/[^/\s]+/|/confirm/)[\w:-]+")
MINUTE = 60.0  # seconds
LINES_A_MINUTE = 10  # of each kind that anybody can cause
LINE_CHARS = 300


def public(address: str) -> str:
    """The part of a URL that may be logged: no search terms and no secrets."""
    return SECRETS.sub(r"\1…", address.partition("?")[0])


class Line(logging.Formatter):
    """Removes the secrets of URLs from records and their tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return SECRETS.sub(r"\1…", super().format(record))


class Outage(logging.Filter):
    """Logs a database outage as one line, not as a traceback for each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if is_outage(error):
            record.exc_info = record.exc_text = None
            record.msg = f"{record.msg} ({type(error).__name__})"
        return True


class Clients(logging.Filter):
    """Logs what clients do wrong, like asking for another host, and what they report, as one line
    without a traceback.

    At most 10 lines a minute of each kind; the next one says how many were left out.
    """

    def __init__(self, minute: float = MINUTE) -> None:
        super().__init__()
        self._minute = minute
        self._counted: dict[str, tuple[float, int]] = {}  # since when, how many, by kind

    def filter(self, record: logging.LogRecord) -> bool:
        if not _is_clients(record):
            return True
        now = time.monotonic()
        since, count = self._counted.get(record.name, (now, 0))
        left_out = 0
        if now - since >= self._minute:
            left_out, since, count = max(count - LINES_A_MINUTE, 0), now, 0
        self._counted[record.name] = since, count + 1
        record.msg, record.args = record.getMessage()[:LINE_CHARS], ()
        if left_out:
            record.msg += f" ({left_out} more like this were left out)"
        record.exc_info = record.exc_text = None
        return count < LINES_A_MINUTE


def _is_clients(record: logging.LogRecord) -> bool:
    """Whether it is a client error by status, or suspicious to Django, or a CSP report."""
    is_suspicious = record.name.startswith(("django.security.", "chat.csp"))
    return is_suspicious or 400 <= getattr(record, "status_code", 0) < 500
