"""What one person may use. Each limit says what it is and when it is over."""

from datetime import timedelta

from django.db.models import Model
from django.utils import timezone
from django.utils.translation import ngettext

from .conf import conf
from .models import Message

MINUTE = timedelta(minutes=1)


class LimitReached(Exception):
    """`text` is for people; `retry_after` says in how many seconds it may work again."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.text, self.retry_after = text, max(1, round(retry_after))


def check_messages_per_minute(user: Model) -> None:
    """20 messages a minute; having one answered again counts like sending it."""
    now, limit = timezone.now(), conf().CHAT_MESSAGES_PER_MINUTE
    recent = Message.objects.owned_by(user).replies().filter(created_at__gt=now - MINUTE)
    times = list(recent.order_by("-created_at").values_list("created_at", flat=True)[:limit])
    if len(times) >= limit:
        wait = max(1, round((times[-1] + MINUTE - now).total_seconds()))
        text = ngettext(
            "You can send %(limit)d messages a minute. Try again in %(wait)d second.",
            "You can send %(limit)d messages a minute. Try again in %(wait)d seconds.",
            wait,
        )
        raise LimitReached(text % {"limit": limit, "wait": wait}, wait)


def check_running_replies(user: Model) -> None:
    """4 replies being written at the same time."""
    limit = conf().CHAT_RUNNING_PER_USER
    if Message.objects.owned_by(user).running().count() >= limit:
        text = ngettext(
            "%d of your conversations is being answered. Wait for it, or stop it.",
            "%d of your conversations are being answered. Wait for one of them, or stop one.",
            limit,
        )
        raise LimitReached(text % limit, 10)
