"""Mail is sent from a thread of its own.

No request waits for the mail server, nor does its timing reveal whether there is an account.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections
from django.utils.translation import get_language, override

MOST = 100  # queued jobs; more are dropped, which is logged

logger = logging.getLogger("chat.mail")


class Outbox:
    """A queue of mail, sent one at a time. A process that exits normally sends all of it first."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "mail")
        self._waiting: set[Future] = set()

    def put(self, work: Callable[[], object]) -> None:
        """Queue `work`, to run in the language of this request. Failures are logged."""
        if len(self._waiting) >= MOST:
            logger.error("A letter is lost: %d are waiting for the mail server.", MOST)
            return
        letter = self._thread.submit(_send, work, get_language())
        self._waiting.add(letter)
        letter.add_done_callback(self._waiting.discard)

    def finish(self, patience: float) -> None:
        """Wait until everything is sent, for at most so many seconds."""
        end = monotonic() + patience
        while self._waiting and monotonic() < end:
            wait(tuple(self._waiting), end - monotonic())
        if self._waiting:
            logger.error("%d letters are lost: the mail server is slow.", len(self._waiting))


def _send(work: Callable[[], object], language: str) -> None:
    """The outermost frame of a job. Logs no message of an error: it may name the recipient."""
    try:
        with override(language):
            work()
    except Exception as error:
        code = getattr(error, "smtp_code", None) or getattr(error, "errno", None) or "no code"
        logger.error("A letter was not sent: %s (%s)", type(error).__name__, code)
    finally:
        connections.close_all()


outbox = Outbox()


class Backend(BaseEmailBackend):
    """As EMAIL_BACKEND: queues mail in the outbox, from where MAIL_BACKEND sends it."""

    def __init__(self, fail_silently: bool = False, **options: Any) -> None:
        super().__init__(fail_silently)
        self._options = options

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            link = get_connection(settings.MAIL_BACKEND, **self._options)
            outbox.put(partial(link.send_messages, [message]))
        return len(email_messages)


class ResetForm(PasswordResetForm):
    """Looks the account up after the response. The link leads to SITE_URL, whatever host the
    request named."""

    def save(self, **options: Any) -> None:
        site = urlsplit(settings.SITE_URL)
        options |= {"domain_override": site.netloc, "use_https": site.scheme == "https"}
        outbox.put(partial(super().save, **options | {"request": None}))
