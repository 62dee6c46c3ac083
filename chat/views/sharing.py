"""Shared conversations: making and revoking the link, and the page behind it."""

from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from ..conf import conf
from ..limits import check_reading_shared
from ..models import Conversation, Message, NothingToShare
from ..refusals import Refused
from .access import methods, page_for_signed_in
from .answers import Answer, answered, wants_html_parts
from .fields import number

SHOWN = 50  # messages on a page; earlier ones are a click away
HEADERS = {
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",  # anyone who knows the URL may read it
    "Cache-Control": "private, no-store",  # a revoked copy is gone at once
}


@methods("POST")
@page_for_signed_in
def share(request: HttpRequest, pk: UUID) -> Answer:
    """Share the conversation as it is now, under the link that it may have already."""
    if conf().CHAT_SHARING == "off":
        raise Http404
    conversation = _find(request, pk)
    try:
        conversation.share()
    except NothingToShare:
        text = _("There is nothing to share yet: wait for the first reply.")
        raise Refused(text, 409, page=_menu(conversation)) from None
    return _answer(request, conversation)


@methods("POST")
@page_for_signed_in
def unshare(request: HttpRequest, pk: UUID) -> Answer:
    """Revoke the link."""
    conversation = _find(request, pk)
    conversation.unshare()
    return _answer(request, conversation)


@methods("GET", "HEAD")
@answered
async def shared(request: HttpRequest, token: UUID) -> HttpResponseBase:
    """The shared copy, for everybody whom CHAT_SHARING allows to read it."""
    is_for_members = conf().CHAT_SHARING == "members"
    read = page_for_signed_in(_read) if is_for_members else sync_to_async(_read)
    return await read(request, token)


def _find(request: HttpRequest, pk: UUID) -> Conversation:
    return get_object_or_404(Conversation.objects.owned_by(request.user), pk=pk)


def _answer(request: HttpRequest, conversation: Conversation) -> Answer:
    return Answer(_menu(conversation), partial(_fields, request, conversation))


def _fields(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    """The link, or null without one."""
    token = conversation.share_token
    link = request.build_absolute_uri(reverse("chat:shared", args=[token])) if token else None
    fields = {"url": link}
    if wants_html_parts(request):
        context = {"conversation": conversation, "sharing": conf().CHAT_SHARING}
        fields["html"] = render_to_string("chat/_menu_share.html", context, request)
    return fields


def _menu(conversation: Conversation) -> str:
    """The conversation's page, with the menu open at the link."""
    return conversation.get_absolute_url() + "#share"


def _read(request: HttpRequest, token: UUID) -> HttpResponse:
    """Raises LimitReached."""
    if conf().CHAT_SHARING == "off":
        raise Http404
    check_reading_shared(request)
    found = Conversation.objects.shared().select_related("shared_head")
    conversation = get_object_or_404(found, share_token=token)
    before = _position(request.GET.get("before"), conversation.shared_head)
    transcript = _before(conversation.shared_head, before)
    conversation.put_back(transcript[-1])
    context = {
        "conversation": conversation,
        "transcript": transcript,
        "older_url": f"?before={transcript[0].position}" if transcript[0].position else "",
        "is_copy": True,
    }
    return HttpResponse(render_to_string("chat/shared.html", context, request), headers=HEADERS)


def _position(before: str | None, head: Message | None) -> int:
    """The position before which the page ends. Other versions and branches are not shared."""
    if head is None:  # its message was deleted
        raise Http404
    if before is None:
        return head.position + 1
    place = number(before) or 0
    if not 0 < place <= head.position:
        raise Http404
    return place


def _before(head: Message, place: int) -> list[Message]:
    reach = head.position + 1 - place + SHOWN
    return list(Message.objects.path(head.pk, messages=reach).filter(position__lt=place))
