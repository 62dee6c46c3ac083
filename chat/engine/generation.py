"""The task that writes one reply, from the provider into the journal, until it settles."""

import asyncio
import logging
from dataclasses import replace
from uuid import UUID

from django.utils.translation import gettext_noop as _

from .. import markup
from ..conf import conf
from ..markup import renderers
from ..models import MAX_TAKEOVERS
from ..models.endings import Ending, State, ending_of
from ..parts import Kind, Log
from ..provider import Fault, Provider, ProviderError
from .attempt import Attempt
from .chain import Chain
from .commits import Entry
from .context import Job, continued
from .figures import Figures
from .hooking import HookFailed, Hooking, Request
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
        self._chain = Chain(reply_id, job, provider, hooks)
        self._attempt: Attempt | None = None
        self._stop_as: State | None = None
        self._not_stored: Exception | None = None
        self.is_settling = False
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
        if self._attempt:
            self._attempt.end()

    def stored(self, entry: Entry) -> bool:
        """The entry is in the database; True if the reply has grown."""
        return self.log.extend(entry.start, entry.parts)

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
            logger.warning("Reply %s: %s: %s", self.reply_id, self._chain.model, error)
            return self._figures.ending(State.FAILED, error.text)
        except HookFailed as error:
            logger.error("Reply %s: %s", self.reply_id, error)
            return self._figures.ending(State.FAILED, error.text)

    async def _read(self) -> Ending:
        self._figures.begin()
        try:
            await self._have_it_written()
        finally:
            self._figures.end()
        if self._is_full:
            return self._figures.ending(State.LENGTH)
        return self._end_by(self._figures.finish_reason)

    async def _have_it_written(self) -> None:
        """By one model after another, until one has ended it. Raises the last one's failure."""
        failure: ProviderError | None = None
        await self._go_on_with(await self._chain.first())
        while True:
            model = self._chain.model
            request = await self._hooks.request(self.reply_id, self._job, model)
            if failure and request.model != model:  # the site's hooks want the same one again
                raise failure
            try:
                return await self._ask(request)
            except ProviderError as error:
                failure = error
                if self._is_final(error, request) or not (other := await self._chain.next()):
                    raise
                logger.warning("Reply %s: %s: %s", self.reply_id, model, error)
            await self._go_on_with(other)

    async def _go_on_with(self, model: str) -> None:
        """Store who writes from here on: a process that takes over asks that one."""
        if model != self._chain.model:
            logger.info("Reply %s: %s writes.", self.reply_id, model)
            self._chain.authors.add(model, len(self.log))
            self._figures.add_up()
            authors = tuple(self._chain.authors.stored())
            await self._journal.store(Entry(self.reply_id, len(self.log), authors=authors))

    def _is_final(self, error: ProviderError, request: Request) -> bool:
        """Whether no other model may be asked, for what is asked, for what is there already, or
        because the site's hooks have chosen who answers."""
        return (
            error.fault is Fault.REQUEST
            or len(self.log.text) >= conf().CHAT_REPLY_CHARS
            or self.log.has(Kind.REFUSAL)
            or request.client is not None
            or request.model != self._chain.model
        )

    async def _ask(self, request: Request) -> None:
        """Let the journal collect the answer of one model until it is over."""
        messages = request.messages
        if text := self.log.text:
            messages = continued(messages, text, request.model)
        asked = self._provider.answer(messages, request.model, request.client, request.parameters)
        async with asked as answer:
            self._attempt = Attempt(self.reply_id, self.log, self._figures, answer)
            await self._attempt.collected(self._journal)
        if self._not_stored:
            raise Unstorable from self._not_stored
        if answer.failure and not self._is_full:
            raise answer.failure

    @property
    def _is_full(self) -> bool:
        return self._attempt is not None and self._attempt.is_full

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

    async def _settle(self, ending: Ending) -> None:
        self.is_settling = True
        await self._journal.drained(self.reply_id)  # what is not shown yet belongs to it
        text, end = self.log.text, len(self.log)
        whole = replace(
            ending,
            text=text,
            parts=self.log.parts_to_store(),
            **self._chain.credits(end),
        )
        if renderers.is_quick(text):  # else settling would wait for HTML that may not come
            html = markup.page(text)
            whole = replace(whole, rendered=html, rendered_by=markup.VERSION)
        try:
            await self._journal.store(Entry(self.reply_id, end, ending=whole))
        except Unstorable:
            logger.warning("Reply %s is settled without what cannot be stored.", self.reply_id)
            credits = self._chain.credits(end)
            least = Ending(State.FAILED, text, whole.parts, error=OUR_FAULT, **credits)
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
