import uuid
from textwrap import shorten
from typing import Any, Self

from django.db import models
from django.db.models.functions import Now
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .. import markup
from ..database import atomic
from .endings import State
from .keeping import KeptQuerySet
from .message import Message
from .notice import Notice
from .sharing import Shared

TITLE_CHARS = 80
INSTRUCTION_CHARS = 8_000


class ReplyRunning(Exception):
    """The conversation has a reply that is still being written."""


class Conversation(Shared):
    # Sent to the provider before the conversation, after the site's own.
    instruction = models.TextField(_("instructions"), blank=True)

    class Meta:
        verbose_name = _("chat")
        verbose_name_plural = _("chats")
        indexes = [
            models.Index(fields=["user", "-updated_at", "-id"], name="conversation_of_user"),
            models.Index(
                fields=["user", "-updated_at", "-id"],
                condition=models.Q(pinned_at=None, archived_at=None, deleted_at=None),
                name="conversation_listed",
            ),
            models.Index(
                fields=["user", "-updated_at", "-id"],
                condition=models.Q(pinned_at__isnull=False),
                name="conversation_pinned",
            ),
            models.Index(
                fields=["user", "-updated_at", "-id"],
                condition=models.Q(archived_at__isnull=False),
                name="conversation_archived",
            ),
            models.Index(fields=["-updated_at", "-id"], name="conversation_by_activity"),
            models.Index(fields=["user", "-changed_at"], name="conversation_by_change"),
            models.Index(
                fields=["deleted_at"],
                condition=models.Q(deleted_at__isnull=False),
                name="conversation_deleted",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("chat:conversation", args=[self.pk])

    @classmethod
    def begin(cls, user: models.Model, text: str, *, instruction: str = "") -> Self:
        """A new conversation, named after its first words; its first `post` stores it."""
        first_line = markup.topic(text)
        words = shorten(first_line, TITLE_CHARS, placeholder="…")
        title = first_line[:TITLE_CHARS] if words == "…" else words  # one very long word
        return cls(user=user, title=title or "…", instruction=instruction)

    def instruct(self, instruction: str) -> None:
        """Set the instruction for future replies; earlier ones stay as they are."""
        self.instruction, self.changed_at = instruction, timezone.now()
        self.save(update_fields=["instruction", "changed_at"])

    def post(
        self,
        text: str,
        *,
        model: str,
        writer: uuid.UUID,
        reply_id: uuid.UUID | None = None,
        client_id: uuid.UUID | None = None,
        replaces: "Message | None" = None,
    ) -> "Message":
        """Store the user's message and an empty reply in one transaction; returns the reply.

        It goes after the head, or in the place of the message that it `replaces`: that one and
        its answers are kept. Raises ReplyRunning if a reply is still being written here, and
        IntegrityError if a message with this `client_id` or a reply `reply_id` is already stored,
        or the writer has no row.
        """
        with atomic(savepoint=False):
            head = None if self._state.adding else self._locked_head()
            before = replaces.parent if replaces else head
            message = Message(
                conversation=self,
                role=Message.Role.USER,
                parent=before,
                position=before.position + 1 if before else 0,
                text=text,
                client_id=client_id,
            )
            reply = self._answer_to(message, model, writer, reply_id)
            self._store([message, reply])
            return reply

    def retry(
        self,
        reply: "Message",
        *,
        model: str,
        writer: uuid.UUID,
        reply_id: uuid.UUID | None = None,
    ) -> "Message":
        """Another reply to the message that `reply` answers; the earlier one is kept."""
        with atomic(savepoint=False):
            self._locked_head()
            another = self._answer_to(reply.parent, model, writer, reply_id)
            self._store([another])
            return another

    def show(self, version: "Message") -> None:
        """Show the branch of this message, down to its newest end.

        Raises ReplyRunning: a reply being written stays on the page with its Stop.
        """
        with atomic():
            self._locked_head()
            self.head, self.changed_at = Message.objects.newest_below(version.pk), timezone.now()
            self.save(update_fields=["head", "changed_at"])

    def resume(self, reply: "Message", *, writer: uuid.UUID) -> bool:
        """Run a reply that ended early again, from its text; False if it already runs."""
        with atomic(savepoint=False):
            self._locked_head()
            ended_early = Message.objects.filter(pk=reply.pk, state__in=State.settled_early())
            again = {"state": State.WAITING, "owner_id": writer, "error": "", "finish_reason": ""}
            again |= {"stop_requested": False, "takeovers": 0}
            for name, value in again.items():
                setattr(reply, name, value)
            self.note_change()
            if not ended_early.update(**again, followed_at=Now()):
                return False
            Notice.store(Notice.What.BEGUN, reply.pk)
            return True

    def _locked_head(self) -> "Message | None":
        """The head, locked: changes wait here in turn. Raises ReplyRunning."""
        locked = Conversation.objects.select_for_update().get(pk=self.pk, deleted_at=None)
        running = models.Q(conversation=self, state__in=State.running())
        found = list(Message.objects.filter(models.Q(pk=locked.head_id) | running))
        if any(message.is_running for message in found):
            raise ReplyRunning
        return found[0] if found else None

    def _answer_to(
        self, message: "Message", model: str, writer: uuid.UUID, reply_id: uuid.UUID | None
    ) -> "Message":
        return Message(
            pk=reply_id or uuid.uuid4(),
            conversation=self,
            role=Message.Role.ASSISTANT,
            parent=message,
            position=message.position + 1,
            model=model,
            state=State.WAITING,
            owner_id=writer,
        )

    def _store(self, messages: "list[Message]") -> None:
        """The last of the messages, a reply, becomes the head."""
        reply = messages[-1]
        self.head_id, self.updated_at = reply.pk, timezone.now()
        self.changed_at = self.updated_at
        if self._state.adding:
            self.save(force_insert=True)  # the head's foreign key is checked at commit
        else:
            self.save(update_fields=["head", "updated_at", "changed_at"])
        Message.objects.bulk_create(messages)
        Notice.store(Notice.What.BEGUN, reply.pk)


@receiver(pre_delete, sender=Conversation)
def _take_from_writer(instance: Conversation, origin: Any, **_: Any) -> None:
    """However it is deleted, its row locks keep the reply's writer from storing another piece.

    Deleting a user cascades to all of theirs: rows are locked in `erase`'s order.
    """
    if not isinstance(origin, Conversation | KeptQuerySet):
        Conversation.objects.select_for_update().filter(pk=instance.pk).first()
        Message.objects.running().filter(conversation__user=instance.user_id).lock()
    Message.objects.running().filter(conversation=instance).update(owner=None)
