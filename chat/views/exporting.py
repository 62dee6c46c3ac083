"""A conversation as a file: the branch shown as Markdown, or everything as JSON."""

import re
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from ..models import Conversation, Message
from ..models.endings import State
from .access import methods, page_for_signed_in
from .payloads import more_than_text, several_authors

ALL = 2**31 - 1  # messages
NAME_BYTES = 200  # of a file's name; file systems take 255
# What some file system forbids in names, and what changes the direction of the text.
NOT_IN_NAMES = re.compile(
    r'[\x00-\x1f\x7f-\x9f"*/:<>?\\|\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+'
)


@methods("GET", "HEAD")
@page_for_signed_in
def markdown(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The branch that is shown: who wrote what and when, each text verbatim."""
    conversation = _find(request, pk)
    branch = Message.objects.path(conversation.head_id, messages=ALL)
    parts = [f"# {_one_line(conversation.title)}"]
    for message in branch if conversation.head_id else ():
        parts += [f"## {_heading(message)}", message.catch_up().text]
    text = "\n\n".join(parts) + "\n"
    return _as_file(HttpResponse(text, content_type="text/markdown; charset=utf-8"), conversation)


@methods("GET", "HEAD")
@page_for_signed_in
def json(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Every message of the conversation, all versions, as the README describes it."""
    conversation = _find(request, pk)
    messages = conversation.messages.order_by("position", "created_at")
    exported = {
        "id": conversation.pk,
        "title": conversation.title,
        "instruction": conversation.instruction,
        "created": conversation.created_at,
        "head": conversation.head_id,
        "messages": [_fields(message) for message in messages],
    }
    readable = {"ensure_ascii": False, "indent": 2}
    return _as_file(JsonResponse(exported, json_dumps_params=readable), conversation)


def _find(request: HttpRequest, pk: UUID) -> Conversation:
    return get_object_or_404(Conversation.objects.owned_by(request.user), pk=pk)


def _heading(message: Message) -> str:
    when = f"{localtime(message.created_at):%Y-%m-%d %H:%M %Z}"
    if message.role == Message.Role.USER:
        return _("You, %s") % when
    ending = "" if message.state == State.COMPLETE else f" ({message.get_state_display()})"
    models = [share.model for share in message.shares] or [message.model]
    return f"{_one_line(', '.join(models))}, {when}{ending}"


def _fields(message: Message) -> dict[str, Any]:
    message.catch_up()
    return {
        "id": message.pk,
        "parent": message.parent_id,
        "role": message.role,
        "text": message.text,
        **more_than_text(message),
        "model": message.model,
        **several_authors(message),
        "state": message.state,
        "created": message.created_at,
        "rating": message.rating,
        "comment": message.rating_comment,
    }


def _as_file(response: HttpResponse, conversation: Conversation) -> HttpResponse:
    ending = "json" if isinstance(response, JsonResponse) else "md"
    name = f"{_file_name(conversation.title)}.{ending}"
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "private, no-store"
    return response


def _file_name(title: str) -> str:
    words = _one_line(NOT_IN_NAMES.sub(" ", title))
    return words.encode()[:NAME_BYTES].decode(errors="ignore").strip(". ") or _("chat")


def _one_line(text: str) -> str:
    return " ".join(text.split())
