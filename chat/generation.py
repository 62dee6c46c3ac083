"""The task that writes one reply: from the provider into the journal, until it settles."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from . import markdown
from .conf import conf
from .database import Lane
from .endings import FINISH_REASONS, Ending, State
from .following import Tail
from .journal import Entry, Journal, NotOurs
from .models import MAX_TAKEOVERS, Message
from .prompts import ASK_TO_GO_ON
from .provider import Delta, Messages, Provider, ProviderError

logger = logging.getLogger(__name__)

LONGEST_PATH = 1_000  # messages of one conversation that are looked at for a request


@dataclass
class Task:
    """What a reply is to be written from."""

    model: str
    messages: Messages
    omitted: int  # earlier messages that were left out to keep within the budget
    takeovers: int
    stop_requested: bool


class Generation:
    """One running reply of this process. It goes on whether anybody reads it or not."""

    def __init__(self, tail: Tail, provider: Provider, journal: Journal, lane: Lane) -> None:
        self.tail = tail
        self._provider, self._journal, self._lane = provider, journal, lane
        self._ending = Ending(State.COMPLETE)
        self._stop_as: State | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def stop(self, state: State) -> None:
        """End the reply with what it has as `state`, and close the provider's stream."""
        if self._stop_as is None:
            self._stop_as = state
            self._task.cancel()

    def drop(self) -> asyncio.Task[None]:
        """Leave the reply as it is stored: another process has it, or will. The task that ends."""
        self._task.cancel()
        return self._task

    async def run(self) -> None:
        """Write the reply and settle it. The outermost frame of the task: nothing leaves it."""
        try:
            await self._settle(await self._write())
        except NotOurs:
            logger.info("Reply %s is not ours any more.", self.tail.reply_id)
        except asyncio.CancelledError:
            if self._stop_as is None:
                raise
            await self._settle_stopped()
        except Exception:
            logger.exception("Reply %s failed", self.tail.reply_id)
            await self._settle_failed(_("Something went wrong on our side. Please try again."))

    async def _write(self) -> Ending:
        """Everything up to the end of the reply; how it ended."""
        task = await self._lane.run(load_task, self.tail.reply_id)
        if task is None:
            raise NotOurs
        self._ending.omitted = task.omitted
        if task.stop_requested:
            return self._end(State.STOPPED)
        if task.takeovers > MAX_TAKEOVERS:
            return self._end(State.INTERRUPTED)
        try:
            async with asyncio.timeout(conf().CHAT_REPLY_TIMEOUT):
                return await self._read(task)
        except TimeoutError:
            text = _("The reply took longer than %d minutes and was ended.")
            return self._end(State.FAILED, text % (conf().CHAT_REPLY_TIMEOUT / 60))
        except ProviderError as error:
            logger.warning("Reply %s: provider %s", self.tail.reply_id, error)
            return self._end(State.FAILED, error.text)

    async def _read(self, task: Task) -> Ending:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with aclosing(self._deltas(task)) as deltas:
                async for delta in deltas:
                    self._note(delta, loop.time() - begun)
                    if delta.text and not await self._store(delta.text):
                        return self._end(State.LENGTH)
        finally:
            self._ending.duration = loop.time() - begun
        return self._end(FINISH_REASONS.get(self._ending.finish_reason, State.COMPLETE))

    def _deltas(self, task: Task) -> AsyncIterator[Delta]:
        text = self.tail.text
        messages = continued(task.messages, text) if text else task.messages
        return self._provider.stream(messages, task.model)

    def _note(self, delta: Delta, elapsed: float) -> None:
        ending = self._ending
        if delta.text and ending.first_piece_after is None:
            ending.first_piece_after = elapsed
        ending.reasoning = (ending.reasoning + delta.reasoning)[: conf().CHAT_REPLY_CHARS]
        ending.finish_reason = delta.finish_reason or ending.finish_reason
        ending.prompt_tokens = delta.prompt_tokens or ending.prompt_tokens
        ending.completion_tokens = delta.completion_tokens or ending.completion_tokens

    async def _store(self, text: str) -> bool:
        """Returns in time for the next commit: read once a tick. False at the limit."""
        start = len(self.tail.text)
        fits = text[: conf().CHAT_REPLY_CHARS - start]
        await self._journal.store(Entry(self.tail.reply_id, start, fits))
        await self._journal.turn()
        return len(fits) == len(text)

    def _end(self, state: State, error: str = "") -> Ending:
        self._ending.state, self._ending.error = state, error
        return self._ending

    async def _settle(self, ending: Ending) -> None:
        await self._journal.drained()  # a stop may come between the commit and its news
        ending.text = self.tail.text
        ending.rendered = await asyncio.to_thread(markdown.page, ending.text)
        ending.rendered_by = markdown.VERSION
        await self._journal.store(Entry(self.tail.reply_id, len(ending.text), ending=ending))

    async def _settle_stopped(self) -> None:
        try:
            await self._settle(self._end(self._stop_as))
        except NotOurs:
            logger.info("Reply %s had ended before it was stopped.", self.tail.reply_id)

    async def _settle_failed(self, error: str) -> None:
        try:
            await self._settle(self._end(State.FAILED, error))
        except NotOurs:
            logger.info("Reply %s had ended before it failed.", self.tail.reply_id)


def load_task(reply_id: UUID) -> Task | None:
    """What to send to the provider for a running reply; None when it runs no more."""
    reply = Message.objects.running().filter(pk=reply_id).first()
    if reply is None:
        return None
    system = conf().CHAT_SYSTEM_PROMPT
    messages = [{"role": "system", "content": system}] if system else []
    budget = conf().CHAT_CONTEXT_CHARS - len(system)
    path = list(
        Message.objects.path(reply.parent_id, messages=LONGEST_PATH, chars=budget).values_list(
            "role", "text", "position"
        )
    )
    messages += [{"role": role, "content": text} for role, text, _ in path if text]
    return Task(
        model=reply.model,
        messages=messages,
        omitted=path[0][2],
        takeovers=reply.takeovers,
        stop_requested=reply.stop_requested,
    )


def continued(messages: Messages, text: str) -> Messages:
    """`messages` so that the provider goes on behind `text`, the stored beginning of its answer."""
    beginning = {"role": "assistant", "content": text}
    if conf().CHAT_CONTINUE == "prefix":
        return [*messages, beginning]
    return [*messages, beginning, {"role": "user", "content": ASK_TO_GO_ON}]
