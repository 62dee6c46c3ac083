"""Conversations in the list of their owner: named, pinned, archived, deleted."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..database import atomic
from .message import Message
from .person import lock

UNDO_FOR = timedelta(minutes=10)  # after a conversation was deleted
PINNED_AT_MOST = 50  # conversations of one user; all of them are always listed


class TooManyPinned(Exception):
    """The owner has pinned as many conversations as allowed."""


class KeptQuerySet(models.QuerySet):
    def owned_by(self, user: models.Model) -> Self:
        """Deleted conversations belong to nobody."""
        return self.filter(user=user, deleted_at=None)

    def restorable_by(self, user: models.Model) -> Self:
        """The user's own, including those deleted a short while ago."""
        lately = models.Q(deleted_at__gt=timezone.now() - UNDO_FOR)
        return self.filter(lately | models.Q(deleted_at=None), user=user)

    def purgeable(self) -> Self:
        """Deleted, and too long ago to be restored."""
        return self.filter(deleted_at__lte=timezone.now() - UNDO_FOR)

    @atomic()
    def erase(self) -> int:
        """Delete them for good; returns the number of rows.

        Deleting and writing lock in the same order, so that they cannot deadlock: conversations by
        id, then their running replies by id. Rows that are gone by then are no error.
        """
        chosen = list(self.values_list("pk", flat=True))
        found = self.model.objects.filter(pk__in=chosen)
        pks = list(found.order_by("pk").select_for_update().values_list("pk", flat=True))
        Message.objects.running().filter(conversation__in=pks).lock()
        return self.model.objects.filter(pk__in=pks).delete()[0]

    def with_activity(self) -> Self:
        """Newest first, each with `is_answering`."""
        running = Message.objects.running().filter(conversation=models.OuterRef("pk"))
        activity = models.Exists(running)
        return self.annotate(is_answering=activity).order_by("-updated_at", "-pk")

    def after(self, updated_at: datetime, pk: uuid.UUID) -> Self:
        """Those after this one in the order of `with_activity`."""
        return self.filter(updated_at__lte=updated_at).exclude(updated_at=updated_at, pk__gte=pk)

    def version(self, user: models.Model) -> str:
        """Changes whenever anything in the user's list does, deletions included."""
        newest = self.filter(user=user).order_by("-changed_at")
        changed_at = newest.values_list("changed_at", flat=True).first()
        return changed_at.isoformat() if changed_at else ""


class Kept(models.Model):
    """A conversation in the list of its owner: its title, where it is listed, and deletion."""

    class TitledBy(models.TextChoices):
        WORDS = "words", _("its first words")
        MODEL = "model", _("the model")
        PERSON = "person", _("its owner")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="chat_conversations",
        verbose_name=_("owner"),
    )
    title = models.CharField(_("title"), max_length=200)
    titled_by = models.CharField(
        _("named by"), max_length=6, choices=TitledBy, default=TitledBy.WORDS, editable=False
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("last activity"), default=timezone.now, editable=False)
    # The last change to what its owner's pages show of it.
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    pinned_at = models.DateTimeField(null=True, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)  # can be undone for a while

    objects = KeptQuerySet.as_manager()

    class Meta:
        abstract = True

    def rename(self, title: str) -> None:
        """The owner's own title, which the model no longer replaces."""
        self._keep(title=title, titled_by=self.TitledBy.PERSON)

    def accept_title(self, title: str) -> bool:
        """The model's title, in place of the first words; False if the owner has named it."""
        untitled = type(self).objects.filter(
            pk=self.pk, titled_by=self.TitledBy.WORDS, deleted_at=None
        )
        named = {"title": title, "titled_by": self.TitledBy.MODEL, "changed_at": timezone.now()}
        return untitled.update(**named) == 1

    @atomic()
    def pin(self) -> None:
        """List it above the others. Raises TooManyPinned.

        Locks in the order in which deleting does: conversations before their owner.
        """
        type(self).objects.select_for_update().get(pk=self.pk)
        lock(self.user_id)
        mine = type(self).objects.owned_by(self.user)
        if mine.exclude(pk=self.pk).filter(pinned_at__isnull=False).count() >= PINNED_AT_MOST:
            raise TooManyPinned
        self._keep(pinned_at=timezone.now(), archived_at=None)

    def unpin(self) -> None:
        self._keep(pinned_at=None)

    def archive(self) -> None:
        """Unlist it; it can still be found."""
        self._keep(archived_at=timezone.now(), pinned_at=None)

    def unarchive(self) -> None:
        self._keep(archived_at=None)

    def remove(self) -> None:
        """Hide it from everyone; it can be restored for a while."""
        self._keep(deleted_at=timezone.now())

    def restore(self) -> None:
        self._keep(deleted_at=None)

    def note_change(self) -> None:
        """Have its owner's pages refresh it."""
        self._keep()

    def _keep(self, **changes: object) -> None:
        """In one update of these columns, so that concurrent changes to others survive."""
        changes["changed_at"] = timezone.now()
        for name, value in changes.items():
            setattr(self, name, value)
        type(self).objects.filter(pk=self.pk).update(**changes)
