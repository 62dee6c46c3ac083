"""Which model writes a reply: the one that was asked, or another one when that has failed."""

from typing import Any
from uuid import UUID

from ..conf import conf
from ..hooks import overrides
from ..models.authors import Authors
from ..naming import find, full_name
from ..provider import Provider
from .context import Job
from .hooking import Hooking


class Chain:
    """The models for one reply. One that has failed is not asked again, whichever process goes on:
    it is stored with the reply. So there is an end, however often all of this happens."""

    def __init__(self, reply_id: UUID, job: Job, provider: Provider, hooks: Hooking) -> None:
        self._asked = full_name(job.model)
        self.authors = Authors(self._asked, job.authors)
        self._reply_id, self._provider, self._hooks = reply_id, provider, hooks

    @property
    def model(self) -> str:
        """The one that writes now."""
        return self.authors.current

    async def first(self) -> str:
        """The one to begin with: that which was asked, or writing, unless its provider keeps
        failing and another one may do better."""
        if not conf().CHAT_FALLBACK or overrides("client") or not self._is_poor(self.model):
            return self.model
        return next(iter(await self._left()), self.model)

    async def next(self) -> str:
        """The one that goes on now that this one has failed; empty if none is left."""
        self.authors.fail()
        return next(iter(await self._left()), "")

    def credits(self, end: int) -> dict[str, Any]:
        """What the ending of the reply says of those who wrote it; `end` is the log's."""
        beginner = self.authors.beginner(end)
        model = "" if beginner == self._asked else beginner
        return {"model": model, "authors": self.authors.settled(end)}

    async def _left(self) -> list[str]:
        """Those that have not failed, the best first."""
        chain = dict.fromkeys([self.model, self._asked, *map(full_name, conf().CHAT_FALLBACK)])
        others = [each for each in chain if each not in (self.model, self._asked)]
        may_write = {self.model, self._asked, *await self._hooks.allowed(self._reply_id, others)}
        left = [each for each in chain if each in may_write - self.authors.failed]
        return sorted(left, key=self._is_poor)

    def _is_poor(self, model: str) -> bool:
        return self._provider.health.is_poor(find(model)[0].name)
