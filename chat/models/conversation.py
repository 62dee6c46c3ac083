import uuid
from datetime import timedelta
from textwrap import shorten
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Now
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..endings import State
from .keeping import KeptQuerySet
from .message import Message
from .sharing import Shared
from .writer import Writer

TITLE_CHARS = 80
INSTRUCTION_CHARS = 8_000
FIRST_READER = timedelta(seconds=10)  # that whoever follows a new reply has to begin with it


class ReplyRunning(Exception):
    """The conversation has a reply that is still being written."""


class Conversation(Shared):
    class TitledBy(models.TextChoices):
        WORDS = "words", _("its first words")
        MODEL = "model", _("the model")
        PERSON = "person", _("its person")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="conversations",
        verbose_name=_("user"),
    )
    title = models.CharField(_("title"), max_length=200)
    titled_by = models.CharField(
        _("named by"), max_length=6, choices=TitledBy, default=TitledBy.WORDS, editable=False
    )
    # Goes to the provider before the conversation, behind the site's own.
    instruction = models.TextField(_("instruction"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("last activity"), default=timezone.now, editable=False)
    # The newest message of the branch that is shown.
    head = models.ForeignKey(
        "Message", models.SET_NULL, null=True, related_name="+", editable=False
    )

    objects = KeptQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
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
        """A new conversation, named after what it begins with; its first `post` stores it."""
        first_line = text.strip().partition("\n")[0]
        words = shorten(first_line, TITLE_CHARS, placeholder="…")
        title = first_line[:TITLE_CHARS] if words == "…" else words  # one very long word
        return cls(user=user, title=title or "…", instruction=instruction)

    def instruct(self, instruction: str) -> None:
        """What the replies from now on go by; those there are stay as they are."""
        self.instruction, self.changed_at = instruction, timezone.now()
        self.save(update_fields=["instruction", "changed_at"])

    def accept_title(self, title: str) -> bool:
        """The model's title, in the place of the first words; False if the person has named it."""
        untitled = Conversation.objects.filter(
            pk=self.pk, titled_by=self.TitledBy.WORDS, deleted_at=None
        )
        named = {"title": title, "titled_by": self.TitledBy.MODEL, "changed_at": timezone.now()}
        return untitled.update(**named) == 1

    def post(
        self,
        text: str,
        *,
        model: str,
        writer: uuid.UUID,
        client_id: uuid.UUID | None = None,
        replaces: "Message | None" = None,
    ) -> "Message":
        """Store the person's message and the empty reply to it, in one transaction; the reply.

        It goes on behind the head, or in the place of the message that it `replaces`: that one and
        what came of it are kept. Raises ReplyRunning when a reply is still being written here, and
        IntegrityError when a message with this `client_id` is stored already.
        """
        with transaction.atomic():
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
            reply = self._answer_to(message, model, writer)
            self._store([message, reply])
            return reply

    def retry(self, reply: "Message", *, model: str, writer: uuid.UUID) -> "Message":
        """A further reply to the message that `reply` answers; the earlier one is kept."""
        with transaction.atomic():
            self._locked_head()
            another = self._answer_to(reply.parent, model, writer)
            self._store([another])
            return another

    def show(self, version: "Message") -> None:
        """Show the branch of this message, as far as it was last gone on with.

        Raises ReplyRunning: a reply that is being written stays in sight of its Stop.
        """
        with transaction.atomic():
            self._locked_head()
            self.head, self.changed_at = Message.objects.newest_below(version.pk), timezone.now()
            self.save(update_fields=["head", "changed_at"])

    def resume(self, reply: "Message", *, writer: uuid.UUID) -> bool:
        """Let a reply that ended early run again, from the text that it has; False if it does."""
        with transaction.atomic():
            self._locked_head()
            Writer.enlist(writer)
            ended_early = Message.objects.filter(pk=reply.pk, state__in=State.settled_early())
            again = {"state": State.WAITING, "owner_id": writer, "error": "", "finish_reason": ""}
            again |= {"stop_requested": False, "takeovers": 0}
            for name, value in again.items():
                setattr(reply, name, value)
            self.note_change()
            return ended_early.update(**again, followed_at=Now() + FIRST_READER) == 1

    def _locked_head(self) -> "Message | None":
        """Races for the next place in the conversation wait here, one behind the other."""
        locked = Conversation.objects.select_for_update().get(pk=self.pk, deleted_at=None)
        if Message.objects.running().filter(conversation=self).exists():
            raise ReplyRunning
        return locked.head

    def _answer_to(self, message: "Message", model: str, writer: uuid.UUID) -> "Message":
        return Message(
            conversation=self,
            role=Message.Role.ASSISTANT,
            parent=message,
            position=message.position + 1,
            model=model,
            state=State.WAITING,
            owner_id=writer,
            followed_at=Now() + FIRST_READER,
        )

    def _store(self, messages: "list[Message]") -> None:
        """The last of the messages, a reply, becomes the head."""
        reply = messages[-1]
        Writer.enlist(reply.owner_id)
        self.head_id, self.updated_at = reply.pk, timezone.now()
        self.changed_at = self.updated_at
        if self._state.adding:
            self.save(force_insert=True)  # the database looks for its head when all is there
        else:
            self.save(update_fields=["head", "updated_at", "changed_at"])
        Message.objects.bulk_create(messages)


@receiver(pre_delete, sender=Conversation)
def _take_from_writer(instance: Conversation, **_: Any) -> None:
    """Whoever deletes it, its row locks keep the writer of its reply from storing another piece."""
    Message.objects.running().filter(conversation=instance).update(owner=None)
