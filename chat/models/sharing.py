"""A conversation that others may read by a link."""

import uuid

from django.db import models, transaction

from .keeping import Kept
from .message import Message


class NothingToShare(Exception):
    """The conversation has no reply yet that has settled."""


class Shared(Kept):
    """The part of a conversation that its person gives to others to read."""

    # Who has the link reads the branch that ends at `shared_head`.
    share_token = models.UUIDField(null=True, unique=True, editable=False)
    shared_head = models.ForeignKey(
        "Message", models.SET_NULL, null=True, related_name="+", editable=False
    )
    # The title and how far that reply had come by then; null for links from before this was kept.
    shared_as = models.JSONField(null=True, editable=False)

    class Meta:
        abstract = True

    def share(self) -> None:
        """Let who has the link read the branch as it is now; once more, and the link stays.

        Messages are never overwritten, so the branch that ends at `shared_head` is the copy, and
        only that one may be continued later. A reply that is being written is no part of it, nor
        is the message that it answers; if a copy has it from before, that one stays as it is.
        Raises NothingToShare when that leaves nothing.
        """
        with transaction.atomic():
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
        """The link leads nowhere from now on; a later one is another."""
        self._keep(share_token=None, shared_head=None, shared_as=None)

    @property
    def shared_title(self) -> str:
        return self.shared_as["title"] if self.shared_as else self.title

    def put_back(self, head: Message) -> None:
        """Give `head` the form in which it was shared. To continue a reply only adds to it."""
        if not self.shared_as or head.pk != self.shared_head_id:
            return
        if len(head.text) != self.shared_as["chars"]:
            head.text, head.rendered_by = head.text[: self.shared_as["chars"]], 0
        head.reasoning = head.reasoning[: self.shared_as["reasoning_chars"]]
        head.state = self.shared_as["state"]


def _as_it_is(title: str, head: Message) -> dict[str, str | int]:
    return {
        "title": title,
        "state": head.state,
        "chars": len(head.text),
        "reasoning_chars": len(head.reasoning),
    }
