"""Actions on a message: stop a reply, retry or continue it, show another version."""

from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from ..engine.process import engine
from ..models import Message, ReplyRunning
from ..refusals import Refused
from .access import methods, page_for_signed_in
from .answers import Answer, refusals_on
from .beginning import STILL_RUNNING
from .payloads import begun_again, reply_fields
from .sending import answer_again, go_on


@methods("POST")
@page_for_signed_in
async def stop(request: HttpRequest, pk: UUID) -> Answer:
    """End a running reply with the text that it has. One that has settled stays as it is."""
    reply = await _find(request, pk)
    if reply.is_running:
        with suppress(Message.DoesNotExist):  # deleted this moment
            await engine().stop(pk)
    return Answer(reply.conversation.get_absolute_url(), partial(_stopped, request, pk))


@methods("POST")
@page_for_signed_in
async def retry(request: HttpRequest, pk: UUID) -> Answer:
    """Write another version of a settled reply and show that one.

    The field `model` says by which model; without it, the same one writes.
    """
    reply = await _find(request, pk)
    with refusals_on(reply.conversation.get_absolute_url()):
        return begun_again(request, await answer_again(reply, request.POST.get("model", "")))


@methods("POST")
@page_for_signed_in
async def resume(request: HttpRequest, pk: UUID) -> Answer:
    """Continue a reply that ended early from the text that it has."""
    reply = await _find(request, pk)
    with refusals_on(reply.conversation.get_absolute_url()):
        if not reply.can_continue or reply.conversation.head_id != reply.pk:
            raise Refused(_("This reply has changed meanwhile. Reload the page."), 409)
        return begun_again(request, await go_on(reply))


@methods("POST")
@page_for_signed_in
async def show(request: HttpRequest, pk: UUID) -> Answer:
    """Show this version of a message, with the latest branch below it."""
    version = await _find(request, pk, Message.objects.all())
    conversation, page = version.conversation, version.conversation.get_absolute_url()
    try:
        await sync_to_async(conversation.show)(version)
    except ReplyRunning:
        raise Refused(STILL_RUNNING, 409, page=page) from None
    return Answer(f"{page}#message-{version.pk}", {"head": str(conversation.head_id)})


async def _find(request: HttpRequest, pk: UUID, among: QuerySet[Message] | None = None) -> Message:
    """One of the user's own messages, by default a reply."""
    mine = (Message.objects.replies() if among is None else among).owned_by(request.user)
    found = mine.select_related("conversation", "conversation__user", "parent")
    return await engine().requests.read(get_object_or_404, found, pk=pk)


def _stopped(request: HttpRequest, pk: UUID) -> dict[str, Any]:
    mine = Message.objects.replies().owned_by(request.user)
    return reply_fields(request, get_object_or_404(mine, pk=pk))
