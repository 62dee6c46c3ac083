"""How people keep their conversations: renamed, pinned, put away, deleted for good or not."""

from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from django.db import models
from django.utils import timezone

from .message import Message

UNDO_FOR = timedelta(minutes=10)  # after a conversation was deleted
PINNED_AT_MOST = 50  # conversations of one person; all of them are always listed


class TooManyPinned(Exception):
    """The person has pinned as many conversations as they may."""


class KeptQuerySet(models.QuerySet):
    def owned_by(self, user: models.Model) -> Self:
        """What is deleted is nobody's any more."""
        return self.filter(user=user, deleted_at=None)

    def shared(self) -> Self:
        """Those that who has the link may read."""
        return self.filter(share_token__isnull=False, deleted_at=None)

    def restorable_by(self, user: models.Model) -> Self:
        """The person's own, and what they have deleted a short while ago."""
        lately = models.Q(deleted_at__gt=timezone.now() - UNDO_FOR)
        return self.filter(lately | models.Q(deleted_at=None), user=user)

    def purgeable(self) -> Self:
        """Deleted, and nobody can take it back any more."""
        return self.filter(deleted_at__lte=timezone.now() - UNDO_FOR)

    def with_activity(self) -> Self:
        """Newest first, each with `is_answering`."""
        running = Message.objects.running().filter(conversation=models.OuterRef("pk"))
        activity = models.Exists(running)
        return self.annotate(is_answering=activity).order_by("-updated_at", "-pk")

    def behind(self, updated_at: datetime, pk: UUID) -> Self:
        """Those that come after this place in the order of `with_activity`."""
        return self.filter(updated_at__lte=updated_at).exclude(updated_at=updated_at, pk__gte=pk)

    def version(self, user: models.Model) -> str:
        """Another one whenever something in the person's list has changed, deletions included."""
        newest = self.filter(user=user).order_by("-changed_at")
        changed_at = newest.values_list("changed_at", flat=True).first()
        return changed_at.isoformat() if changed_at else ""


class Kept(models.Model):
    """The part of a conversation that its person puts in order."""

    # The last change to what its person's pages show of it, from anywhere.
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    pinned_at = models.DateTimeField(null=True, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)  # can be undone for a while

    class Meta:
        abstract = True

    def rename(self, title: str) -> None:
        """The person's own title; nothing else changes it from now on."""
        self._keep(title=title, titled_by=self.TitledBy.PERSON)

    def pin(self) -> None:
        """List it above the others. Raises TooManyPinned."""
        mine = type(self).objects.owned_by(self.user)
        if mine.exclude(pk=self.pk).filter(pinned_at__isnull=False).count() >= PINNED_AT_MOST:
            raise TooManyPinned
        self._keep(pinned_at=timezone.now(), archived_at=None)

    def unpin(self) -> None:
        self._keep(pinned_at=None)

    def archive(self) -> None:
        """Out of the list; it can still be found."""
        self._keep(archived_at=timezone.now(), pinned_at=None)

    def unarchive(self) -> None:
        self._keep(archived_at=None)

    def remove(self) -> None:
        """Out of everybody's sight, and for a while to be restored."""
        self._keep(deleted_at=timezone.now())

    def restore(self) -> None:
        self._keep(deleted_at=None)

    def note_change(self) -> None:
        """The pages of its person are to show it anew."""
        self._keep()

    def _keep(self, **changes: object) -> None:
        """In one update, so that what somebody else changes at the same moment stays changed."""
        changes["changed_at"] = timezone.now()
        for name, value in changes.items():
            setattr(self, name, value)
        type(self).objects.filter(pk=self.pk).update(**changes)
