from functools import partial
from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import aget_object_or_404, get_object_or_404, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ..conf import conf
from ..engine.process import engine
from ..forms import MessageForm
from ..models import Conversation, Message, number_versions
from ..models.conversation import INSTRUCTION_CHARS
from ..naming import full_name
from ..refusals import Refused
from .access import methods, page_for_signed_in, signed_in
from .answers import Answer, refusals_on, wants_html_parts, wants_json
from .growing import growing_page
from .listing import sidebar
from .payloads import begun, reply_fields
from .sending import send

SHOWN = 50  # messages on a page; earlier ones are a click away
SHOWN_AFTER = 20  # of them, after one that was searched for


@methods("GET", "HEAD", "POST")
@page_for_signed_in
async def new(request: HttpRequest) -> HttpResponse | Answer:
    """The page for a new conversation, or the first message of one."""
    if request.method == "POST":
        return await _send(request, None)
    models = await engine().hooks.models(request.user)
    return await sync_to_async(_page)(request, None, models, trouble=await _trouble(request))


@methods("GET", "HEAD", "POST")
@page_for_signed_in
async def conversation(request: HttpRequest, pk: UUID) -> HttpResponseBase | Answer:
    """The page of a conversation, with `?stream` as it grows; or another message in it."""
    if request.method == "POST":
        return await _send(request, pk)
    models = await engine().hooks.models(request.user)
    if request.method == "GET" and "stream" in request.GET:
        form = MessageForm(models=models)
        return await growing_page(request, pk, lambda: _page(request, pk, models, form))
    if wants_json(request) and wants_html_parts(request):
        return await sync_to_async(_parts)(request, pk)
    return await sync_to_async(_page)(request, pk, models, trouble=await _trouble(request))


@methods("GET", "HEAD")
@signed_in
async def reply(request: HttpRequest, pk: UUID) -> JsonResponse:
    """A reply as JSON, as far as it is stored."""
    message = await aget_object_or_404(Message.objects.replies().owned_by(request.user), pk=pk)
    return JsonResponse(await sync_to_async(reply_fields)(request, message))


async def _trouble(request: HttpRequest) -> str:
    """What is wrong with the provider: only staff can do something about it."""
    is_staff = getattr(request.user, "is_staff", False)
    return await engine().provider.trouble() if is_staff else ""


async def _send(request: HttpRequest, pk: UUID | None) -> Answer:
    models = await engine().hooks.models(request.user)
    with refusals_on(partial(_refused_page, request, pk, models)):
        return begun(request, await send(request.user, request.POST.dict(), pk))


def _page(
    request: HttpRequest,
    pk: UUID | None,
    models: list[str],
    form: MessageForm | None = None,
    status: int = 200,
    trouble: str = "",
) -> HttpResponse:
    mine = Conversation.objects.owned_by(request.user)
    shown = get_object_or_404(mine, pk=pk) if pk else None
    transcript = _transcript(shown, request.GET) if shown else []
    context = _bar_context(request, shown) | {
        "transcript": transcript,
        "form": form or MessageForm(models=models, initial=_edited(request, shown)),
        "models": models,
        "model": _last_model(transcript, models),
        "message_limit": conf().CHAT_MESSAGE_CHARS,
        "is_earlier": bool(transcript) and transcript[-1].pk != shown.head_id,
        "is_demo": conf().is_demo,
        "trouble": trouble,
        "running": next((each for each in transcript if each.is_running), None),
    }
    context |= sidebar(request.user)
    return render(request, "chat/conversation.html", context, status=status)


def _last_model(transcript: list[Message], models: list[str]) -> str:
    """The one to go on with: that of the last reply by one that is still offered."""
    names = (full_name(each.model) for each in reversed(transcript))
    return next((name for name in names if name in models), "")


def _bar_context(request: HttpRequest, shown: Conversation | None) -> dict[str, Any]:
    """The context of the bar above the messages, with title and menu."""
    return {
        "conversation": shown,
        "sharing": conf().CHAT_SHARING,
        "instruction_limit": INSTRUCTION_CHARS,
        "presets": request.user.chat_presets.only("name", "model"),
    }


def _parts(request: HttpRequest, pk: UUID) -> JsonResponse:
    """The parts of the page that change with the conversation, for the page's script."""
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
    """The initial data of the composer: empty, or the message that `?edit=` names.

    The client_id makes sending from this page twice, as one may without script, store once.
    """
    if not shown or "edit" not in request.GET:
        return {"client_id": uuid4()}
    message = _named(shown.messages.filter(role=Message.Role.USER), request.GET["edit"])
    return {"client_id": uuid4(), "message": message.text, "replaces": message.pk}


def _refused_page(
    request: HttpRequest, pk: UUID | None, models: list[str], refused: Refused
) -> HttpResponse:
    """The page again, with the text still in the composer and the reason above it."""
    data = request.POST.copy()
    if refused.status != 503:  # it is certain that nothing was stored
        data["client_id"] = uuid4()
    form = MessageForm(data, models=models or [""])
    form.errors.clear()
    form.add_error("message", refused.text)
    return _page(request, pk, models, form, refused.status)


def _transcript(shown: Conversation, asked: dict[str, str]) -> list[Message]:
    """The last messages of the branch that is shown, oldest first; with `?before=`, those before
    a message; with `?at=`, those around a message of any branch."""
    end = shown.head_id
    if asked.get("before"):
        end = _named(shown.messages.all(), asked["before"]).parent_id
    elif asked.get("at"):
        end = _end_around(shown, _named(shown.messages.all(), asked["at"]))
    if end is None:
        return []
    messages = list(Message.objects.path(end, messages=SHOWN))
    for message in messages:
        message.catch_up()
    number_versions(messages)
    return messages


def _named(messages: QuerySet[Message], pk: str) -> Message:
    try:
        return messages.get(pk=UUID(pk))
    except (ValueError, Message.DoesNotExist):
        raise Http404(_("There is no such message.")) from None


def _end_around(shown: Conversation, message: Message) -> UUID:
    """The last message to show after this one, in the branch shown or else in its newest."""
    length = shown.head.position - message.position + 1 if shown.head else 0
    branch = Message.objects.path(shown.head_id, messages=length).values_list("pk", flat=True)
    branch = list(branch) if length > 0 else []
    if message.pk in branch:
        return branch[-1] if length <= SHOWN else branch[SHOWN_AFTER]
    return _newest_below(shown, message)


def _newest_below(shown: Conversation, message: Message) -> UUID:
    near = (message.position + 1, message.position + SHOWN_AFTER)
    below = shown.messages.filter(position__range=near).order_by("created_at")
    newest_answer = dict(below.values_list("parent_id", "pk"))  # the last one of each stays
    end = message.pk
    while end in newest_answer:
        end = newest_answer[end]
    return end
