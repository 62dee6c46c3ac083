"""For staff: every conversation, readable as it was, and changeable by nobody."""

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .endings import State
from .models import Conversation, Message, number_versions

SHOWN = 200  # messages of a transcript; what is left out is said


class EndedAs(admin.SimpleListFilter):
    title = _("replies")
    parameter_name = "replies"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple]:
        return [("failed", _("with failures")), ("running", _("being written"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        replies = Message.objects.filter(conversation=OuterRef("pk"))
        if self.value() == "failed":
            return queryset.filter(Exists(replies.filter(state=State.FAILED)))
        if self.value() == "running":
            return queryset.filter(Exists(replies.running()))
        return queryset


@admin.register(Conversation)
class ConversationAdmin(admin.ModelAdmin):
    list_display = ("title", "user", "message_count", "failures", "updated_at")
    list_filter = (EndedAs, "updated_at", "created_at")
    list_select_related = ("user",)
    list_per_page = 50
    search_fields = ("title", "user__username", "user__email", "messages__text")
    search_help_text = _("Searches titles, people and what was said.")
    date_hierarchy = "created_at"
    ordering = ("-updated_at",)
    fields = ("user", "title", "created_at", "updated_at", "usage", "transcript")
    readonly_fields = fields
    show_full_result_count = False
    view_on_site = False  # it is its person's page

    class Media:
        css = {"all": ("chat/css/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without what its person has deleted.

        Counts as subqueries: they are made for the rows of the page only.
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
            )
        )

    @admin.display(description=_("messages"))
    def message_count(self, conversation: Conversation) -> int:
        return conversation.message_total or 0

    @admin.display(description=_("failures"))
    def failures(self, conversation: Conversation) -> str:
        return str(conversation.failure_total or "")

    @admin.display(description=_("tokens"))
    def usage(self, conversation: Conversation) -> str:
        spent = conversation.messages.values_list("prompt_tokens", "completion_tokens")
        asked, answered = (sum(filter(None, column)) for column in zip(*spent, strict=True))
        return _("%(asked)s in prompts, %(answered)s in replies") % {
            "asked": f"{asked:,}",
            "answered": f"{answered:,}",
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

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
