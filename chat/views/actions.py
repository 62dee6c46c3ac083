"""What people do to a message: stop a reply, have it written again or go on, show a version."""

from collections.abc import Awaitable
from contextlib import suppress
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from ..engine import engine
from ..models import Conversation, Message, ReplyRunning
from .access import SeeOther, methods, page_for_signed_in, refusal, wants_html_parts, wants_json
from .sending import (
    STILL_RUNNING,
    Refused,
    answer_again,
    go_on,
    page_to_follow,
    payload,
    reply_fields,
)


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
    """Write a further reply in the place of one that has settled, and show it instead.

    The form field `model` says by which model; without it, by the same one.
    """
    reply = await _find(request, pk)
    return await _again(request, reply, answer_again(reply, request.POST.get("model", "")))


@methods("POST")
@page_for_signed_in
async def resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have a reply that ended early go on from the text that it has."""
    reply = await _find(request, pk)
    return await _again(request, reply, _go_on_if_last(reply))


@methods("POST")
@page_for_signed_in
async def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show this version of a message, and what came of it when it was last gone on with."""
    version = await _find(request, pk, Message.objects.all())
    try:
        await sync_to_async(version.conversation.show)(version)
    except ReplyRunning:
        return _refuse(request, version.conversation, Refused(STILL_RUNNING, 409))
    if wants_json(request):
        return JsonResponse({"head": str(version.conversation.head_id)})
    return SeeOther(f"{version.conversation.get_absolute_url()}#message-{version.pk}")


async def _find(request: HttpRequest, pk: UUID, among: QuerySet[Message] | None = None) -> Message:
    """Among the replies, if nothing else is said."""
    mine = (Message.objects.replies() if among is None else among).owned_by(request.user)
    found = mine.select_related("conversation", "conversation__user", "parent")
    return await engine().requests.read(get_object_or_404, found, pk=pk)


async def _go_on_if_last(reply: Message) -> Message:
    if not reply.can_continue or reply.conversation.head_id != reply.pk:
        text = _(
            "This reply is complete, or no longer the last one. Reload the page to see it as it is."
        )
        raise Refused(text, 409)
    return await go_on(reply)


async def _again(request: HttpRequest, reply: Message, begun: Awaitable[Message]) -> HttpResponse:
    try:
        running = await begun
    except Refused as refused:
        return _refuse(request, reply.conversation, refused)
    if not wants_json(request):
        return SeeOther(page_to_follow(request, reply.conversation_id))
    await running.arefresh_from_db()
    html = wants_html_parts(request)
    answer = await sync_to_async(payload)(request, running, html=html)
    return JsonResponse(answer, status=201)


def _refuse(request: HttpRequest, conversation: Conversation, refused: Refused) -> HttpResponse:
    if wants_json(request):
        return refusal(refused.text, refused.status, retry_after=refused.retry_after)
    messages.error(request, refused.text)
    return SeeOther(conversation.get_absolute_url())
