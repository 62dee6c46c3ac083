import uuid
from time import monotonic

from django.db import models
from django.db.models.functions import Now

from . import sql, tick

FRESH = 0.5  # seconds that a reading of a lease stays valid


class Writer(models.Model):
    """A process that writes replies. Its lease covers them all; once it runs out, others take over.

    The row is renewed in the transactions that store pieces, and deleted to end the lease: then
    nothing more can be stored for the replies that it owned.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Only compared for changes: clocks may be wrong.
    renewed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def enlist(cls, pk: uuid.UUID) -> None:
        """Have a row for replies to refer to. Only storing pieces renews a lease."""
        cls.objects.bulk_create([cls(pk=pk)], ignore_conflicts=True)

    @classmethod
    def end_silent(cls, pk: uuid.UUID, renewal: str, decided: float) -> bool:
        """End the lease of another process; False if it has been renewed since `renewal`.

        `decided` is when that was found, by this process's monotonic clock: after waiting for a
        lock or being paused, the finding is stale.
        """
        with sql.transaction() as batch:
            silent = tick.is_silent(batch, pk, renewal) and monotonic() - decided < FRESH
            if silent:
                tick.end_lease(batch, pk, has_died=True)
        return silent

    @classmethod
    def retire(cls, pk: uuid.UUID) -> None:
        """End our own lease: others may take over at once."""
        with sql.transaction() as batch:
            tick.end_lease(batch, pk, has_died=False)
