"""The task that writes one reply, from the provider into the journal, until it settles."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from uuid import UUID

from django.utils.translation import gettext_noop as _

from .. import markup
from ..conf import conf
from ..markup import renderers
from ..models import MAX_TAKEOVERS
from ..models.endings import Ending, State, ending_of
from ..parts import SAID, Kind, Log, Part
from ..provider import Answer, Delta, Provider, ProviderError
from ..seam import Seam
from .commits import Entry
from .context import Job, continued
from .figures import Figures
from .hooking import HookFailed, Hooking
from .journal import Journal, NotOurs, Unstorable

logger = logging.getLogger(__name__)

OUR_FAULT = _("Something went wrong on our side. Try again in a moment.")


class Generation:
    """One running reply of this process. It runs whether anyone reads it or not."""

    def __init__(
        self,
        reply_id: UUID,
        log: Log,
        job: Job,
        provider: Provider,
        hooks: Hooking,
        journal: Journal,
    ) -> None:
        self.reply_id = reply_id
        self.log = log  # what is stored
        self._job, self._provider, self._journal = job, provider, journal
        self._hooks = hooks
        self._figures = Figures(job)
        self._seam = Seam(log.text) if log.text else None
        self._resumes_reasoning = log.has(Kind.REASONING)  # after a break
        self._stop_as: State | None = None
        self._answer: Answer | None = None
        self._collected: asyncio.Future[None] | None = None  # all that the answer has brought
        self._not_stored: Exception | None = None
        self.is_settling = False
        self._is_full = False  # it has reached the length limit
        self._task: asyncio.Task[None] | None = None

    def start(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def stop(self, state: State) -> None:
        """End the reply with what it has as `state`, and close the provider's stream."""
        if self._stop_as is None:
            self._stop_as = state
            self._task.cancel()

    async def ended(self) -> None:
        """Returns when the task has ended."""
        await asyncio.wait([self._task])

    def drop(self) -> asyncio.Task[None]:
        """Leave the reply as it is stored: another process has it, or will. Returns the task."""
        self._task.cancel()
        return self._task

    def fail(self, error: Exception) -> None:
        """What was collected cannot be stored."""
        self._not_stored = error
        if self._collected and not self._collected.done():
            self._collected.set_result(None)

    def stored(self, entry: Entry) -> bool:
        """The entry is in the database; True if the reply has grown."""
        return self.log.extend(entry.start, entry.parts)

    # What the journal asks at each tick:

    def let_in(self) -> None:
        self._answer.let_in()

    def keep_out(self) -> None:
        self._answer.keep_out()

    def collect(self) -> Entry | None:
        if self._collected.done():
            return None
        delta = self._answer.take()
        self._figures.note(delta)
        parts = tuple(self._fitting(self._joined(delta)))
        if self._answer.is_over or self._is_full:
            self._collected.set_result(None)
        if not (parts or delta.parts or delta.finish_reason):
            return None
        finish_reason = "" if self._is_full else delta.finish_reason
        return Entry(self.reply_id, len(self.log), parts, finish_reason)

    def _joined(self, delta: Delta) -> Iterator[Part]:
        """What continues the stored log. What may repeat the end of it is held back."""
        for kind, text in delta.parts:
            if self._seam and kind == Kind.CALL:
                yield Part(Kind.TEXT, self._seam.rest())
            if self._seam and kind in SAID:
                yield Part(kind, self._seam.take(text))
            elif self._resumes_reasoning and kind == Kind.REASONING:
                self._resumes_reasoning = False
                yield Part(kind, f"\n\n{text}")
            else:
                yield Part(kind, text)
        if self._seam and (self._answer.is_over or delta.finish_reason):
            yield Part(Kind.TEXT, self._seam.rest())

    def _fitting(self, parts: Iterable[Part]) -> Iterator[Part]:
        """As much as fits. Excess reasoning is dropped; excess of anything else ends the reply."""
        longest = conf().CHAT_REPLY_CHARS
        room, reasoning_room = longest - len(self.log.text), longest - len(self.log.reasoning)
        for kind, text in parts:
            if kind == Kind.REASONING:
                fits = text[: max(0, reasoning_room)]
                reasoning_room -= len(fits)
            else:
                fits = text[:room]
                room -= len(fits)
                self._is_full = len(fits) < len(text)
            if fits and not (self._is_full and kind == Kind.CALL):
                yield Part(kind, fits)
            if self._is_full:
                return

    async def run(self) -> None:
        """Write the reply and settle it. The outermost frame of the task: it never raises."""
        try:
            await self._settle(await self._write())
        except NotOurs:
            logger.info("Reply %s is not ours any more.", self.reply_id)
        except Unstorable:
            await self._settle_after(State.FAILED, OUR_FAULT)
        except asyncio.CancelledError:
            if self._stop_as is None:
                raise
            await self._settle_after(self._stop_as)
        except Exception:
            logger.exception("Reply %s failed", self.reply_id)
            await self._settle_after(State.FAILED, OUR_FAULT)

    async def _write(self) -> Ending:
        """Write the reply up to its end; returns how it ended."""
        if self._job.finish_reason:  # its last writer died with nothing left to write
            return self._end_by(self._job.finish_reason)
        if self._job.stop_requested:
            return self._figures.ending(State.STOPPED)
        if self._job.takeovers > MAX_TAKEOVERS:
            return self._figures.ending(State.INTERRUPTED)
        try:
            async with asyncio.timeout(conf().CHAT_REPLY_TIMEOUT):
                return await self._read()
        except TimeoutError:
            text = _("The reply took longer than it may here, and was ended.")
            return self._figures.ending(State.FAILED, text)
        except ProviderError as error:
            logger.warning("Reply %s: provider %s", self.reply_id, error)
            return self._figures.ending(State.FAILED, error.text)
        except HookFailed as error:
            logger.error("Reply %s: %s", self.reply_id, error)
            return self._figures.ending(State.FAILED, error.text)

    async def _read(self) -> Ending:
        """Request the answer, and let the journal collect it until it is over."""
        self._figures.begin()
        try:
            model, messages, parameters, client = await self._hooks.request(
                self.reply_id, self._job
            )
            if text := self.log.text:
                messages = continued(messages, text)
            asked = self._provider.answer(messages, model, client, parameters)
            async with asked as self._answer:
                await self._all_collected()
        finally:
            self._figures.end()
        if self._is_full:
            return self._figures.ending(State.LENGTH)
        if self._answer.failure:
            raise self._answer.failure
        return self._end_by(self._figures.finish_reason)

    def _end_by(self, finish_reason: str) -> Ending:
        """As the provider ended it."""
        figures = self._figures
        state, error = ending_of(
            finish_reason,
            has_text=bool(self.log.text),
            refused=self.log.has(Kind.REFUSAL),
            called=self.log.has(Kind.CALL),
        )
        return figures.ending(state, error)

    async def _all_collected(self) -> None:
        reply_id, journal = self.reply_id, self._journal
        self._collected = asyncio.get_running_loop().create_future()
        self._answer.on_arrival = journal.wake
        journal.add_source(reply_id, self)
        try:
            await self._collected
            await journal.drained(reply_id)
        finally:
            journal.remove_source(reply_id)
        if self._not_stored:
            raise Unstorable from self._not_stored

    async def _settle(self, ending: Ending) -> None:
        self.is_settling = True
        await self._journal.drained(self.reply_id)  # what is not shown yet belongs to it
        text, end = self.log.text, len(self.log)
        whole = replace(ending, text=text, parts=self.log.parts_to_store())
        if renderers.is_quick(text):  # else settling would wait for HTML that may not come
            html = markup.page(text)
            whole = replace(whole, rendered=html, rendered_by=markup.VERSION)
        try:
            await self._journal.store(Entry(self.reply_id, end, ending=whole))
        except Unstorable:
            logger.warning("Reply %s is settled without what cannot be stored.", self.reply_id)
            least = Ending(State.FAILED, text, whole.parts, error=OUR_FAULT)
            await self._journal.store(Entry(self.reply_id, end, ending=least))

    async def _settle_after(self, state: State, error: str = "") -> None:
        """End it for another reason, unless the provider has ended it by now."""
        await self._journal.drained(self.reply_id)
        try:
            if self._figures.finish_reason and not error and not self._is_full:
                await self._settle(self._end_by(self._figures.finish_reason))
            else:
                await self._settle(self._figures.ending(state, error))
        except NotOurs:
            logger.info("Reply %s had ended before it was %s.", self.reply_id, state)
        except Unstorable:
            logger.error("Reply %s cannot be settled.", self.reply_id)
