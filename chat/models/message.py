import uuid
from dataclasses import fields
from datetime import timedelta
from typing import Self

from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import markdown
from ..conf import conf
from ..endings import NOTES, Ending, State
from . import tick
from .branches import BranchQuerySet
from .writer import Writer

MAX_TAKEOVERS = 3  # of one reply, each by a process that found its writer gone


class MessageQuerySet(BranchQuerySet):
    def owned_by(self, user: models.Model) -> Self:
        return self.filter(conversation__user=user, conversation__deleted_at=None)

    def replies(self) -> Self:
        return self.filter(role=Message.Role.ASSISTANT)

    def running(self) -> Self:
        return self.filter(state__in=State.running())

    def written_by(self, writer: uuid.UUID) -> Self:
        return self.running().filter(owner_id=writer)

    def orphaned(self) -> Self:
        """Running, and nobody writes them."""
        return self.running().filter(owner=None)

    def claim(self, pk: uuid.UUID, writer: uuid.UUID) -> bool:
        """Take an orphaned reply over; False when another process was first."""
        with transaction.atomic():
            Writer.enlist(writer)
            claim = {"owner_id": writer, "takeovers": models.F("takeovers") + 1}
            return self.orphaned().filter(pk=pk).update(**claim) == 1

    def settle(self, pk: uuid.UUID, writer: uuid.UUID, ending: Ending) -> bool:
        """End a reply in one conditional update; False when it was settled or taken before."""
        with transaction.atomic(savepoint=False):
            return tick.settle(pk, writer, ending.fields())

    def note_followed(self) -> int:
        """Somebody follows these, or is there to do so."""
        return self.running().update(followed_at=Now())

    def abandoned(self, after: float) -> Self:
        """Running, and followed by nobody for `after` seconds, by the database's clock."""
        return self.running().filter(followed_at__lt=Now() - timedelta(seconds=after))


class Message(models.Model):
    class Role(models.TextChoices):
        USER = "user", _("person")
        ASSISTANT = "assistant", _("assistant")

    class Rating(models.IntegerChoices):
        GOOD = 1, _("good")
        BAD = -1, _("bad")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey("Conversation", models.CASCADE, related_name="messages")
    # What this one answers: the messages of a conversation are a tree, nothing is overwritten.
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="answers")
    position = models.PositiveIntegerField()  # how many messages come before it in its branch
    role = models.CharField(_("role"), max_length=9, choices=Role)
    text = models.TextField(_("text"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    # Chosen by the sender, so that sending twice stores once.
    client_id = models.UUIDField(null=True, unique=True, editable=False)

    # Of replies only:
    state = models.CharField(_("state"), max_length=11, choices=State, blank=True)
    model = models.CharField(_("model"), max_length=200, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)
    finish_reason = models.CharField(_("finish reason"), max_length=40, blank=True)
    reasoning = models.TextField(_("reasoning"), blank=True)
    prompt_tokens = models.PositiveIntegerField(_("prompt tokens"), null=True)
    completion_tokens = models.PositiveIntegerField(_("completion tokens"), null=True)
    first_piece_after = models.FloatField(_("first piece after (s)"), null=True)
    duration = models.FloatField(_("duration (s)"), null=True)
    omitted = models.PositiveIntegerField(_("earlier messages left out"), default=0)
    rating = models.SmallIntegerField(_("rating"), choices=Rating, null=True)
    rating_comment = models.TextField(_("comment on it"), blank=True)
    rendered = models.TextField(blank=True, editable=False)  # `text` as HTML
    rendered_by = models.PositiveSmallIntegerField(default=0, editable=False)
    owner = models.ForeignKey(Writer, models.SET_NULL, null=True, related_name="+", editable=False)
    takeovers = models.PositiveSmallIntegerField(default=0, editable=False)
    # When somebody was last seen following it, or having a page of the site open.
    followed_at = models.DateTimeField(db_default=Now(), editable=False)
    stop_requested = models.BooleanField(default=False, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [
            models.Index(fields=["conversation", "position"], name="message_in_conversation"),
            models.Index(fields=["created_at"], name="message_by_time"),
            models.Index(
                fields=["owner"],
                condition=Q(state__in=State.running()),
                name="message_running_of_owner",
            ),
            models.Index(
                fields=["conversation"], condition=Q(state=State.FAILED), name="message_failed"
            ),
            models.Index(
                fields=["conversation"], condition=Q(rating__isnull=False), name="message_rated"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(state__in=State.running()),
                name="one_running_reply",
            ),
            models.CheckConstraint(
                condition=Q(role="user", state="") | Q(role="assistant", state__in=State.values),
                name="only_replies_have_a_state",
            ),
            models.CheckConstraint(
                condition=Q(state__in=State.running()) | Q(owner=None), name="settled_has_no_owner"
            ),
            models.CheckConstraint(
                condition=~Q(state=State.COMPLETE) | ~Q(finish_reason=""),
                name="complete_has_a_finish_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.FAILED) | ~Q(error=""), name="failed_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.text[:60]}"

    @property
    def is_running(self) -> bool:
        return self.state in State.running()

    @property
    def can_retry(self) -> bool:
        """Failed, or ended otherwise than complete with nothing to go on from."""
        if self.is_running or self.state in ("", State.COMPLETE):
            return False
        return self.state == State.FAILED or not self.can_continue

    @property
    def note(self) -> str:
        """How the reply ended, in words for people; nothing when there is nothing to say."""
        return gettext(self.error) or str(NOTES.get(self.state, ""))

    @property
    def html(self) -> SafeString:
        """The text as safe HTML, one `div.block` for each block of its Markdown."""
        if self.rendered_by == markdown.VERSION:
            return mark_safe(self.rendered)
        return markdown.page(self.text)

    @property
    def reasoning_html(self) -> SafeString:
        """What the model thought, as safe HTML. Folded away, so rendered for each page anew."""
        return markdown.page(self.reasoning)

    @property
    def can_continue(self) -> bool:
        return self.state in State.settled_early() and 0 < len(self.text) < conf().CHAT_REPLY_CHARS

    def rate(self, rating: int | None, comment: str | None = None) -> bool:
        """What the person says of a settled reply; None takes it back, and the comment with it.

        Without a comment the one there stays. False when the reply is being written.
        """
        said = {"rating": rating}
        if rating is None or comment is not None:
            said["rating_comment"] = comment if rating is not None and comment else ""
        settled = Message.objects.replies().exclude(state__in=State.running())
        vars(self).update(said)
        if not settled.filter(pk=self.pk).update(**said):
            return False
        self.conversation.note_change()
        return True

    def ending(self) -> Ending:
        """How the reply ended; its row as it stands."""
        return Ending(**{each.name: getattr(self, each.name) for each in fields(Ending)})

    def stored_text(self) -> str:
        """All that has been stored of it, also while it runs."""
        if not self.is_running:
            return self.text
        return self.text + "".join(self.pieces.order_by("start").values_list("text", flat=True))


class Piece(models.Model):
    """A part of the text of a running reply: what arrived within one tick."""

    pk = models.CompositePrimaryKey("reply_id", "start")
    reply = models.ForeignKey(Message, models.CASCADE, related_name="pieces", db_index=False)
    start = models.PositiveIntegerField()  # its place in the reply's text, in code points
    text = models.TextField()

    def __str__(self) -> str:
        return f"{self.reply_id} @ {self.start}"
