"""Ratings of replies: good or bad, and why."""

from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ..forms import FeedbackForm
from ..models import Message
from ..refusals import Refused
from .access import methods, page_for_signed_in
from .answers import Answer, refusals_on, wants_html_parts


@methods("POST")
@page_for_signed_in
def feedback(request: HttpRequest, pk: UUID) -> Answer:
    """Rate a settled reply (`rating` 1, -1, or empty for none), with or without a `comment`."""
    mine = Message.objects.replies().owned_by(request.user).select_related("conversation")
    reply = get_object_or_404(mine, pk=pk)
    with refusals_on(_page(request, reply)):
        said = FeedbackForm(request.POST).checked()
        if not reply.rate(said["rating"], said["comment"]):
            raise Refused(_("This reply is still being written. Wait for it to end."), 409)
    return Answer(_page(request, reply), partial(_fields, request, reply))


def _fields(request: HttpRequest, reply: Message) -> dict[str, Any]:
    fields = {"rating": reply.rating, "comment": reply.rating_comment}
    if wants_html_parts(request):
        context = {"message": reply, "asks_why": "comment" not in request.POST}
        fields["html"] = render_to_string("chat/_feedback.html", context, request)
    return fields


def _page(request: HttpRequest, reply: Message) -> str:
    """The same part of the conversation. The browser opens the comment that the URL points to."""
    has_to_say_why = reply.rating is not None and "comment" not in request.POST
    place = f"#{'comment' if has_to_say_why else 'message'}-{reply.pk}"
    before = request.POST.get("before")
    query = "?" + urlencode({"before": before}) if before else ""
    return reply.conversation.get_absolute_url() + query + place
