"""A message on its way in: from a form or from JSON, checked, stored, and answered."""

import logging
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _

from ..engine import Busy, Leaving, engine
from ..forms import MessageForm, ModelChoiceForm
from ..limits import LimitReached, check_messages_per_minute, check_running_replies
from ..models import Conversation, Message, Preset, ReplyRunning, number_versions
from .access import wants_html_parts

logger = logging.getLogger(__name__)

STILL_RUNNING = gettext_lazy("A reply is still being written here. Wait for it, or stop it first.")


class Refused(Exception):
    """The message was not stored. `text` says why and what to do."""

    def __init__(self, text: str, status: int, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.text, self.status, self.retry_after = str(text), status, retry_after


class _AlreadySent(Exception):
    """A message with this client id is stored; the argument is the reply to it."""


async def send(user: Model, data: dict[str, Any], conversation_id: UUID | None = None) -> Message:
    """Store the message in `data` and the empty reply to it, and start to write; the reply.

    Without a conversation a new one begins, with the instruction or the preset in `data`. The
    preset's model answers unless another than the default is chosen: pages always send one. Sending
    twice with one client id stores once. Raises Refused, and Http404 for what is not the person's.
    """
    models = await _models()
    sent = _checked(MessageForm(data, models=models))
    conversation_id = conversation_id or sent["conversation"]

    def store(writer: UUID) -> Message:
        conversation = _conversation(user, conversation_id)
        _refuse_second_copy(user, sent["client_id"])
        check_messages_per_minute(user)
        check_running_replies(user)
        replaces = _replaced(conversation, sent["replaces"])
        preset = user.presets.get(pk=sent["preset"]) if sent["preset"] else Preset()
        if preset.model in models and sent["model"] == models[0]:
            sent["model"] = preset.model
        instruction = preset.instruction or sent["instruction"]
        conversation = conversation or Conversation.begin(
            user, sent["message"], instruction=instruction
        )
        return conversation.post(
            sent["message"],
            model=sent["model"],
            client_id=sent["client_id"],
            writer=writer,
            replaces=replaces,
        )

    try:
        return await _begin(store)
    except _AlreadySent as stored:
        return stored.args[0]
    except IntegrityError:
        if sent["client_id"] is None:
            raise
        return await _stored_by_the_other(user, sent["client_id"])


async def answer_again(reply: Message, model: str = "") -> Message:
    """Write a further reply in the place of `reply`, by `model` or else its own; the new one.

    Where its own is not on offer any more, the first one writes. Raises Refused.
    """
    models = await _models()
    model = model or (reply.model if reply.model in models else "")
    chosen = _checked(ModelChoiceForm({"model": model}, models=models))

    def store(writer: UUID) -> Message:
        check_messages_per_minute(reply.conversation.user)
        check_running_replies(reply.conversation.user)
        return reply.conversation.retry(reply, model=chosen["model"], writer=writer)

    return await _begin(store)


async def go_on(reply: Message) -> Message:
    """Have `reply` go on from the text that it has; itself. Raises Refused."""

    def store(writer: UUID) -> Message:
        check_running_replies(reply.conversation.user)
        if not reply.conversation.resume(reply, writer=writer):
            raise ReplyRunning
        return reply

    return await _begin(store)


async def _models() -> list[str]:
    if models := await engine().provider.models():
        return models
    raise Refused(_("The model's server cannot be reached. Try again in a moment."), 503)


def _checked(form: ModelChoiceForm) -> dict[str, Any]:
    if not form.is_valid():
        raise Refused(form.first_error(), 400)
    return form.cleaned_data


async def _begin(store: Any) -> Message:
    try:
        return await engine().begin(override(get_language())(store))
    except ReplyRunning:
        raise Refused(STILL_RUNNING, 409, 2) from None
    except LimitReached as limit:
        raise Refused(limit.text, 429, limit.retry_after) from None
    except Busy:
        text = _("Too many replies are being written. Try again in a moment.")
        raise Refused(text, 503, 5) from None
    except Leaving:
        text = _("The server is being restarted. Try again in a moment.")
        raise Refused(text, 503, 2) from None
    except (OperationalError, InterfaceError):
        logger.warning("A message could not be stored: the database fails.")
        text = _("The database does not answer: your message is not sent. Try again in a moment.")
        raise Refused(text, 503, 5) from None
    except (Conversation.DoesNotExist, Preset.DoesNotExist):
        raise Http404 from None


def _conversation(user: Model, pk: UUID | None) -> Conversation | None:
    return Conversation.objects.owned_by(user).get(pk=pk) if pk else None


def _replaced(conversation: Conversation | None, pk: UUID | None) -> Message | None:
    if pk is None:
        return None
    said = Message.objects.filter(conversation=conversation, role=Message.Role.USER)
    if found := said.select_related("parent").filter(pk=pk).first():
        return found
    raise Refused(_("The message to replace is not in this conversation."), 404)


def _refuse_second_copy(user: Model, client_id: UUID | None) -> None:
    if client_id:
        first = Message.objects.owned_by(user).filter(client_id=client_id).first()
        if first:
            raise _AlreadySent(first.answers.earliest("created_at"))


async def _stored_by_the_other(user: Model, client_id: UUID) -> Message:
    """The reply to the same message, which another request stored at the same moment."""
    replies = Message.objects.owned_by(user).filter(parent__client_id=client_id)
    reply = await replies.order_by("created_at").afirst()
    if reply is None:
        raise Refused(_("This client_id is in use. Choose another one."), 409)
    return reply


def form_data(request: HttpRequest) -> dict[str, Any]:
    """The fields of a POST, newlines as they were typed. Raises Refused for text that is not UTF-8.

    Browsers send every newline of a text as CRLF (HTML, "multipart form data").
    """
    body = request.body
    if request.content_type == "application/x-www-form-urlencoded":
        body = unquote_to_bytes(body)
    try:
        body.decode()
    except UnicodeDecodeError:
        raise Refused(_("The message is not valid UTF-8."), 400) from None
    data = request.POST.dict()
    data["message"] = data.get("message", "").replace("\r\n", "\n")
    return data


def page_to_follow(request: HttpRequest, conversation_id: UUID) -> str:
    """Where a reply that has begun is shown: by script, or else in a page that grows with it."""
    url = reverse("chat:conversation", args=[conversation_id])
    return f"{url}?stream" if request.POST.get("as") == "stream" else url


def payload(request: HttpRequest, reply: Message, *, html: bool = False) -> dict[str, Any]:
    """What a program gets to know of a reply that has begun."""
    conversation_url = reverse("chat:conversation", args=[reply.conversation_id])
    answer = {
        "conversation": {"id": str(reply.conversation_id), "url": conversation_url},
        "message": {"id": str(reply.parent_id)},
        "reply": {
            "id": str(reply.pk),
            "state": reply.state,
            **{
                name: reverse(f"chat:{view}", args=[reply.pk])
                for name, view in (("url", "reply"), ("events", "events"), ("stop", "stop"))
            },
        },
    }
    if html:
        answer["conversation"]["changed"] = reply.conversation.changed_at.isoformat()
        answer["message"]["html"] = article(request, reply.parent)
        answer["reply"]["html"] = article(request, reply)
    return answer


def reply_fields(request: HttpRequest, message: Message) -> dict[str, Any]:
    """A reply as far as it is stored, for programs; for the page also as it stands there."""
    message.text = message.stored_text()
    fields = {
        "id": str(message.pk),
        "state": message.state,
        "text": message.text,
        "finish_reason": message.finish_reason,
        "error": _(message.error),
        "model": message.model,
        "usage": {
            "prompt_tokens": message.prompt_tokens,
            "completion_tokens": message.completion_tokens,
        },
    }
    if wants_html_parts(request):
        fields["html"] = article(request, message)
    return fields


def article(request: HttpRequest, message: Message) -> str:
    """A message as it stands in the page."""
    number_versions([message])
    return render_to_string("chat/_message.html", {"message": message}, request)
