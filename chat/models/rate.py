from time import time
from typing import Any

from django.db import models
from django.db.models import F

from ..database import connection
from .sql import Batch

# One statement, so that two at the same moment never count as one. Whatever a wrong clock has
# stored, a window is over after its own length.
COUNT = """
    INSERT INTO chat_rate AS rate (what, who, times, ends_at) VALUES (%s, %s, 1, %s)
    ON CONFLICT (what, who) DO UPDATE SET
        times = CASE WHEN rate.ends_at > %s THEN rate.times + 1 ELSE 1 END,
        ends_at = CASE WHEN rate.ends_at > %s AND rate.ends_at < excluded.ends_at
            THEN rate.ends_at ELSE excluded.ends_at END
    RETURNING times, ends_at - %s"""


class Rate(models.Model):
    """How often someone has done something, in a window that begins with the first time."""

    pk = models.CompositePrimaryKey("what", "who")
    what = models.CharField(max_length=20)
    who = models.CharField(max_length=64)
    times = models.PositiveIntegerField()
    ends_at = models.FloatField()  # seconds since 1970

    class Meta:
        indexes = [models.Index(fields=["ends_at"], name="rate_by_end")]

    def __str__(self) -> str:
        return f"{self.what} of {self.who}: {self.times}"

    @classmethod
    def count(cls, what: str, who: str, window: float) -> tuple[int, float]:
        """Count once more; returns the count, and the seconds until the window ends.

        In a transaction, counting again for the same key waits for its end; a rollback undoes it.
        """
        with connection.cursor() as cursor:
            ((times, wait),) = Batch(cursor).ask(*cls.counting(what, who, window))
        return times, wait

    @staticmethod
    def counting(what: str, who: str, window: float) -> tuple[Any, ...]:
        """`count` as a statement with its parameters, for a batch."""
        now = time()
        return COUNT, what, who, now + window, now, now, now

    @classmethod
    def give_back(cls, what: str, who: str) -> None:
        """Uncount one."""
        counted = cls.objects.filter(what=what, who=who, times__gt=0)
        counted.update(times=F("times") - 1)

    @classmethod
    def purge(cls) -> None:
        """Delete past windows."""
        cls.objects.filter(ends_at__lte=time()).delete()
