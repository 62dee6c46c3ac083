import json
import uuid
from dataclasses import fields
from typing import Any, Self

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Cast, Length, Now
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import markup
from ..conf import conf
from ..database import atomic, connection
from ..markup import renderers
from ..parts import Kind, Log, Part
from . import sql, tick
from .authors import Authors, Share
from .branches import BranchQuerySet
from .endings import NOTES, Ending, State
from .writer import Writer

MAX_TAKEOVERS = 1  # of one reply, whose writers died in a row before they wrote


class MessageQuerySet(BranchQuerySet):
    def owned_by(self, user: models.Model) -> Self:
        return self.filter(conversation__user=user, conversation__deleted_at=None)

    def replies(self) -> Self:
        return self.filter(role=Message.Role.ASSISTANT)

    def running(self) -> Self:
        return self.filter(state__in=State.running())

    def written_by(self, writer: uuid.UUID) -> Self:
        return self.running().filter(owner_id=writer)

    def lock(self) -> None:
        """Until the transaction ends, in the order in which the writers lock them too."""
        list(self.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))

    def orphaned(self) -> Self:
        """Running, without a writer."""
        return self.running().filter(owner=None)

    def claim(self, pk: uuid.UUID, writer: uuid.UUID) -> bool:
        """Take an orphaned reply over; False when another process was first."""
        with atomic():
            Writer.enlist(writer)
            return self.orphaned().filter(pk=pk).update(owner_id=writer) == 1

    def settle(self, pk: uuid.UUID, writer: uuid.UUID, ending: Ending) -> bool:
        """End a reply that `writer` still owns; False if it was settled or taken before."""
        with sql.transaction() as batch:
            ours, _ = tick.look(batch, writer, renew=False, lock=True)
            tick.settle(batch, pk, writer, ending.fields())
        return pk in ours

    def keep_html(self, pk: uuid.UUID, text: str, html: str) -> bool:
        """Store the HTML of a settled reply's text; False if that has changed."""
        same = self.exclude(state__in=State.running()).annotate(length=Length("text"))
        kept = {"rendered": html, "rendered_by": markup.VERSION}
        return same.filter(pk=pk, length=len(text)).update(**kept) == 1

    def note_followed(self) -> int:
        """Someone follows these, or is there to do so.

        Skips locked rows: to wait for one while holding the others would make their journal
        wait too.
        """
        skip = connection.features.has_select_for_update_skip_locked
        free = self.running().select_for_update(skip_locked=skip, of=("self",), no_key=True)
        with atomic():
            return Message.objects.filter(pk__in=free.values("pk")).update(followed_at=Now())


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
    model = models.CharField(_("model"), max_length=200, blank=True)  # that wrote its beginning
    # Which wrote which part, if others wrote too or instead: see `Authors`.
    authors = models.JSONField(null=True, editable=False)
    error = models.CharField(_("error"), max_length=500, blank=True)
    finish_reason = models.CharField(_("finish reason"), max_length=40, blank=True)
    # What there is besides `text`, in order: see `Log.parts_to_store`. Empty if there is nothing.
    parts = models.JSONField(default=list, blank=True, editable=False)
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
    # When someone was last seen following it, or with a page of the site open.
    followed_at = models.DateTimeField(db_default=Now(), editable=False)
    stop_requested = models.BooleanField(default=False, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [
            models.Index(fields=["conversation", "position"], name="message_in_conversation"),
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
        """Failed, or ended short of complete with nothing to continue from."""
        if self.is_running or self.state in ("", State.COMPLETE):
            return False
        return self.state == State.FAILED or not self.can_continue

    @property
    def note(self) -> str:
        """How the reply ended, in words for people; empty if there is nothing to say."""
        return gettext(self.error) or str(NOTES.get(self.state, ""))

    @property
    def html(self) -> SafeString:
        """The text as safe HTML, one `div.block` for each block of its Markdown."""
        if self.rendered_by == markup.VERSION:
            return mark_safe(self.rendered)
        return renderers.page(self.text)

    @property
    def is_plain(self) -> bool:
        """Whether part of `html` could not be formatted in time."""
        return markup.PLAIN in self.html

    @property
    def log(self) -> Log:
        """All parts of it that its row holds."""
        return Log.stored(self.text, self.parts)

    @property
    def shares(self) -> list[Share]:
        """Which model wrote which part of the log; empty if one wrote all of it."""
        return Authors(self.model, self.authors).shares(len(self.log)) if self.authors else []

    @property
    def finisher(self) -> str:
        """The model that wrote the end of it."""
        return self.authors[-1]["model"] if self.authors else self.model

    @property
    def credit(self) -> str:
        """Who wrote it, in words for people; empty if one model wrote all of it."""
        names = [share.model for share in self.shares]
        if not names:
            return ""
        said = {"first": names[0], "others": ", ".join(names[1:-1]), "last": names[-1]}
        if self.state != State.COMPLETE:
            said["others"] = ", ".join(names[1:])
            return gettext("Begun by %(first)s, continued by %(others)s.") % said
        if said["others"]:
            text = gettext("Begun by %(first)s, continued by %(others)s, finished by %(last)s.")
            return text % said
        return gettext("Begun by %(first)s, finished by %(last)s.") % said

    @property
    def reasoning(self) -> str:
        """What the model thought before it wrote or continued."""
        reasoning = [each["text"] for each in self.parts if each["kind"] == Kind.REASONING]
        return "".join(reasoning).rstrip()

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The function calls that the model made: id, name and arguments of each."""
        return [json.loads(each["text"]) for each in self.parts if each["kind"] == Kind.CALL]

    @property
    def reasoning_html(self) -> SafeString:
        """What the model thought, as safe HTML. Folded away, so rendered for each page anew."""
        return renderers.page(self.reasoning)

    @property
    def can_continue(self) -> bool:
        return self.state in State.settled_early() and 0 < len(self.text) < conf().CHAT_REPLY_CHARS

    def rate(self, rating: int | None, comment: str | None = None) -> bool:
        """The owner's rating of a settled reply; None clears it, and the comment with it.

        Without a comment the present one stays. False if the reply is being written.
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
        """How the reply ended, from its row."""
        return Ending(**{each.name: getattr(self, each.name) for each in fields(Ending)})

    def catch_up(self) -> Self:
        """Itself with all that is stored of it, as one snapshot: its pieces, or its ending.

        Raises DoesNotExist if it has been deleted.
        """
        if self.is_running:
            parts = Cast("parts", models.TextField())
            row = Message.objects.filter(pk=self.pk).annotate(at=Value(-1), other=parts)
            nothing = Value("", models.TextField())
            pieces = Piece.objects.filter(reply=self.pk).annotate(nothing=nothing)
            both = row.values_list("at", "state", "text", "other").union(
                pieces.values_list("start", "kind", "text", "nothing"), all=True
            )  # in one statement: one snapshot
            (_, state, text, stored), *rows = sorted(both) or [(-1, "", "", "")]
            if state not in State.running():
                self.refresh_from_db()
                return self
            log = Log.stored(text, json.loads(stored))
            for start, kind, piece, _ in rows:
                log.extend(start, [Part(kind, piece)])
            self.state, self.text, self.parts = state, log.text, log.parts_to_store()
        return self


class Piece(models.Model):
    """What one tick stored of one part of a running reply."""

    pk = models.CompositePrimaryKey("reply_id", "start")
    reply = models.ForeignKey(Message, models.CASCADE, related_name="pieces", db_index=False)
    start = models.PositiveIntegerField()  # its place in the reply's log, in code points
    kind = models.CharField(max_length=9, default=Kind.TEXT)
    text = models.TextField()

    def __str__(self) -> str:
        return f"{self.reply_id} @ {self.start}"
