"""Titles that the model makes: one short request after a conversation's first reply."""

import asyncio
import logging
import re
from contextlib import aclosing
from textwrap import shorten
from uuid import UUID

from ..conf import conf
from ..models import TITLE_CHARS, Conversation, Message
from ..models.endings import State
from ..naming import full_name
from ..provider import ChosenClient, Messages, Provider, ProviderError
from ..provider.prompts import ASK_FOR_TITLE
from .hooking import HookFailed, Hooking
from .lanes import Lane

logger = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds in total
LONGEST_PART = 2_000  # characters of the message and of the reply that the model gets to see
LONGEST_ANSWER = 500  # characters; a model that writes more than this is telling a story
LABEL = re.compile(r"^(title|name)\s*:\s*", re.IGNORECASE)
# Quotation marks, Markdown and full stops around a title.
DRESS = " \t\"'`*_~.“”„‘’«»‹›「」"  # noqa: RUF001


async def give_title(reply_id: UUID, provider: Provider, hooks: Hooking, lane: Lane) -> None:
    """Have the model name the conversation whose first reply this is.

    Does nothing for later replies, or if the owner was faster; without a title from the model the
    first words stay. The outermost frame of its task.
    """
    if not conf().CHAT_TITLES:
        return
    try:
        reply = await lane.run(_untitled, reply_id)
        if reply is None:
            return
        async with asyncio.timeout(TIMEOUT):
            model = full_name(reply.finisher)
            client = await hooks.client(reply, model)
            title = cleaned(await _ask(provider, _request(reply), model, client))
        if title:
            await lane.run(reply.conversation.accept_title, title)
    except (ProviderError, HookFailed, TimeoutError) as error:
        logger.info("No title after reply %s: %s", reply_id, error or "it took too long")
    except Exception:
        logger.info("No title after reply %s", reply_id, exc_info=True)


def _untitled(reply_id: UUID) -> Message | None:
    first = Message.objects.filter(pk=reply_id, position=1, state=State.COMPLETE)
    waiting = first.filter(
        conversation__titled_by=Conversation.TitledBy.WORDS, conversation__deleted_at=None
    )
    return waiting.select_related("conversation__user", "parent").first()


def _request(reply: Message) -> Messages:
    return [
        {"role": "user", "content": reply.parent.text[:LONGEST_PART]},
        {"role": "assistant", "content": reply.text[:LONGEST_PART]},
        {"role": "user", "content": ASK_FOR_TITLE},
    ]


async def _ask(provider: Provider, messages: Messages, model: str, client: ChosenClient) -> str:
    text = ""
    async with aclosing(provider.stream(messages, model, client)) as deltas:
        async for delta in deltas:
            text += delta.text
            if len(text) > LONGEST_ANSWER:
                break
    return text


def cleaned(answer: str) -> str:
    """One line of plain text of at most `TITLE_CHARS` characters; empty if there is none."""
    lines = (
        LABEL.sub("", line.lstrip("# ").strip(DRESS)).strip(DRESS) for line in answer.splitlines()
    )
    title = next(filter(None, lines), "")
    return shorten(title, TITLE_CHARS, placeholder="…") if " " in title else title[:TITLE_CHARS]
