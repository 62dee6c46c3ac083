"""What people say of a reply: good or bad, and why."""

from urllib.parse import urlencode
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ..forms import FeedbackForm
from ..models import Message
from .access import SeeOther, methods, page_for_signed_in, refusal, wants_html_parts, wants_json


@methods("POST")
@page_for_signed_in
async def feedback(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Rate a settled reply (`rating` 1, -1, or empty to take it back), perhaps with a `comment`."""
    return await sync_to_async(_feedback)(request, pk)


def _feedback(request: HttpRequest, pk: UUID) -> HttpResponse:
    mine = Message.objects.replies().owned_by(request.user).select_related("conversation")
    reply = get_object_or_404(mine, pk=pk)
    form = FeedbackForm(request.POST)
    if not form.is_valid():
        return _refuse(request, reply, form.first_error(), 400)
    if not reply.rate(form.cleaned_data["rating"], form.cleaned_data["comment"]):
        text = _("This reply is still being written. Wait for it to end.")
        return _refuse(request, reply, text, 409)
    if not wants_json(request):
        return _back(request, reply)
    said = {"rating": reply.rating, "comment": reply.rating_comment}
    if wants_html_parts(request):
        context = {"message": reply, "asks_why": "comment" not in request.POST}
        said["html"] = render_to_string("chat/_feedback.html", context, request)
    return JsonResponse(said)


def _refuse(request: HttpRequest, reply: Message, text: str, status: int) -> HttpResponse:
    if wants_json(request):
        return refusal(text, status)
    messages.error(request, text)
    return _back(request, reply)


def _back(request: HttpRequest, reply: Message) -> HttpResponse:
    """To the same part of the conversation; the browser opens the comment that it is sent to."""
    has_to_say_why = reply.rating is not None and "comment" not in request.POST
    place = f"#{'comment' if has_to_say_why else 'message'}-{reply.pk}"
    before = request.POST.get("before")
    query = "?" + urlencode({"before": before}) if before else ""
    return SeeOther(reply.conversation.get_absolute_url() + query + place)
