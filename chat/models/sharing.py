"""A conversation that others may read by a link."""

import uuid
from typing import Self

from django.db import models

from ..database import atomic
from .keeping import Kept, KeptQuerySet
from .message import Message


class NothingToShare(Exception):
    """The conversation has no settled reply yet."""


class SharedQuerySet(KeptQuerySet):
    def shared(self) -> Self:
        """Those that anyone with the link may read, while the owner is active."""
        return self.filter(share_token__isnull=False, deleted_at=None, user__is_active=True)


class Shared(Kept):
    """A conversation with two branches: the one its owner sees, and the one others may read."""

    # The newest message of the branch that is shown.
    head = models.ForeignKey(
        "Message", models.SET_NULL, null=True, related_name="+", editable=False
    )
    # Those with the link read the branch that ends at `shared_head`.
    share_token = models.UUIDField(null=True, unique=True, editable=False)
    shared_head = models.ForeignKey(
        "Message", models.SET_NULL, null=True, related_name="+", editable=False
    )
    # The title and that reply's state and length at the time; null for links from before.
    shared_as = models.JSONField(null=True, editable=False)

    objects = SharedQuerySet.as_manager()

    class Meta:
        abstract = True

    def share(self) -> None:
        """Let anyone with the link read the branch as it is now. Sharing again keeps the link.

        Messages are never overwritten, so the branch that ends at `shared_head` is the copy; only
        that message may be continued later. A reply being written is excluded, and so is the
        message that it answers; a copy that already has the reply stays as it is.
        Raises NothingToShare if nothing is left.
        """
        with atomic():
            locked = type(self).objects.select_for_update().get(pk=self.pk)
            head = locked.head
            if head and head.is_running:
                if head.pk == locked.shared_head_id:
                    return
                head = head.parent.parent
            if head is None:
                raise NothingToShare
            token = locked.share_token or uuid.uuid4()
            self._keep(share_token=token, shared_head=head, shared_as=_as_it_is(locked.title, head))

    def unshare(self) -> None:
        """Revoke the link; sharing again makes a new one."""
        self._keep(share_token=None, shared_head=None, shared_as=None)

    @property
    def shared_title(self) -> str:
        return self.shared_as["title"] if self.shared_as else self.title

    def put_back(self, head: Message) -> None:
        """Restore `head` as it was shared. Continuing a reply only adds to it."""
        if not self.shared_as or head.pk != self.shared_head_id:
            return
        log = head.log.cut(self.shared_as["length"])
        if len(log) != len(head.log):
            head.text, head.parts, head.rendered_by = log.text, log.parts_to_store(), 0
        head.state = self.shared_as["state"]


def _as_it_is(title: str, head: Message) -> dict[str, str | int]:
    return {"title": title, "state": head.state, "length": len(head.log)}
