"""Limits for each user. Each says what was exceeded and when to try again.

Everything is counted in the database before it is done, so that the limits hold across processes,
restarts and simultaneous requests.
"""

from unicodedata import normalize

from django.db import InternalError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .addresses import address_of
from .conf import conf
from .database import connection
from .engine.database import is_outage
from .models import Rate
from .models.sql import Batch
from .models.tick import COUNT_RUNNING
from .refusals import Refused

MINUTE = 60  # seconds
# How often, within how many seconds.
SEARCHES = 60, MINUTE
SHARED = 300, MINUTE
NAMED, UNNAMED = (10, 15 * MINUTE), (100, 15 * MINUTE)  # attempts to log in
RESETS, RESETS_FROM = (5, 60 * MINUTE), (20, 60 * MINUTE)


class LimitReached(Refused):
    """`retry_after` is rounded to whole seconds, and at least one."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text, 429, max(1, round(retry_after)))


def check_sending(user: Model) -> None:
    """20 messages a minute, and 4 replies being written at the same time. Raises LimitReached.

    Retrying and continuing a reply count as messages. Runs in the transaction that stores the
    reply: what is not stored does not count.
    """
    times, wait, running = _count_message(user)
    if times > conf().CHAT_MESSAGES_PER_MINUTE:
        text = _("You can send %(limit)d messages a minute. Try again in %(wait)s.")
        raise _reached(text, conf().CHAT_MESSAGES_PER_MINUTE, wait)
    _refuse_more_replies(running)


def check_searching(user: Model) -> None:
    """60 searches a minute: the page searches as you type. Raises LimitReached."""
    text = _("You can search %(limit)d times a minute. Try again in %(wait)s.")
    _check("search", str(user.pk), SEARCHES, text)


def check_reading_shared(request: HttpRequest) -> None:
    """300 shared pages a minute for a user, or for an address. Raises LimitReached."""
    user = request.user
    who = str(user.pk) if user.is_authenticated else _hashed(address_of(request))
    text = _("You can open %(limit)d pages a minute. Try again in %(wait)s.")
    _check("shared", who, SHARED, text)


def check_signing_in(request: HttpRequest, name: str) -> None:
    """10 attempts in 15 minutes for one name from one address, 100 for all names from it.

    Raises LimitReached. Guessing someone's password does not lock them out at another address.
    """
    text = _("There were too many attempts to log in. Try again in %(wait)s.")
    for (what, who), limit in zip(_signing_in(request, name), (NAMED, UNNAMED), strict=True):
        _check(what, who, limit, text)


def forget_signing_in(request: HttpRequest, name: str) -> None:
    """Do not count the last attempt: it succeeded."""
    for what, who in _signing_in(request, name):
        Rate.give_back(what, who)


def check_password_reset(request: HttpRequest, email: str) -> None:
    """5 emails an hour to one mailbox, 20 requested by one address. Raises LimitReached.

    Counted whether or not there is an account. Links that were sent before stay valid.
    """
    text = _("Too many links were asked for. Check your email, or try again in %(wait)s.")
    _check("reset", _hashed(email.casefold()), RESETS, text)
    _check("reset-from", _hashed(address_of(request)), RESETS_FROM, text)


def _check(what: str, who: str, limit: tuple[int, int], text: str) -> None:
    possible, window = limit
    try:
        times, wait = Rate.count(what, who, window)
    except InternalError as error:
        if not is_outage(error):
            raise
        return  # a standby: reading from it still works
    if times > possible:
        raise _reached(text, possible, wait)


def _signing_in(request: HttpRequest, name: str) -> list[tuple[str, str]]:
    address = address_of(request)
    same = normalize("NFKC", name).casefold()
    return [("sign-in", _hashed(address, same)), ("sign-in-from", _hashed(address))]


def _hashed(*parts: str) -> str:
    """A hash, so that addresses and names can be counted without being stored."""
    return salted_hmac("chat.limits", "\n".join(parts), algorithm="sha256").hexdigest()


def _count_message(user: Model) -> tuple[int, float, int]:
    """Messages in this window, seconds until it ends, and running replies.

    In one round trip, as it is needed for each message.
    """
    with connection.cursor() as cursor:
        batch = Batch(cursor)
        batch.add(*Rate.counting("message", str(user.pk), MINUTE))
        batch.add(COUNT_RUNNING, user.pk)
        ((times, wait),), ((running,),) = batch.run()
    return times, wait, running


def _refuse_more_replies(running: int) -> None:
    limit = conf().CHAT_RUNNING_PER_USER
    if running >= limit:
        text = ngettext(
            "%d of your chats is being answered. Wait for it, or stop it.",
            "%d of your chats are being answered. Wait for one of them, or stop one.",
            limit,
        )
        raise LimitReached(text % limit, 10)


def _reached(text: str, limit: int, wait: float) -> LimitReached:
    return LimitReached(text % {"limit": limit, "wait": _in_words(wait)}, wait)


def _in_words(wait: float) -> str:
    seconds = max(1, round(wait))
    if seconds <= MINUTE:
        return ngettext("%d second", "%d seconds", seconds) % seconds
    minutes = -(-seconds // MINUTE)
    return ngettext("%d minute", "%d minutes", minutes) % minutes
