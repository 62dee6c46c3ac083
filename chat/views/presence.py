from asgiref.sync import sync_to_async
from django.db.models import Model
from django.http import HttpRequest, JsonResponse

from ..models import Conversation, Message
from .access import methods, signed_in


@methods("GET")
@signed_in
async def running(request: HttpRequest) -> JsonResponse:
    """Which of the person's conversations are being answered.

    Every page asks now and then: it is the sign that the person is there, so that replies that
    nobody follows at the moment are not taken for abandoned.
    """
    return JsonResponse({"conversations": await sync_to_async(_running)(request.user)})


def _running(user: Model) -> list[dict[str, str]]:
    answered = Conversation.objects.owned_by(user).filter(
        pk__in=Message.objects.running().values("conversation")
    )
    found = [{"id": str(each.pk), "url": each.get_absolute_url()} for each in answered]
    if found:
        Message.objects.owned_by(user).note_followed()
    return found
