"""Search in the titles and messages of the user's conversations."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..casing import places
from ..engine.process import engine
from ..finding import FOUND_AT_MOST, Found, TooSlow
from ..forms import SearchForm
from ..limits import check_searching
from ..models import Conversation
from ..refusals import Refused
from .access import methods, page_for_signed_in
from .answers import is_for_script, refusals_on
from .errors import RETRY_AFTER
from .listing import sidebar

BEFORE, AFTER = 40, 120  # characters of a snippet before and after the hit
WIDEST = 50  # characters by which a hit is widened to whole words, on either side


@dataclass
class Hit:
    """A conversation that matches by its title or by a message, of which the newest is shown."""

    conversation: Conversation
    title: SafeString
    snippet: SafeString
    url: str


@methods("GET", "HEAD")
@page_for_signed_in
async def search(request: HttpRequest) -> HttpResponse:
    """The results for `q` as a page; with `?as=html`, as HTML for the sidebar."""
    in_parts, words = is_for_script(request), ""
    with refusals_on(None if in_parts else lambda refused: _page(request, words, [], refused)):
        words = SearchForm(request.GET).checked()["q"]
        found = await _find(request.user, words) if words else []
    return await sync_to_async(_parts if in_parts else _page)(request, words, found)


async def _find(user: Model, words: str) -> list[Found]:
    await engine().requests.read(check_searching, user)
    try:
        return await engine().searches.find(user, words)
    except TooSlow:
        text = _("This search takes too long. Look for a longer word, or try again in a moment.")
        raise Refused(text, 503, RETRY_AFTER) from None


def _parts(request: HttpRequest, words: str, found: list[Found]) -> JsonResponse:
    context = _context(words, found)
    html = render_to_string("chat/_found.html", context, request)
    return JsonResponse({"html": html, "status": context["status"]})


def _page(
    request: HttpRequest, words: str, found: list[Found], refused: Refused | None = None
) -> HttpResponse:
    context = _context(words, found) | sidebar(request.user)
    if refused is None:
        return render(request, "chat/search.html", context)
    context["error"] = refused.text
    return render(request, "chat/search.html", context, status=refused.status)


def _context(words: str, found: list[Found]) -> dict[str, object]:
    hits = [_hit(conversation, text, words) for conversation, text in found[:FOUND_AT_MOST]]
    return {"hits": hits, "words": words, "status": _status(found)}


def _hit(conversation: Conversation, text: str, words: str) -> Hit:
    url, snippet = conversation.get_absolute_url(), SafeString()
    if conversation.hit:
        # Where the database folds case in another way, nothing is marked.
        start, end = next(places(text, words), (0, 0))
        url += f"?at={conversation.hit}#message-{conversation.hit}{_directive(text, start, end)}"
        snippet = _snippet(text, start, end, words)
    return Hit(conversation, _marked(conversation.title, words), snippet, url)


def _directive(text: str, start: int, end: int) -> str:
    """Makes the browser highlight the hit: whole words, on one line of the text.

    https://wicg.github.io/scroll-to-text-fragment/
    """
    before = text[max(start - WIDEST, 0) : start]
    start -= len(_word(before[::-1]))
    end += len(_word(text[end : end + WIDEST]))
    found = text[start:end]
    if not found or "\n" in found:
        return ""
    return ":~:text=" + quote(found, safe="").replace("-", "%2D")


def _word(text: str) -> str:
    """The word characters at the beginning."""
    return re.match(r"\w*", text)[0]


def _snippet(text: str, start: int, end: int, words: str) -> SafeString:
    """The text around the hit, on one line."""
    start, end = max(start - BEFORE, 0), end + AFTER
    line = " ".join(text[start:end].split())
    return _marked(f"{'…' * (start > 0)}{line}{'…' * (end < len(text))}", words)


def _marked(text: str, words: str) -> SafeString:
    """The text as HTML, every hit in `<mark>`."""
    html, done = SafeString(), 0
    for start, end in places(text, words):
        html += format_html("{}<mark>{}</mark>", text[done:start], text[start:end])
        done = end
    return html + format_html("{}", text[done:])


def _status(found: list[Found]) -> str:
    """The number of results, also for screen readers."""
    if len(found) > FOUND_AT_MOST:
        return _("The newest %d chats are shown. Add a word to find older ones.") % (FOUND_AT_MOST)
    text = ngettext("%d chat found", "%d chats found", len(found))
    return text % len(found)
