"""A conversation that others may read by a link."""

import uuid

from django.db import models, transaction

from .keeping import Kept


class NothingToShare(Exception):
    """The conversation has no reply yet that has settled."""


class Shared(Kept):
    """The part of a conversation that its person gives to others to read."""

    # Who has the link reads the branch that ends at `shared_head`.
    share_token = models.UUIDField(null=True, unique=True, editable=False)
    shared_head = models.ForeignKey(
        "Message", models.SET_NULL, null=True, related_name="+", editable=False
    )

    class Meta:
        abstract = True

    def share(self) -> None:
        """Let who has the link read the branch as it is now; once more, and the link stays.

        Messages are never overwritten, so the branch that ends at `shared_head` is the copy. A
        reply that is being written is no part of it, nor is the message that it answers. Raises
        NothingToShare when that leaves nothing.
        """
        with transaction.atomic():
            locked = type(self).objects.select_for_update().get(pk=self.pk)
            head = locked.head
            if head and head.is_running:
                head = head.parent.parent
            if head is None:
                raise NothingToShare
            token = locked.share_token or uuid.uuid4()
            self._keep(share_token=token, shared_head=head)

    def unshare(self) -> None:
        """The link leads nowhere from now on; a later one is another."""
        self._keep(share_token=None, shared_head=None)
