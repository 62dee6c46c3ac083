"""What people do to a reply: stop it, have it written again, have it go on."""

from contextlib import suppress
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from ..engine import engine
from ..models import Message
from .access import SeeOther, methods, page_for_signed_in, refusal, wants_html_parts, wants_json
from .sending import Refused, answer_again, payload, reply_fields


@methods("POST")
@page_for_signed_in
async def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End a running reply with the text that it has; one that has ended stays as it is."""
    reply = await _find(request, pk)
    if reply.is_running:
        with suppress(Message.DoesNotExist):  # deleted this moment
            await engine().stop(pk)
    if not wants_json(request):
        return SeeOther(reply.conversation.get_absolute_url())
    return JsonResponse(await sync_to_async(reply_fields)(request, await _find(request, pk)))


@methods("POST")
@page_for_signed_in
async def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Write a further reply in the place of one that failed; the failed one is kept."""
    reply = await _find(request, pk)
    return await _again(request, reply, possible=reply.can_retry, resume=False)


@methods("POST")
@page_for_signed_in
async def resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have a reply that ended early go on from the text that it has."""
    reply = await _find(request, pk)
    return await _again(request, reply, possible=reply.can_continue, resume=True)


async def _find(request: HttpRequest, pk: UUID) -> Message:
    mine = Message.objects.replies().owned_by(request.user)
    found = mine.select_related("conversation", "conversation__user", "parent")
    return await sync_to_async(_get)(found, pk)


def _get(found: QuerySet[Message], pk: UUID) -> Message:
    try:
        return get_object_or_404(found, pk=pk)
    finally:
        connections.close_all()  # the engine comes next, and may be long


async def _again(
    request: HttpRequest, reply: Message, *, possible: bool, resume: bool
) -> HttpResponse:
    try:
        if not possible or reply.conversation.head_id != reply.pk:
            raise Refused(_("This reply is complete, or no longer the last one."), 409)
        running = await answer_again(reply, resume=resume)
    except Refused as refused:
        if wants_json(request):
            return refusal(refused.text, refused.status, retry_after=refused.retry_after)
        messages.error(request, refused.text)
        return SeeOther(reply.conversation.get_absolute_url())
    if not wants_json(request):
        return SeeOther(reply.conversation.get_absolute_url())
    await running.arefresh_from_db()
    html = wants_html_parts(request)
    answer = await sync_to_async(payload)(request, running, html=html)
    return JsonResponse(answer, status=201)
