"""What makes the model write: a new message, another version of a reply, or its continuation."""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..engine.process import engine
from ..forms import MessageForm, ModelChoiceForm
from ..hooks import overrides
from ..limits import check_sending
from ..models import Conversation, Message, Preset, ReplyRunning
from ..naming import full_name
from ..refusals import Refused
from .accepting import accept, accept_new, models_for
from .beginning import begin

UNCERTAIN = gettext_lazy(
    "The database does not answer, so it is not certain that your message was sent. "
    "Try again: it will not be sent twice."
)
UNCERTAIN_WITHOUT_ID = gettext_lazy(
    "The database does not answer, so it is not certain that your message was sent. "
    "Look at your chats before you send it again."
)
CLIENT_ID_IN_USE = gettext_lazy("This client_id is in use. Choose another one.")


async def send(user: Model, data: dict[str, Any], conversation_id: UUID | None = None) -> Message:
    """Store the message in `data` with an empty reply, and begin to write it. Returns the reply.

    Without a conversation a new one begins, with the instruction or the preset in `data`. The
    preset's model answers unless a model other than the default is chosen: pages always send one.
    Sending the same client_id twice stores the message once. Raises Refused, and Http404 for what
    belongs to somebody else.
    """
    models = await models_for(user)
    sent = MessageForm(data, models=models).checked()
    sent["conversation"] = conversation_id or sent["conversation"]
    store = partial(_store, user, sent, models, reply_id := uuid4())
    in_outage = UNCERTAIN if sent["client_id"] else UNCERTAIN_WITHOUT_ID
    try:
        if overrides("accept"):
            if first := await _first_copy(user, sent["client_id"], sent["message"]):
                return first
            await accept_new(user, sent["conversation"], sent["message"])
        return await begin(store, reply_id, user, in_outage)
    except (IntegrityError, Refused) as error:
        if isinstance(error, Refused) and error.status == 503:
            raise
        # A repeated message has its reply already, whatever keeps a new one from being sent.
        if first := await _first_copy(user, sent["client_id"], sent["message"]):
            return first
        if isinstance(error, IntegrityError) and sent["client_id"]:
            raise Refused(CLIENT_ID_IN_USE, 409) from None
        raise


async def answer_again(reply: Message, model: str = "") -> Message:
    """Begin another version of `reply`, by `model` or else by the one that wrote it; the new one.

    If that model is no longer offered, the default one writes. Raises Refused.
    """
    user, reply_id = reply.conversation.user, uuid4()
    models = await models_for(user)
    before = full_name(reply.model)
    model = model or (before if before in models else "")
    chosen = ModelChoiceForm({"model": model}, models=models).checked()
    await accept(user, reply.conversation, reply.parent)

    def store(writer: UUID) -> Message:
        check_sending(user)
        again = reply.conversation.retry
        return again(reply, model=chosen["model"], writer=writer, reply_id=reply_id)

    return await begin(store, reply_id, user)


async def go_on(reply: Message) -> Message:
    """Continue `reply` from the text that it has. Returns it. Raises Refused."""
    user = reply.conversation.user
    if overrides("models"):
        ModelChoiceForm({"model": reply.finisher}, models=await models_for(user)).checked()
    await accept(user, reply.conversation, reply.parent)

    def store(writer: UUID) -> Message:
        check_sending(user)
        if not reply.conversation.resume(reply, writer=writer):
            raise ReplyRunning
        return reply

    return await begin(store, reply.pk, user)


def _store(
    user: Model, sent: dict[str, Any], models: list[str], reply_id: UUID, writer: UUID
) -> Message:
    conversation = _conversation(user, sent["conversation"])
    check_sending(user)
    replaces = _replaced(conversation, sent["replaces"])
    preset = user.chat_presets.get(pk=sent["preset"]) if sent["preset"] else Preset()
    if conversation is None:
        instruction = preset.instruction or sent["instruction"]
        conversation = Conversation.begin(user, sent["message"], instruction=instruction)
    has_chosen, of_preset = sent["model"] != models[0], full_name(preset.model)
    return conversation.post(
        sent["message"],
        model=sent["model"] if has_chosen or of_preset not in models else of_preset,
        client_id=sent["client_id"],
        reply_id=reply_id,
        writer=writer,
        replaces=replaces,
    )


def _conversation(user: Model, pk: UUID | None) -> Conversation | None:
    return Conversation.objects.owned_by(user).get(pk=pk) if pk else None


def _replaced(conversation: Conversation | None, pk: UUID | None) -> Message | None:
    if pk is None:
        return None
    said = Message.objects.filter(conversation=conversation, role=Message.Role.USER)
    if found := said.select_related("parent").filter(pk=pk).first():
        return found
    raise Refused(_("The message to replace is not in this chat."), 404)


async def _first_copy(user: Model, client_id: UUID | None, text: str) -> Message | None:
    """The reply to this message, if it was sent before or at the same moment.

    A different message under the same id, say from a page restored by Back, must not get lost:
    raises Refused.
    """
    if client_id is None:
        return None
    first = await engine().requests.repeat(_reply_to, user, client_id)
    if first and first.parent.text != text:
        raise Refused(CLIENT_ID_IN_USE, 409)
    return first


def _reply_to(user: Model, client_id: UUID) -> Message | None:
    replies = Message.objects.owned_by(user).filter(parent__client_id=client_id)
    return replies.select_related("conversation", "parent").order_by("created_at").first()
