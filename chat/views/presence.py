from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest, JsonResponse

from ..models import Conversation, Message
from .access import methods, signed_in


@methods("GET")
@signed_in
def running(request: HttpRequest) -> JsonResponse:
    """Which of the user's conversations are being answered, and whether anything has changed.

    `version` changes whenever the list does, `open` whenever the conversation in `?conversation=`
    does; it is null once that one is gone.

    Every page polls this. It shows that the user is present, so that a reply without a reader at
    the moment is not taken for abandoned.
    """
    state = {
        "conversations": _running(request.user),
        "version": Conversation.objects.version(request.user),
    }
    if "conversation" in request.GET:
        state["open"] = _open(request.user, request.GET["conversation"])
    return JsonResponse(state)


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
