"""Pending calls of the site's signal receivers: chat/signals.py."""

import logging
from datetime import timedelta
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from .. import signals

logger = logging.getLogger(__name__)

TOLD_WITHIN = 10.0  # seconds that a receiver has
LEASE = timedelta(seconds=1.5 * TOLD_WITHIN)  # until others deliver it, if its process died
FIRST_PAUSE = 1.0  # seconds after the first try that failed; doubled after each further one
LONGEST_PAUSE = 3600.0  # seconds
MOST_TRIES = 36  # which takes about a day
UNHEARD_FOR = timedelta(days=1)  # until a receiver that no process has is dropped
PURGED_AT_ONCE = 1_000


class Notice(models.Model):
    """A call of one receiver for one reply. Stored with the change, deleted once told.

    Times are the database's: the clocks of processes may be wrong.
    """

    class What(models.TextChoices):
        BEGUN = "begun"
        SETTLED = "settled"

    id = models.BigAutoField(primary_key=True)
    what = models.CharField(max_length=7, choices=What)
    receiver = models.TextField()  # its name
    # No foreign key: deleting a conversation must not wait for a delivery.
    reply = models.UUIDField()
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(db_default=Now())  # until then nobody else delivers it
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["receiver", "due_at"], name="notice_due")]

    def __str__(self) -> str:
        return f"{self.receiver}: {self.reply} has {self.what}"

    @classmethod
    def store(cls, what: str, reply: UUID) -> None:
        """In the transaction of the change itself; settling does so in `tick`."""
        if names := signals.receivers(what):
            cls.objects.bulk_create(cls(what=what, receiver=name, reply=reply) for name in names)

    @classmethod
    def claim(cls, what: str, receiver: str, most: int) -> list[Self]:
        """Those for this process to deliver now. If it dies, another one does."""
        mine = cls.objects.filter(what=what, receiver=receiver, tries__lt=MOST_TRIES)
        waiting = mine.filter(due_at__lte=Now())
        return [each for each in waiting.order_by("due_at", "pk")[:most] if each._claim()]

    def told(self) -> None:
        """The receiver succeeded."""
        Notice.objects.filter(pk=self.pk).delete()

    def postpone(self) -> float:
        """The receiver failed; returns the seconds until it is retried."""
        pause = min(FIRST_PAUSE * 2 ** min(self.tries - 1, 20), LONGEST_PAUSE)
        mine = Notice.objects.filter(pk=self.pk, tries=self.tries)
        mine.update(due_at=Now() + timedelta(seconds=pause))
        return pause

    @classmethod
    def give_back(cls, pks: list[int]) -> None:
        """This process shuts down before they are told: others may tell them now."""
        cls.objects.filter(pk__in=pks).update(due_at=Now())

    @classmethod
    def purge(cls) -> None:
        """Drop what was tried often enough, and what has no receiver any more.

        Not by their age alone: the whole site may have been down.
        """
        known = [name for what in cls.What.values for name in signals.receivers(what)]
        exhausted = models.Q(tries__gte=MOST_TRIES, due_at__lte=Now())
        old = models.Q(created_at__lte=Now() - UNHEARD_FOR) & ~models.Q(receiver__in=known)
        for each in cls.objects.filter(exhausted | old)[:PURGED_AT_ONCE]:
            if cls.objects.filter(pk=each.pk).delete()[0]:
                logger.error("Given up after %d tries: %s", each.tries, each)

    def _claim(self) -> bool:
        same = Notice.objects.filter(pk=self.pk, tries=self.tries, due_at__lte=Now())
        self.tries += 1
        return same.update(tries=F("tries") + 1, due_at=Now() + LEASE) == 1
