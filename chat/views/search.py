"""Search in the titles and messages of a person's conversations."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import Model, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..forms import SearchForm
from ..models import Conversation, Message
from .access import methods, page_for_signed_in, refusal, wants_html_parts, wants_json
from .listing import sidebar

FOUND_AT_MOST = 30  # conversations
BEFORE, BEHIND = 40, 120  # characters of a snippet, before and behind the hit


@dataclass
class Hit:
    """A conversation, by its title or by the newest of its messages that has the words."""

    conversation: Conversation
    title: SafeString
    snippet: SafeString
    url: str


@methods("GET", "HEAD")
@page_for_signed_in
async def search(request: HttpRequest) -> HttpResponse:
    """What was found for `q`, as a page; `?as=html` as the sidebar shows it."""
    return await sync_to_async(_search)(request)


def _search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    words = form.cleaned_data["q"] if form.is_valid() else ""
    hits = find(request.user, words) if words else []
    context = {"hits": hits[:FOUND_AT_MOST], "words": words, "status": _status(hits)}
    error = "" if form.is_valid() else form.first_error()
    if wants_json(request) or wants_html_parts(request):
        if error:
            return refusal(error, 400)
        html = render_to_string("chat/_found.html", context, request)
        return JsonResponse({"html": html, "status": context["status"]})
    context |= sidebar(request.user) | {"error": error}
    return render(request, "chat/search.html", context, status=400 if error else 200)


def find(user: Model, words: str) -> list[Hit]:
    """The newest conversations that have the words; one more than are shown, if there are."""
    has_words = Message.objects.filter(_contains("text", words), conversation=OuterRef("pk"))
    newest = has_words.order_by("-position").values("pk")[:1]
    mine = Conversation.objects.owned_by(user).annotate(hit=Subquery(newest))
    found = mine.filter(_contains("title", words) | Q(hit__isnull=False))
    listed = list(found.order_by("-updated_at", "-pk")[: FOUND_AT_MOST + 1])
    hits = Message.objects.filter(pk__in=[each.hit for each in listed if each.hit])
    texts = dict(hits.values_list("pk", "text"))
    return [_hit(each, texts.get(each.hit, ""), words) for each in listed]


def _contains(field: str, words: str) -> Q:
    """In any letter case of Unicode; SQLite's LIKE knows that of ASCII only."""
    if connection.vendor == "sqlite" and not words.isascii():
        return Q(**{f"{field}__iregex": re.escape(words)})
    return Q(**{f"{field}__icontains": words})


def _hit(conversation: Conversation, text: str, words: str) -> Hit:
    url = conversation.get_absolute_url()
    if conversation.hit:
        url += f"?at={conversation.hit}#message-{conversation.hit}{_directive(text, words)}"
    return Hit(conversation, _marked(conversation.title, words), _snippet(text, words), url)


def _directive(text: str, words: str) -> str:
    """Has the browser mark the place; whole words, on one line of the text.

    https://wicg.github.io/scroll-to-text-fragment/
    """
    found = re.search(rf"\w*{re.escape(words)}\w*", text, re.IGNORECASE)
    if found is None or "\n" in found[0]:
        return ""
    return ":~:text=" + quote(found[0], safe="").replace("-", "%2D")


def _snippet(text: str, words: str) -> SafeString:
    """What stands around the first hit, on one line."""
    found = re.search(re.escape(words), text, re.IGNORECASE)
    start = max(found.start() - BEFORE, 0) if found else 0
    end = (found.end() if found else 0) + BEHIND
    line = " ".join(text[start:end].split())
    return _marked(f"{'…' * (start > 0)}{line}{'…' * (end < len(text))}", words)


def _marked(text: str, words: str) -> SafeString:
    """The text as HTML, with every hit marked."""
    parts = re.split(f"({re.escape(words)})", text, flags=re.IGNORECASE)
    pairs = zip(parts[::2], [*parts[1::2], ""], strict=True)
    return format_html_join("", "{}{}", ((part, _mark(hit)) for part, hit in pairs))


def _mark(hit: str) -> SafeString:
    return format_html("<mark>{}</mark>", hit) if hit else SafeString()


def _status(hits: list[Hit]) -> str:
    """How many there are, to be read and to be heard."""
    if len(hits) > FOUND_AT_MOST:
        return _("The newest %d conversations are shown. Add a word to find older ones.") % (
            FOUND_AT_MOST
        )
    text = ngettext("%d conversation found", "%d conversations found", len(hits))
    return text % len(hits)
