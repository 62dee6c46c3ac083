"""A reply as JSON, for programs and for the page's script."""

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from ..models import Message, number_versions
from ..parts import for_programs
from .answers import Answer, wants_html_parts


def begun(request: HttpRequest, reply: Message) -> Answer:
    """The answer when a reply has begun."""
    page = _page_to_follow(request, reply.conversation_id)
    if wants_html_parts(request):
        return Answer(page, partial(payload, request, reply, html=True), 201)
    return Answer(page, payload(request, reply), 201)


def begun_again(request: HttpRequest, reply: Message) -> Answer:
    """As `begun`, with the reply reloaded from the database."""

    def fields() -> dict[str, Any]:
        reply.refresh_from_db()
        return payload(request, reply, html=wants_html_parts(request))

    return Answer(_page_to_follow(request, reply.conversation_id), fields, 201)


def _page_to_follow(request: HttpRequest, conversation_id: UUID) -> str:
    """The page that shows the reply grow, either by script or as a streamed page."""
    url = reverse("chat:conversation", args=[conversation_id])
    return f"{url}?stream" if request.POST.get("as") == "stream" else url


def payload(request: HttpRequest, reply: Message, *, html: bool = False) -> dict[str, Any]:
    """The ids and URLs of a reply that has begun; with `html`, its messages rendered too."""
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
    """A reply as far as it is stored; for the page's script, rendered too."""
    message.catch_up()
    fields = {
        "id": str(message.pk),
        "state": message.state,
        "text": message.text,
        **more_than_text(message),
        "finish_reason": message.finish_reason,
        "error": _(message.error),
        "model": message.model,
        **several_authors(message),
        "usage": {
            "prompt_tokens": message.prompt_tokens,
            "completion_tokens": message.completion_tokens,
        },
    }
    if wants_html_parts(request):
        fields["html"] = article(request, message)
    return fields


def more_than_text(message: Message) -> dict[str, Any]:
    """All parts of a reply in order, if there are others than text."""
    return {"parts": for_programs(message.log)} if message.parts else {}


def several_authors(message: Message) -> dict[str, Any]:
    """Which model began where in the log, if more than one wrote it."""
    authors = [{"model": share.model, "from": share.start} for share in message.shares]
    return {"authors": authors} if authors else {}


def article(request: HttpRequest, message: Message) -> str:
    """A message as the page shows it."""
    number_versions([message])
    return render_to_string("chat/_message.html", {"message": message}, request)
