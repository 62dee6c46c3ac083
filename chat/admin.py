"""For staff: every conversation, read-only."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .models import Conversation, Message, number_versions
from .models.endings import State

RATED = {"good": Message.Rating.GOOD, "bad": Message.Rating.BAD}
SHOWN = 200  # messages in a transcript; the page says how many are omitted


class EndedAs(admin.SimpleListFilter):
    title = _("replies")
    parameter_name = "replies"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple]:
        return [
            ("failed", _("with failures")),
            ("running", _("being written")),
            ("good", _("rated good")),
            ("bad", _("rated bad")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        replies = Message.objects.filter(conversation=OuterRef("pk"))
        if self.value() == "failed":
            return queryset.filter(Exists(replies.filter(state=State.FAILED)))
        if self.value() == "running":
            return queryset.filter(Exists(replies.running()))
        if self.value() in RATED:
            return queryset.filter(Exists(replies.filter(rating=RATED[self.value()])))
        return queryset


class KeptAs(admin.SimpleListFilter):
    title = _("what the owner did")
    parameter_name = "kept"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple]:
        return [("shared", _("shared")), ("archived", _("archived"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "shared":
            return queryset.shared()
        if self.value() == "archived":
            return queryset.filter(archived_at__isnull=False)
        return queryset


@admin.register(Conversation)
class ConversationAdmin(admin.ModelAdmin):
    list_display = ("title", "user", "message_count", "failures", "ratings", "state", "updated_at")
    list_filter = (EndedAs, KeptAs, "updated_at", "created_at")
    list_select_related = ("user",)
    list_per_page = 50
    search_fields = ("title", "messages__text")
    search_help_text = _("Searches titles, owners and messages.")
    ordering = ("-updated_at",)
    fields = (
        *("user", "title", "titled_by", "instruction", "state", "created_at", "updated_at"),
        *("usage", "transcript"),
    )
    readonly_fields = fields
    show_full_result_count = False
    view_on_site = False  # only the owner may see that page

    class Media:
        css = {"all": ("chat/css/admin.css",)}

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Also the user's name and email: the site chooses its user model."""
        User = get_user_model()
        names = User.USERNAME_FIELD, User.get_email_field_name()
        people = [f"user__{each.name}" for each in User._meta.fields if each.name in names]
        return (*self.search_fields, *people)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Excludes what the owner deleted.

        The counts are subqueries, so they are computed only for the rows on the page.
        """
        messages = Message.objects.filter(conversation=OuterRef("pk")).order_by()
        counts = messages.values("conversation").annotate(number=Count("pk")).values("number")
        return (
            super()
            .get_queryset(request)
            .filter(deleted_at=None)
            .annotate(
                message_total=Subquery(counts),
                failure_total=Subquery(counts.filter(state=State.FAILED)),
                good_total=Subquery(counts.filter(rating=Message.Rating.GOOD)),
                bad_total=Subquery(counts.filter(rating=Message.Rating.BAD)),
            )
        )

    @admin.display(description=_("messages"))
    def message_count(self, conversation: Conversation) -> int:
        return conversation.message_total or 0

    @admin.display(description=_("failures"))
    def failures(self, conversation: Conversation) -> str:
        return str(conversation.failure_total or "")

    @admin.display(description=_("ratings"))
    def ratings(self, conversation: Conversation) -> str:
        counts = (conversation.good_total, _("%d good")), (conversation.bad_total, _("%d bad"))
        return ", ".join(text % number for number, text in counts if number)

    @admin.display(description=_("kept as"))
    def state(self, conversation: Conversation) -> str:
        marks = {
            _("shared"): conversation.share_token,
            _("pinned"): conversation.pinned_at,
            _("archived"): conversation.archived_at,
        }
        return ", ".join(str(mark) for mark, is_set in marks.items() if is_set)

    @admin.display(description=_("tokens"))
    def usage(self, conversation: Conversation) -> str:
        spent = conversation.messages.values_list("prompt_tokens", "completion_tokens")
        asked, answered = (sum(filter(None, column)) for column in zip(*spent, strict=True))
        return _("%(asked)s in prompts, %(answered)s in replies") % {
            "asked": number_format(asked, force_grouping=True),
            "answered": number_format(answered, force_grouping=True),
        }

    @admin.display(description=_("transcript"))
    def transcript(self, conversation: Conversation) -> SafeString:
        messages = list(
            Message.objects.path(conversation.head_id, messages=SHOWN)
            if conversation.head_id
            else conversation.messages.none()
        )
        number_versions(messages)
        context = {"messages": messages, "omitted": messages[0].position if messages else 0}
        return format_html("{}", render_to_string("admin/chat/transcript.html", context))

    def delete_model(self, request: HttpRequest, obj: Conversation) -> None:
        Conversation.objects.filter(pk=obj.pk).erase()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        queryset.erase()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
