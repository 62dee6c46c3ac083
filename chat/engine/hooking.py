"""Calls the site's own hooks. Without any, nothing is called and nothing costs."""

import asyncio
import logging
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import openai
from django.db.models import Model
from django.utils.translation import gettext_noop as _

from ..conf import conf
from ..hooks import NotAccepted, Prompt, hooks, overrides
from ..models import Conversation, Message
from ..naming import find, full_name
from ..provider import ChosenClient, Messages, Provider
from .aside import Aside, where
from .context import Job
from .database import is_outage
from .journal import NotOurs
from .lanes import Lane

logger = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds for hooks that a user waits for
OUTAGE_PAUSE = 0.5  # seconds
UNPREPARED = _("This site could not prepare your message for the model. Try again in a moment.")
NOT_CHECKED = _("Something went wrong on our side. Try again in a moment.")


class HookFailed(Exception):
    """A hook raised, timed out or returned something invalid. `text` is for people, in
    English; the log gets nothing of what a hook was given."""

    def __init__(self, text: str, log: str) -> None:
        super().__init__(log)
        self.text = text


class Request(NamedTuple):
    """What goes to the provider for one reply, and by which client."""

    model: str
    messages: Messages
    parameters: dict[str, Any] | None = None  # None: those of the settings
    client: ChosenClient = None


class Hooking:
    """One per process."""

    def __init__(self, provider: Provider, lane: Lane) -> None:
        self._provider, self._lane = provider, lane
        self._aside = Aside()
        hooks()  # made before anyone waits for it

    async def models(self, person: Model) -> list[str]:
        """What this person may choose from, the default first; empty while unknown."""
        return await self._of(person, await self._provider.models())

    async def allowed(self, reply_id: UUID, models: list[str]) -> list[str]:
        """Those of these models that the owner of a reply may use, offered or not."""
        if not models or not overrides("models"):
            return models
        reply = await self._found(reply_id)
        known = dict.fromkeys([*await self._provider.models(), *models])
        usable = await self._of(reply.conversation.user, list(known))
        return [each for each in models if each in usable]

    async def _of(self, person: Model, offered: list[str]) -> list[str]:
        if not offered or not overrides("models"):
            return offered
        try:
            async with asyncio.timeout(PATIENCE):
                chosen = await self._aside.run(hooks().models, person, list(offered))
                return list(dict.fromkeys(map(full_name, chosen)))
        except Exception as error:
            logger.error("The hook models failed: %s", where(error))
            return []

    async def accept(
        self, person: Model, conversation: Conversation | None, message: Message
    ) -> None:
        """Raises NotAccepted, and HookFailed."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._aside.run(hooks().accept, person, conversation, message)
        except NotAccepted:
            raise
        except Exception as error:
            raise HookFailed(NOT_CHECKED, f"the hook accept failed: {where(error)}") from None

    async def request(self, reply_id: UUID, job: Job, model: str) -> Request:
        """What `model` is asked for a reply that is written here. Raises HookFailed, NotOurs."""
        request = Request(full_name(model), job.messages)
        if not (overrides("prompt") or overrides("client")):
            return request
        reply = await self._found(reply_id)
        if overrides("prompt"):
            prompt = await self._ask("prompt", reply, _prompt(request))
            request = _checked(prompt)
        return request._replace(client=await self.client(reply, request.model))

    async def client(self, reply: Message, model: str) -> ChosenClient:
        """The client for a reply with its user and parent loaded. Raises HookFailed."""
        if not overrides("client"):
            return None
        client = await self._ask("client", reply, model)
        if client is None or isinstance(client, openai.AsyncOpenAI) or _is_address(client):
            return client
        log = f"the hook client gave no client, but {type(client).__name__}"
        raise HookFailed(UNPREPARED, log)

    async def close(self) -> None:
        await self._aside.close()

    async def _found(self, reply_id: UUID) -> Message:
        """Waits for the database: the reply has its own timeout."""
        while True:
            try:
                return await self._lane.run(_with_owner, reply_id)
            except Message.DoesNotExist:  # just deleted
                raise NotOurs from None
            except Exception as error:
                if not is_outage(error):
                    raise
            await asyncio.sleep(OUTAGE_PAUSE)

    async def _ask(self, name: str, reply: Message, last: Any) -> Any:
        conversation = reply.conversation
        try:
            async with asyncio.timeout(conf().CHAT_FIRST_PIECE_TIMEOUT):
                hook = getattr(hooks(), name)
                return await self._aside.run(
                    hook, conversation.user, conversation, reply.parent, last
                )
        except Exception as error:
            raise HookFailed(UNPREPARED, f"the hook {name} failed: {where(error)}") from None


def _with_owner(reply_id: UUID) -> Message:
    reply = Message.objects.select_related("conversation__user", "parent").get(pk=reply_id)
    reply.parent.conversation = reply.conversation
    return reply


def _prompt(request: Request) -> Prompt:
    messages = list(request.messages)
    instruction = messages.pop(0)["content"] if messages[0]["role"] == "system" else ""
    extra = find(request.model)[0].EXTRA_BODY
    return Prompt(request.model, instruction, messages, dict(extra))


def _is_address(client: Any) -> bool:
    """And a key."""
    if not (isinstance(client, tuple) and len(client) == 2):
        return False
    return all(isinstance(each, str) for each in client)


def _checked(prompt: Any) -> Request:
    """The hook's prompt as a request. Raises HookFailed for one that cannot be sent."""
    if not isinstance(prompt, Prompt):
        log = f"the hook prompt gave no Prompt, but {type(prompt).__name__}"
        raise HookFailed(UNPREPARED, log)
    if not isinstance(prompt.model, str):
        log = f"the hook prompt gave no name of a model, but {type(prompt.model).__name__}"
        raise HookFailed(UNPREPARED, log)
    try:
        msgspec.json.encode([prompt.model, prompt.messages, prompt.parameters, prompt.instruction])
    except (TypeError, ValueError, RecursionError) as error:
        log = f"the hook prompt gave what is no JSON: {type(error).__name__}"
        raise HookFailed(UNPREPARED, log) from None
    instruction = [{"role": "system", "content": prompt.instruction}] if prompt.instruction else []
    return Request(full_name(prompt.model), [*instruction, *prompt.messages], prompt.parameters)
