"""The task that writes one reply: from the provider into the journal, until it settles."""

import asyncio
import logging

from django.utils.translation import gettext_noop as _

from . import markdown
from .commits import Entry
from .conf import conf
from .context import Task, continued
from .endings import FINISH_REASONS, Ending, State
from .following import Tail
from .journal import Journal, NotOurs
from .models import MAX_TAKEOVERS
from .provider import Answer, Delta, Provider, ProviderError

logger = logging.getLogger(__name__)

SHORT = 2_000  # characters
THOUGHTS_TICK = 1.0  # seconds between two times that thoughts are stored: each rewrites them


class Generation:
    """One running reply of this process. It goes on whether anybody reads it or not."""

    def __init__(self, task: Task, tail: Tail, provider: Provider, journal: Journal) -> None:
        self.tail = tail
        self._todo, self._provider, self._journal = task, provider, journal
        thoughts = task.reasoning and f"{task.reasoning}\n\n"
        self._ending = Ending(State.COMPLETE, omitted=task.omitted, reasoning=thoughts)
        self._thoughts_stored = len(task.reasoning)
        self._thoughts_due = 0.0  # by the loop's clock
        self._stop_as: State | None = None
        self._answer: Answer | None = None
        self._collected: asyncio.Future[None] | None = None  # all that the answer has brought
        self._not_stored: Exception | None = None
        self._is_full = False  # the longest that a reply may be
        self._begun = 0.0  # by the loop's clock
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

    def fail(self, error: Exception) -> None:
        """What was collected cannot be stored."""
        self._not_stored = error
        if self._collected and not self._collected.done():
            self._collected.set_result(None)

    # What the journal asks at each tick:

    def let_in(self) -> None:
        self._answer.let_in()

    def keep_out(self) -> None:
        self._answer.keep_out()

    def collect(self) -> Entry | None:
        if self._collected.done():
            return None
        delta = self._answer.take()
        self._note(delta)
        start = len(self.tail.text)
        fits = delta.text[: conf().CHAT_REPLY_CHARS - start]
        self._is_full = len(fits) < len(delta.text)
        if self._answer.is_over or self._is_full:
            self._collected.set_result(None)
        thoughts = self._new_thoughts(is_last=fits != "")
        if fits or thoughts or delta.reasoning:
            return Entry(self.tail.reply_id, start, fits, thoughts)
        return None

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
            await self._settle_failed(_("Something went wrong on our side. Try again in a moment."))

    async def _write(self) -> Ending:
        """Everything up to the end of the reply; how it ended."""
        if self._todo.stop_requested:
            return self._end(State.STOPPED)
        if self._todo.takeovers > MAX_TAKEOVERS:
            return self._end(State.INTERRUPTED)
        try:
            async with asyncio.timeout(conf().CHAT_REPLY_TIMEOUT):
                return await self._read()
        except TimeoutError:
            text = _("The reply took longer than it may here, and was ended.")
            return self._end(State.FAILED, text)
        except ProviderError as error:
            logger.warning("Reply %s: provider %s", self.tail.reply_id, error)
            return self._end(State.FAILED, error.text)

    async def _read(self) -> Ending:
        """The provider's answer, which the journal collects until it is over."""
        self._begun = asyncio.get_running_loop().time()
        text, messages = self.tail.text, self._todo.messages
        if text:
            messages = continued(messages, text)
        try:
            async with self._provider.answer(messages, self._todo.model) as self._answer:
                await self._all_collected()
        finally:
            self._ending.duration = self._elapsed()
        if self._is_full:
            return self._end(State.LENGTH)
        if self._answer.failure:
            raise self._answer.failure
        return self._end(FINISH_REASONS.get(self._ending.finish_reason, State.COMPLETE))

    async def _all_collected(self) -> None:
        reply_id, journal = self.tail.reply_id, self._journal
        self._collected = asyncio.get_running_loop().create_future()
        self._answer.on_arrival = journal.wake
        journal.add_source(reply_id, self)
        try:
            await self._collected
            await journal.drained()
        finally:
            del journal.sources[reply_id]
        if self._not_stored:
            raise self._not_stored

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._begun

    def _note(self, delta: Delta) -> None:
        ending = self._ending
        if delta.text and ending.first_piece_after is None:
            ending.first_piece_after = self._elapsed()
        if delta.reasoning:
            ending.reasoning = (ending.reasoning + delta.reasoning)[: conf().CHAT_REPLY_CHARS]
        ending.finish_reason = delta.finish_reason or ending.finish_reason
        ending.prompt_tokens = delta.prompt_tokens or ending.prompt_tokens
        ending.completion_tokens = delta.completion_tokens or ending.completion_tokens

    def _new_thoughts(self, *, is_last: bool) -> str:
        """Those to be stored now: all of them when the text begins, before that now and then."""
        new = self._ending.reasoning[self._thoughts_stored :]
        if not new:
            return ""
        now = asyncio.get_running_loop().time()
        if now < self._thoughts_due and not is_last:
            return ""
        self._thoughts_due = now + THOUGHTS_TICK
        self._thoughts_stored += len(new)
        return new

    def _end(self, state: State, error: str = "") -> Ending:
        self._ending.state, self._ending.error = state, error
        return self._ending

    async def _settle(self, ending: Ending) -> None:
        await self._journal.drained()  # a stop may come between the commit and its news
        ending.text, ending.reasoning = self.tail.text, ending.reasoning.rstrip()
        ending.rendered = await _rendered(ending.text)
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


async def _rendered(text: str) -> str:
    """As HTML; what may take more than a millisecond, in a thread."""
    if len(text) < SHORT and not markdown.is_laborious(text):
        return markdown.page(text)
    return await asyncio.to_thread(markdown.page, text)
