from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import Model
from django.http import HttpRequest, JsonResponse

from ..models import Conversation, Message
from .access import methods, signed_in


@methods("GET")
@signed_in
async def running(request: HttpRequest) -> JsonResponse:
    """Which of the person's conversations are being answered, and whether anything has changed.

    `version` is another one whenever the list has changed, `open` whenever the conversation named
    by `?conversation=` has; null when that one is gone.

    Every page asks now and then: it is the sign that the person is there, so that replies that
    nobody follows at the moment are not taken for abandoned.
    """
    return JsonResponse(await sync_to_async(_state)(request.user, request.GET))


def _state(user: Model, asked: dict[str, str]) -> dict[str, Any]:
    state = {
        "conversations": _running(user),
        "version": Conversation.objects.version(user),
    }
    if "conversation" in asked:
        state["open"] = _open(user, asked["conversation"])
    return state


def _running(user: Model) -> list[dict[str, str]]:
    answered = Conversation.objects.owned_by(user).filter(
        pk__in=Message.objects.running().values("conversation")
    )
    found = [{"id": str(each.pk), "url": each.get_absolute_url()} for each in answered]
    if found:
        Message.objects.owned_by(user).note_followed()
    return found


def _open(user: Model, pk: str) -> str | None:
    try:
        mine = Conversation.objects.owned_by(user).filter(pk=UUID(pk))
    except ValueError:
        return None
    changed_at = mine.values_list("changed_at", flat=True).first()
    return changed_at and changed_at.isoformat()
