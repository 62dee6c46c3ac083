"""What people do to a conversation: rename, instruct, pin, archive, delete, and take it back."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from ..engine import engine
from ..forms import InstructionForm, TitleForm
from ..models import PINNED_AT_MOST, Conversation, Message, TooManyPinned
from .access import (
    AsyncView,
    SeeOther,
    methods,
    page_for_signed_in,
    refusal,
    wants_html_parts,
    wants_json,
)
from .sending import Refused

Verb = Callable[[Conversation], None]


@methods("POST")
@page_for_signed_in
async def rename(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give it the title in the field `title`."""
    verb = partial(_rename, TitleForm(request.POST))
    return await sync_to_async(_keep)(request, pk, verb)


@methods("POST")
@page_for_signed_in
async def instruct(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What goes to the model before it: the text in `instruction`, or that of the `preset`."""
    verb = partial(_instruct, InstructionForm(request.POST, user=request.user))
    return await sync_to_async(_keep)(request, pk, verb)


@methods("POST")
@page_for_signed_in
async def restore(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a deletion back."""
    return await sync_to_async(_keep)(request, pk, Conversation.restore, deleted=True)


@methods("POST")
@page_for_signed_in
async def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Out of sight at once, and a reply that is being written ends; for a while to be undone."""
    conversation, running = await sync_to_async(_remove)(request, pk)
    for reply_id in running:
        with suppress(Message.DoesNotExist):  # really deleted this moment
            await engine().stop(reply_id)
    undo, url = reverse("chat:restore", args=[pk]), reverse("chat:new")
    if wants_html_parts(request) or not wants_json(request):
        text = _("“%s” is deleted.") % conversation.title
        messages.success(request, text, extra_tags=undo)  # base.html makes a button of it
    return JsonResponse({"restore": undo, "url": url}) if wants_json(request) else SeeOther(url)


def _view(verb: Verb) -> AsyncView:
    """A view that does nothing but this."""

    @methods("POST")
    @page_for_signed_in
    async def view(request: HttpRequest, pk: UUID) -> HttpResponse:
        return await sync_to_async(_keep)(request, pk, verb)

    return view


def _pin(conversation: Conversation) -> None:
    try:
        conversation.pin()
    except TooManyPinned:
        text = _("%d conversations are pinned, and no more can be. Unpin one first.")
        raise Refused(text % PINNED_AT_MOST, 409) from None


pin = _view(_pin)
unpin = _view(Conversation.unpin)
archive = _view(Conversation.archive)
unarchive = _view(Conversation.unarchive)


def _keep(request: HttpRequest, pk: UUID, verb: Verb, *, deleted: bool = False) -> HttpResponse:
    """Find it, do it, answer."""
    theirs = Conversation.objects.restorable_by if deleted else Conversation.objects.owned_by
    conversation = get_object_or_404(theirs(request.user).select_related("user"), pk=pk)
    try:
        verb(conversation)
    except Refused as refused:
        if wants_json(request):
            return refusal(refused.text, refused.status)
        messages.error(request, refused.text)
    if wants_json(request):
        return JsonResponse({"conversation": _fields(conversation)})
    return SeeOther(_next(request) or conversation.get_absolute_url())


def _rename(form: TitleForm, conversation: Conversation) -> None:
    if not form.is_valid():
        raise Refused(form.first_error(), 400)
    conversation.rename(form.cleaned_data["title"])


def _instruct(form: InstructionForm, conversation: Conversation) -> None:
    if not form.is_valid():
        raise Refused(form.first_error(), 400)
    conversation.instruct(form.chosen())


def _remove(request: HttpRequest, pk: UUID) -> tuple[Conversation, list[UUID]]:
    """What was removed, and its replies that are still being written; no further one can begin."""
    try:
        conversation = get_object_or_404(Conversation.objects.owned_by(request.user), pk=pk)
        conversation.remove()
        return conversation, list(conversation.messages.running().values_list("pk", flat=True))
    finally:
        connections.close_all()  # the engine comes next, and may be long


def _fields(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": str(conversation.pk),
        "url": conversation.get_absolute_url(),
        "title": conversation.title,
        "is_pinned": conversation.pinned_at is not None,
        "is_archived": conversation.archived_at is not None,
        "has_instruction": bool(conversation.instruction),
    }


def _next(request: HttpRequest) -> str:
    """The page that was left, where a form of it says so."""
    url = request.POST.get("next", "")
    return url if url_has_allowed_host_and_scheme(url, {request.get_host()}) else ""
