from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import aget_object_or_404, get_object_or_404, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ..conf import conf
from ..engine import engine
from ..forms import MessageForm
from ..models import Conversation, Message, number_versions
from ..models.conversation import INSTRUCTION_CHARS
from .access import (
    SeeOther,
    methods,
    page_for_signed_in,
    refusal,
    signed_in,
    wants_html_parts,
    wants_json,
)
from .growing import growing_page
from .listing import sidebar
from .sending import Refused, form_data, page_to_follow, payload, reply_fields, send

SHOWN = 50  # messages of a conversation; earlier ones are a click away
SHOWN_BEHIND = 20  # of them, behind one that was searched for


@methods("GET", "HEAD", "POST")
@page_for_signed_in
async def new(request: HttpRequest) -> HttpResponse:
    """The page for a new conversation, or the first message of one."""
    return await _page_or_post(request, None)


@methods("GET", "HEAD", "POST")
@page_for_signed_in
async def conversation(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The page of a conversation, with `?stream` as it grows; or a further message in it."""
    if request.method == "GET" and "stream" in request.GET:
        models = await engine().provider.models()
        return await growing_page(
            request, pk, lambda: _page(request, pk, MessageForm(models=models), models)
        )
    return await _page_or_post(request, pk)


@methods("GET", "HEAD")
@signed_in
async def reply(request: HttpRequest, pk: UUID) -> JsonResponse:
    """A reply as JSON, as far as it is stored."""
    message = await aget_object_or_404(Message.objects.replies().owned_by(request.user), pk=pk)
    return JsonResponse(await sync_to_async(reply_fields)(request, message))


async def _page_or_post(request: HttpRequest, pk: UUID | None) -> HttpResponse:
    models = await engine().provider.models()
    if request.method != "POST":
        if pk and wants_json(request) and wants_html_parts(request):
            return await sync_to_async(_parts)(request, pk)
        return await sync_to_async(_page)(request, pk, None, models)
    try:
        sent = await send(request.user, form_data(request), pk)
    except Refused as refused:
        if wants_json(request):
            return refusal(refused.text, refused.status, retry_after=refused.retry_after)
        return await sync_to_async(_refused_page)(request, pk, refused, models)
    if not wants_json(request):
        return SeeOther(page_to_follow(request, sent.conversation_id))
    if wants_html_parts(request):
        return JsonResponse(await sync_to_async(payload)(request, sent, html=True), status=201)
    return JsonResponse(payload(request, sent), status=201)


def _page(
    request: HttpRequest,
    pk: UUID | None,
    form: MessageForm | None,
    models: list[str],
    status: int = 200,
) -> HttpResponse:
    mine = Conversation.objects.owned_by(request.user)
    shown = get_object_or_404(mine, pk=pk) if pk else None
    transcript = _transcript(shown, request.GET) if shown else []
    context = _bar_context(request, shown) | {
        "transcript": transcript,
        "form": form or MessageForm(models=models, initial=_edited(request, shown)),
        "models": models,
        "model": next((each.model for each in transcript[::-1] if each.model in models), ""),
        "message_limit": conf().CHAT_MESSAGE_CHARS,
        "is_earlier": bool(transcript) and transcript[-1].pk != shown.head_id,
        "is_demo": engine().provider.is_demo(),
        "running": next((each for each in transcript if each.is_running), None),
    }
    context |= sidebar(request.user)
    return render(request, "chat/conversation.html", context, status=status)


def _bar_context(request: HttpRequest, shown: Conversation | None) -> dict[str, Any]:
    """What stands above the messages: title and menu."""
    return {
        "conversation": shown,
        "sharing": conf().CHAT_SHARING,
        "instruction_limit": INSTRUCTION_CHARS,
        "presets": request.user.presets.only("name", "model"),
    }


def _parts(request: HttpRequest, pk: UUID) -> JsonResponse:
    """What of a conversation's page changes with it; for the page's script."""
    shown = get_object_or_404(Conversation.objects.owned_by(request.user), pk=pk)
    context = _bar_context(request, shown) | {"transcript": _transcript(shown, request.GET)}
    parts = {
        "head": shown.head_id,
        "changed": shown.changed_at.isoformat(),
        "title": shown.title,
        "bar": render_to_string("chat/_bar.html", context, request),
        "transcript": render_to_string("chat/_transcript.html", context, request),
    }
    return JsonResponse(parts)


def _edited(request: HttpRequest, shown: Conversation | None) -> dict[str, Any]:
    """What the composer holds at first: nothing, or the message that `?edit=` names."""
    if not shown or "edit" not in request.GET:
        return {}
    message = _named(shown.messages.filter(role=Message.Role.USER), request.GET["edit"])
    return {"message": message.text, "replaces": message.pk}


def _refused_page(
    request: HttpRequest, pk: UUID | None, refused: Refused, models: list[str]
) -> HttpResponse:
    """The page again, with what was typed still in the box and what to do about it."""
    form = MessageForm(request.POST, models=models or [""])
    form.errors.clear()
    form.add_error("message", refused.text)
    response = _page(request, pk, form, models, refused.status)
    if refused.retry_after:
        response["Retry-After"] = str(refused.retry_after)
    return response


def _transcript(shown: Conversation, asked: dict[str, str]) -> list[Message]:
    """The last messages of the branch that is shown, oldest first, or those before one of them,
    or those around one of any branch."""
    end = shown.head_id
    if asked.get("before"):
        end = _named(shown.messages.all(), asked["before"]).parent_id
    elif asked.get("at"):
        end = _end_around(shown, _named(shown.messages.all(), asked["at"]))
    if end is None:
        return []
    messages = list(Message.objects.path(end, messages=SHOWN))
    for message in messages:
        if message.is_running:
            message.text = message.stored_text()
    number_versions(messages)
    return messages


def _named(messages: QuerySet[Message], pk: str) -> Message:
    try:
        return messages.get(pk=UUID(pk))
    except (ValueError, Message.DoesNotExist):
        raise Http404(_("There is no such message.")) from None


def _end_around(shown: Conversation, message: Message) -> UUID:
    """The last message to show with this one: of the branch that is shown, else of its newest."""
    length = shown.head.position - message.position + 1 if shown.head else 0
    branch = Message.objects.path(shown.head_id, messages=length).values_list("pk", flat=True)
    branch = list(branch) if length > 0 else []
    if message.pk in branch:
        return branch[-1] if length <= SHOWN else branch[SHOWN_BEHIND]
    return _newest_behind(shown, message)


def _newest_behind(shown: Conversation, message: Message) -> UUID:
    near = (message.position + 1, message.position + SHOWN_BEHIND)
    behind = shown.messages.filter(position__range=near).order_by("created_at")
    newest_answer = dict(behind.values_list("parent_id", "pk"))  # the last one of each stays
    end = message.pk
    while end in newest_answer:
        end = newest_answer[end]
    return end
