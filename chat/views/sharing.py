"""A conversation as others may read it: the link, and the page that it leads to."""

from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from ..conf import conf
from ..models import Conversation, Message, NothingToShare
from .access import SeeOther, methods, page_for_signed_in, refusal, wants_html_parts, wants_json

SHOWN = 50  # messages of a copy; earlier ones are a click away
HEADERS = {
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",  # the address is all that is needed to read it
    "Cache-Control": "private, no-store",  # what is taken back is gone at once
}


@methods("POST")
@page_for_signed_in
async def share(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Share the conversation as it is now; a link that it has already stays the same."""
    return await sync_to_async(_share)(request, pk)


@methods("POST")
@page_for_signed_in
async def unshare(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the link back."""
    return await sync_to_async(_unshare)(request, pk)


@methods("GET", "HEAD")
async def shared(request: HttpRequest, token: UUID) -> HttpResponse:
    """The copy, for those to whom CHAT_SHARING opens it."""
    read = sync_to_async(_read)
    if conf().CHAT_SHARING == "members":
        read = page_for_signed_in(read)
    return await read(request, token)


def _share(request: HttpRequest, pk: UUID) -> HttpResponse:
    if conf().CHAT_SHARING == "off":
        raise Http404
    conversation = _find(request, pk)
    try:
        conversation.share()
    except NothingToShare:
        text = _("There is nothing to share yet: wait for the first reply.")
        if wants_json(request):
            return refusal(text, 409)
        messages.error(request, text)
    return _answer(request, conversation)


def _unshare(request: HttpRequest, pk: UUID) -> HttpResponse:
    conversation = _find(request, pk)
    conversation.unshare()
    return _answer(request, conversation)


def _find(request: HttpRequest, pk: UUID) -> Conversation:
    return get_object_or_404(Conversation.objects.owned_by(request.user), pk=pk)


def _answer(request: HttpRequest, conversation: Conversation) -> HttpResponse:
    """Back to the menu, open at the link; programs get the link, or null."""
    if not wants_json(request):
        return SeeOther(conversation.get_absolute_url() + "#share")
    token = conversation.share_token
    link = request.build_absolute_uri(reverse("chat:shared", args=[token])) if token else None
    answer = {"url": link}
    if wants_html_parts(request):
        context = {"conversation": conversation, "sharing": conf().CHAT_SHARING}
        answer["html"] = render_to_string("chat/_menu_share.html", context, request)
    return JsonResponse(answer)


def _read(request: HttpRequest, token: UUID) -> HttpResponse:
    if conf().CHAT_SHARING == "off":
        raise Http404
    found = Conversation.objects.shared().select_related("shared_head")
    conversation = get_object_or_404(found, share_token=token)
    before = _place(request.GET.get("before"), conversation.shared_head)
    transcript = _before(conversation.shared_head, before)
    conversation.put_back(transcript[-1])
    context = {
        "conversation": conversation,
        "transcript": transcript,
        "older_url": f"?before={transcript[0].position}" if transcript[0].position else "",
        "is_copy": True,
    }
    return HttpResponse(render_to_string("chat/shared.html", context, request), headers=HEADERS)


def _place(before: str | None, head: Message | None) -> int:
    """Places count from 0; only those of the shared branch are there, not its other versions."""
    if head is None:  # was deleted
        raise Http404
    if before is None:
        return head.position + 1
    if not before.isdecimal() or not 0 < int(before) <= head.position:
        raise Http404
    return int(before)


def _before(head: Message, place: int) -> list[Message]:
    reach = head.position + 1 - place + SHOWN
    return list(Message.objects.path(head.pk, messages=reach).filter(position__lt=place))
