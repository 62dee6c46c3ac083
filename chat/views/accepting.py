"""What the site's own hooks say of a message, before it is sent or answered again."""

import logging
from uuid import UUID

from django.db.models import Model
from django.http import Http404
from django.utils.translation import gettext as _

from ..engine.hooking import HookFailed
from ..engine.process import engine
from ..hooks import NotAccepted, overrides
from ..models import Conversation, Message
from ..refusals import Refused
from .beginning import STILL_RUNNING

logger = logging.getLogger(__name__)


async def models_for(user: Model) -> list[str]:
    """The models that this person may use, the default first. Raises Refused if there are none."""
    if models := await engine().hooks.models(user):
        return models
    if await engine().provider.models():
        raise Refused(_("There is no model here that you may use at the moment."), 403)
    raise Refused(_("The model's server cannot be reached. Try again in a moment."), 503)


async def accept_new(user: Model, conversation_id: UUID | None, text: str) -> None:
    """As `accept`, for a message that is not stored yet. Raises Refused, and Http404."""
    conversation = None
    if conversation_id:
        try:
            conversation = await engine().requests.repeat(_find, user, conversation_id)
        except Conversation.DoesNotExist:
            raise Http404 from None
        conversation.user = user
    message = Message(conversation=conversation, role=Message.Role.USER, text=text)
    await accept(user, conversation, message)


async def accept(user: Model, conversation: Conversation | None, message: Message) -> None:
    """Have the hook look at a message that is to be answered. Raises Refused.

    It may count messages, so it is not asked again and again while a reply is being written.
    """
    if not overrides("accept"):
        return
    if conversation and await engine().requests.repeat(_has_running, conversation):
        raise Refused(STILL_RUNNING, 409, 2)
    try:
        await engine().hooks.accept(user, conversation, message)
    except NotAccepted as said:
        raise Refused(said.text, 429 if said.retry_after else 403, said.retry_after) from None
    except HookFailed as error:
        logger.error("A message is refused: %s", error)
        raise Refused(_(error.text), 500) from None


def _find(user: Model, pk: UUID) -> Conversation:
    return Conversation.objects.owned_by(user).get(pk=pk)


def _has_running(conversation: Conversation) -> bool:
    return conversation.messages.running().exists()
