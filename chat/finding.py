"""Search in the titles and messages of a user's conversations, within a time limit."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from django.db import OperationalError
from django.db.models import BooleanField, F, Func, Model, OuterRef, Q, Subquery, Value

from .casing import fold
from .database import atomic, connection
from .engine.lanes import Lane, Link
from .engine.turns import Turns
from .models import Conversation, Message

FOUND_AT_MOST = 30  # conversations
LONGEST = 2.0  # seconds, for each query
QUERY_CANCELED = "57014"  # PostgreSQL's SQLSTATE
INTERRUPTED = "SQLITE_INTERRUPT"
INTERRUPTED_EVERY = 0.1  # seconds, once the time is over


Found = tuple[Conversation, str]


class TooSlow(Exception):
    """A query took too long and was cancelled."""


class Searches:
    """One per process. All searches share one connection, and no page waits for them."""

    def __init__(self, link: Link) -> None:
        self.lane, self._turns = Lane("search", 1, link), Turns()

    async def find(self, user: Model, words: str) -> list[Found]:
        """As `find` below, in turn: each user has one search at a time."""
        async with self._turns.of(user.pk):
            return await self.lane.repeat(find, user, words)

    async def close(self) -> None:
        await self.lane.close()


def find(user: Model, words: str) -> list[Found]:
    """The newest conversations that contain the words; if there are more than shown, one more.

    Each comes with the text of its newest matching message, whose id is in `hit`; empty if only
    the title matches. Raises TooSlow.
    """
    with _within(LONGEST):
        has_words = Message.objects.filter(_contains("text", words), conversation=OuterRef("pk"))
        newest = has_words.order_by("-position").values("pk")[:1]
        mine = Conversation.objects.owned_by(user).annotate(hit=Subquery(newest))
        found = mine.filter(_contains("title", words) | Q(hit__isnull=False))
        listed = list(found.order_by("-updated_at", "-pk")[: FOUND_AT_MOST + 1])
        hits = Message.objects.filter(pk__in=[each.hit for each in listed if each.hit])
        texts = dict(hits.values_list("pk", "text"))
    return [(each, texts.get(each.hit, "")) for each in listed]


def _contains(field: str, words: str) -> Q:
    """Case-insensitive in all of Unicode; SQLite's LIKE is so for ASCII only."""
    if connection.vendor == "sqlite" and not words.isascii():
        arguments = F(field), Value(fold(words))
        return Q(Func(*arguments, function="chat_holds", output_field=BooleanField()))
    return Q(**{f"{field}__icontains": words})


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Cancel each query in this block that takes longer. Raises TooSlow."""
    bound = _within_sqlite if connection.vendor == "sqlite" else _within_postgresql
    try:
        with bound(seconds):
            yield
    except OperationalError as error:
        cause = error.__cause__
        if getattr(cause, "sqlstate", None) != QUERY_CANCELED and (
            getattr(cause, "sqlite_errorname", None) != INTERRUPTED
        ):
            raise
        raise TooSlow from error


@contextmanager
def _within_postgresql(seconds: float) -> Iterator[None]:
    """For one transaction only: behind a pooler, the next one may be another client's."""
    with atomic(), connection.cursor() as cursor:
        milliseconds = str(round(seconds * 1_000))
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [milliseconds])
        yield


@contextmanager
def _within_sqlite(seconds: float) -> Iterator[None]:
    """From another thread: a progress handler of SQLite's would need the GIL all the time."""
    connection.ensure_connection()
    link = connection.connection
    link.create_function("chat_holds", 2, _holds, deterministic=True)
    done = Event()
    watching = Thread(target=_interrupt, args=(link, done, seconds))
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()  # so that it cannot interrupt the next query


def _interrupt(link: Any, done: Event, seconds: float) -> None:
    """Again and again, because a query that has not quite begun does not hear it."""
    while not done.wait(seconds):
        link.interrupt()
        seconds = INTERRUPTED_EVERY


def _holds(text: str, folded: str) -> bool:
    return folded in fold(text)
