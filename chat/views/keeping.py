"""Actions on a conversation: rename, instruct, pin, archive, delete and restore it."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.db import connections
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from ..engine.process import engine
from ..forms import InstructionForm, TitleForm
from ..models import PINNED_AT_MOST, Conversation, Message, TooManyPinned
from ..refusals import Refused
from .access import methods, page_for_signed_in
from .answers import Answer, AsyncView, refusals_on, wants_html_parts, wants_json
from .fields import page_left

Change = Callable[[HttpRequest, Conversation], None]


def _changing(change: Change) -> AsyncView:
    """A view that applies `change` to the user's own conversation and returns its new state."""

    @methods("POST")
    @page_for_signed_in
    @wraps(change)
    def view(request: HttpRequest, pk: UUID) -> Answer:
        mine = Conversation.objects.owned_by(request.user).select_related("user")
        conversation = get_object_or_404(mine, pk=pk)
        with refusals_on(_page(request, conversation)):
            change(request, conversation)
        return _kept(request, conversation)

    return view


@_changing
def rename(request: HttpRequest, conversation: Conversation) -> None:
    """Give it the title in the field `title`."""
    conversation.rename(TitleForm(request.POST).checked()["title"])


@_changing
def instruct(request: HttpRequest, conversation: Conversation) -> None:
    """Set its instruction to the text in `instruction`, or to that of the `preset`."""
    conversation.instruct(InstructionForm(request.POST, user=request.user).chosen())


@_changing
def pin(request: HttpRequest, conversation: Conversation) -> None:
    """List it above the others."""
    try:
        conversation.pin()
    except TooManyPinned:
        text = _("%d chats are pinned, and no more can be. Unpin one first.")
        raise Refused(text % PINNED_AT_MOST, 409) from None


@_changing
def unpin(request: HttpRequest, conversation: Conversation) -> None:
    conversation.unpin()


@_changing
def archive(request: HttpRequest, conversation: Conversation) -> None:
    conversation.archive()


@_changing
def unarchive(request: HttpRequest, conversation: Conversation) -> None:
    conversation.unarchive()


@methods("POST")
@page_for_signed_in
async def delete(request: HttpRequest, pk: UUID) -> Answer:
    """Hide it at once and stop a reply that is being written. Can be undone for a while."""
    conversation, running = await sync_to_async(_remove)(request, pk)
    for reply_id in running:
        with suppress(Message.DoesNotExist):  # purged a moment ago
            await engine().stop(reply_id)
    undo, url = reverse("chat:restore", args=[pk]), reverse("chat:new")
    if wants_html_parts(request) or not wants_json(request):
        text = _("Deleted “%s”.") % conversation.title
        messages.success(request, text, extra_tags=undo)  # _messages.html makes a button of it
    return Answer(url, {"restore": undo, "url": url})


@methods("POST")
@page_for_signed_in
def restore(request: HttpRequest, pk: UUID) -> Answer:
    """Undo a deletion."""
    conversation = get_object_or_404(Conversation.objects.restorable_by(request.user), pk=pk)
    conversation.restore()
    return _kept(request, conversation)


def _remove(request: HttpRequest, pk: UUID) -> tuple[Conversation, list[UUID]]:
    """The removed conversation and the ids of its running replies; no new one can begin."""
    try:
        conversation = get_object_or_404(Conversation.objects.owned_by(request.user), pk=pk)
        conversation.remove()
        return conversation, list(conversation.messages.running().values_list("pk", flat=True))
    finally:
        connections.close_all()  # stopping replies may take a while


def _kept(request: HttpRequest, conversation: Conversation) -> Answer:
    return Answer(_page(request, conversation), {"conversation": _fields(conversation)})


def _page(request: HttpRequest, conversation: Conversation) -> str:
    return page_left(request) or conversation.get_absolute_url()


def _fields(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": str(conversation.pk),
        "url": conversation.get_absolute_url(),
        "title": conversation.title,
        "is_pinned": conversation.pinned_at is not None,
        "is_archived": conversation.archived_at is not None,
        "has_instruction": bool(conversation.instruction),
    }
