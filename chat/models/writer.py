import uuid
from datetime import timedelta

from django.db import connection, models, transaction
from django.db.models.functions import Now

from . import tick


class Writer(models.Model):
    """A process that writes replies. Its lease covers all of them; who finds it run out takes over.

    The row is renewed in each transaction that stores pieces, and deleted to end the lease: a
    writer whose row is gone can store nothing more.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    renewed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def enlist(cls, pk: uuid.UUID) -> None:
        """Begin a lease, or renew it."""
        if not cls.renew(pk):
            cls.objects.create(pk=pk)

    @classmethod
    def renew(cls, pk: uuid.UUID) -> bool:
        """False when the lease has been ended."""
        with connection.cursor() as cursor:
            return tick.renew(cursor, pk)

    @classmethod
    def end_expired(cls, lease: float) -> int:
        """End the leases not renewed for `lease` seconds; the number of them.

        By the database's clock, and passing over those that are being renewed at this moment.
        """
        silent = cls.objects.filter(renewed_at__lt=Now() - timedelta(seconds=lease))
        if not silent.exists():
            return 0
        with transaction.atomic():
            locked = silent.select_for_update(
                skip_locked=connection.features.has_select_for_update_skip_locked
            )
            return sum(cls.objects.filter(pk=writer.pk).delete()[0] > 0 for writer in locked)
