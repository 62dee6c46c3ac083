"""The user's conversations, newest first, for the sidebar and the list pages."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ..models import Conversation
from ..models.keeping import KeptQuerySet
from .access import methods, page_for_signed_in
from .answers import wants_html_parts
from .fields import number

LISTED = 30  # conversations; older ones are a click or a scroll away
LISTED_AT_MOST = 300  # when a page refreshes its list
WEEK, MONTH = 7, 30  # days


@dataclass
class Listing:
    """Conversations under their headings, and the URL of the next ones."""

    groups: list[tuple[str, list[Conversation]]]
    older_url: str = ""


@methods("GET", "HEAD")
@page_for_signed_in
def conversations(request: HttpRequest) -> HttpResponse:
    """The list from `?after=` on; with `?as=html`, as HTML for the sidebar, `?shown=` of them."""
    listing = _listed(request.user, request.GET.get("after", ""), _limit(request))
    if not wants_html_parts(request):
        return _page(request, _("Chats"), listing)
    context = {"listing": listing, "current": request.GET.get("conversation", "")}
    html = render_to_string("chat/_conversations.html", context, request)
    return JsonResponse({"html": html})


@methods("GET", "HEAD")
@page_for_signed_in
def archived(request: HttpRequest) -> HttpResponse:
    """The archived conversations."""
    mine = Conversation.objects.owned_by(request.user).filter(archived_at__isnull=False)
    url, after = reverse("chat:archived"), request.GET.get("after", "")
    listing = _listing(mine.with_activity(), url, after)
    empty = _("Nothing archived yet. You can archive a chat from its ⋯ menu.")
    return _page(request, pgettext("chats", "Archived"), listing, empty)


def sidebar(user: Model) -> dict[str, Any]:
    """The context of the sidebar."""
    return {"sidebar": _listed(user), "version": Conversation.objects.version(user)}


def _listed(user: Model, after: str = "", limit: int = LISTED) -> Listing:
    """All pinned conversations, then the newest of the others."""
    mine = Conversation.objects.owned_by(user).filter(archived_at=None).with_activity()
    listing = _listing(mine.filter(pinned_at=None), reverse("chat:list"), after, limit)
    pinned = [] if after else list(mine.filter(pinned_at__isnull=False))
    if pinned:
        listing.groups.insert(0, (pgettext("chats", "Pinned"), pinned))
    return listing


def _page(request: HttpRequest, title: str, listing: Listing, empty: str = "") -> HttpResponse:
    context = {"title": title, "listing": listing, "empty": empty}
    return render(request, "chat/list.html", context | sidebar(request.user))


def _limit(request: HttpRequest) -> int:
    shown = number(request.GET.get("shown", "")) or 0
    return min(max(shown, LISTED), LISTED_AT_MOST)


def _listing(
    conversations: KeptQuerySet, url: str, after: str = "", limit: int = LISTED
) -> Listing:
    """Grouped by day, from the cursor `after` on."""
    if after:
        conversations = conversations.after(*_cursor(after))
    found = list(conversations[: limit + 1])
    today = timezone.localdate()
    groups = groupby(found[:limit], lambda each: _heading(each.updated_at, today))
    listing = Listing([(heading, list(items)) for heading, items in groups])
    if len(found) > limit:
        last = found[limit - 1]
        query = QueryDict(mutable=True)
        query["after"] = f"{last.updated_at.isoformat()}_{last.pk}"
        listing.older_url = f"{url}?{query.urlencode()}"
    return listing


def _cursor(after: str) -> tuple[datetime, UUID]:
    """Parse a cursor that `_listing` made. Raises Http404 for anything else."""
    time, _separator, pk = after.partition("_")
    try:
        place = datetime.fromisoformat(time)
        if timezone.is_naive(place):
            raise ValueError
        return place.astimezone(UTC), UUID(pk)
    except (ValueError, OverflowError):  # dates before the year 1 or after 9999 too
        raise Http404(_("There is no such place in the list.")) from None


def _heading(updated_at: datetime, today: date) -> str:
    """The heading for that time, relative to today."""
    day = timezone.localdate(updated_at)
    age = (today - day).days
    if age <= 0:
        return _("Today")
    if age == 1:
        return _("Yesterday")
    if age <= WEEK:
        return _("Previous 7 days")
    if age <= MONTH:
        return _("Previous 30 days")
    return capfirst(date_format(day, "YEAR_MONTH_FORMAT"))
