"""The person's conversations, newest first, as the sidebar and the pages of lists show them."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
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
from .access import methods, page_for_signed_in, wants_html_parts

LISTED = 30  # conversations; older ones are a click away, or come as one scrolls
LISTED_AT_MOST = 300  # when the list of a page is brought up to date
WEEK, MONTH = 7, 30  # days


@dataclass
class Listing:
    """Conversations under their headings, and the address of those that come after them."""

    groups: list[tuple[str, list[Conversation]]]
    older_url: str = ""


@methods("GET", "HEAD")
@page_for_signed_in
async def conversations(request: HttpRequest) -> HttpResponse:
    """The list from a place on; `?as=html` as the sidebar has it, with as many as are `shown`."""
    return await sync_to_async(_conversations)(request)


@methods("GET", "HEAD")
@page_for_signed_in
async def archived(request: HttpRequest) -> HttpResponse:
    """What the person has put away."""
    return await sync_to_async(_archived)(request)


def sidebar(user: Model) -> dict[str, Any]:
    """What the sidebar of every page needs."""
    return {"sidebar": _listed(user), "version": Conversation.objects.version(user)}


def _conversations(request: HttpRequest) -> HttpResponse:
    listing = _listed(request.user, request.GET.get("after", ""), _limit(request))
    if not wants_html_parts(request):
        return _page(request, _("Conversations"), listing)
    context = {"listing": listing, "current": request.GET.get("conversation", "")}
    html = render_to_string("chat/_conversations.html", context, request)
    return JsonResponse({"html": html})


def _listed(user: Model, after: str = "", limit: int = LISTED) -> Listing:
    """All that the person has pinned, and the newest of the others."""
    mine = Conversation.objects.owned_by(user).filter(archived_at=None).with_activity()
    listing = _listing(mine.filter(pinned_at=None), reverse("chat:list"), after, limit)
    pinned = [] if after else list(mine.filter(pinned_at__isnull=False))
    if pinned:
        listing.groups.insert(0, (pgettext("conversations", "Pinned"), pinned))
    return listing


def _archived(request: HttpRequest) -> HttpResponse:
    mine = Conversation.objects.owned_by(request.user).filter(archived_at__isnull=False)
    url, after = reverse("chat:archived"), request.GET.get("after", "")
    empty = _("Nothing is archived. The menu of a conversation has a button for it.")
    return _page(
        request,
        pgettext("conversations", "Archived"),
        _listing(mine.with_activity(), url, after),
        empty,
    )


def _page(request: HttpRequest, title: str, listing: Listing, empty: str = "") -> HttpResponse:
    context = {"title": title, "listing": listing, "empty": empty}
    return render(request, "chat/list.html", context | sidebar(request.user))


def _limit(request: HttpRequest) -> int:
    shown = request.GET.get("shown", "")
    return min(max(int(shown), LISTED), LISTED_AT_MOST) if shown.isdecimal() else LISTED


def _listing(
    conversations: KeptQuerySet, url: str, after: str = "", limit: int = LISTED
) -> Listing:
    """By day, from the place `after` on."""
    if after:
        conversations = conversations.behind(*_place(after))
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


def _place(after: str) -> tuple[datetime, UUID]:
    """What `_listing` handed out. Raises Http404 for anything else."""
    time, _separator, pk = after.partition("_")
    try:
        place = datetime.fromisoformat(time), UUID(pk)
        if timezone.is_naive(place[0]):
            raise ValueError
    except ValueError:
        raise Http404(_("There is no such place in the list.")) from None
    return place


def _heading(updated_at: datetime, today: date) -> str:
    """When it was, in words."""
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
