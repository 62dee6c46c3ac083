"""What one person may use. Each limit says what it is and when it is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import ngettext

from .conf import conf
from .models import Message

MINUTE = timedelta(minutes=1)

# Asked for each message, so without the ORM. CROSS JOIN has SQLite begin with the few messages that
# the index finds, not with all of the person's. What has been deleted since counts too.
NTH_NEWEST = """
    SELECT m.created_at FROM chat_message m CROSS JOIN chat_conversation c
    WHERE c.id = m.conversation_id AND c.user_id = %s
        AND m.role = 'assistant' AND m.created_at > %s
    ORDER BY m.created_at DESC LIMIT 1 OFFSET %s"""
RUNNING = """
    SELECT count(*) FROM chat_message m CROSS JOIN chat_conversation c
    WHERE c.id = m.conversation_id AND c.user_id = %s AND c.deleted_at IS NULL
        AND m.state IN ('waiting', 'streaming')"""


class LimitReached(Exception):
    """`text` is for people; `retry_after` says in how many seconds it may work again."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.text, self.retry_after = text, max(1, round(retry_after))


def check_messages_per_minute(user: Model) -> None:
    """20 messages a minute; having one answered again counts like sending it."""
    now, limit = timezone.now(), conf().CHAT_MESSAGES_PER_MINUTE
    created_at = Message._meta.get_field("created_at")
    since = created_at.get_db_prep_value(now - MINUTE, connection)
    if found := _ask(NTH_NEWEST, user, since, limit - 1):
        newest = created_at.to_python(found)
        wait = max(1, round((_aware(newest) + MINUTE - now).total_seconds()))
        text = ngettext(
            "You can send %(limit)d messages a minute. Try again in %(wait)d second.",
            "You can send %(limit)d messages a minute. Try again in %(wait)d seconds.",
            wait,
        )
        raise LimitReached(text % {"limit": limit, "wait": wait}, wait)


def check_running_replies(user: Model) -> None:
    """4 replies being written at the same time."""
    limit = conf().CHAT_RUNNING_PER_USER
    if _ask(RUNNING, user) >= limit:
        text = ngettext(
            "%d of your conversations is being answered. Wait for it, or stop it.",
            "%d of your conversations are being answered. Wait for one of them, or stop one.",
            limit,
        )
        raise LimitReached(text % limit, 10)


def _ask(sql: str, user: Model, *params: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, [user._meta.pk.get_db_prep_value(user.pk, connection), *params])
        row = cursor.fetchone()
    return row and row[0]


def _aware(time: datetime) -> datetime:
    """SQLite has no time zones: Django stores UTC there."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
