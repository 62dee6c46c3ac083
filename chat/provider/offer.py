"""Which models the site's providers have: as the settings say, or as each provider lists them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..conf import ProviderConf, conf
from ..naming import full_name, full_name_at
from .errors import Trouble
from .listing import LONGEST_ID
from .looking import Listed

logger = logging.getLogger(__name__)

KEPT = 300.0  # seconds that what a provider offers is cached
RETRIED = 5.0  # seconds until a provider in trouble is asked again


@dataclass
class _Seen:
    """What one provider has listed, and what is wrong with it."""

    models: list[str] = field(default_factory=list)
    trouble: Trouble | None = None
    until: float = 0.0  # by the loop's clock


class Offer:
    """One per process. `look` asks a provider what it offers, by the ids that it has there."""

    def __init__(self, look: Callable[[ProviderConf], Awaitable[Listed]]) -> None:
        self._look = look
        self._seen: dict[str, _Seen] = {}

    async def models(self) -> list[str]:
        """Full names, the default first. A provider in trouble has none, or those that it listed
        before; the others keep theirs."""
        if conf().CHAT_MODELS:
            return list(dict.fromkeys(map(full_name, conf().CHAT_MODELS)))
        providers = conf().providers.values()
        lists = await asyncio.gather(*map(self._models_of, providers))
        names = [
            full_name_at(provider, id)
            for provider, ids in zip(providers, lists, strict=True)
            for id in ids
        ]
        return [name for name in names if len(name) <= LONGEST_ID]

    async def troubles(self) -> list[str]:
        """What is wrong with each provider in trouble, for staff, translated."""
        providers = conf().providers.values()
        all_seen = await asyncio.gather(*map(self._look_at, providers))
        told = [
            (provider.name, seen.trouble.told(provider))
            for provider, seen in zip(providers, all_seen, strict=True)
            if seen.trouble
        ]
        return [text if len(providers) == 1 else f"{name}: {text}" for name, text in told]

    async def _models_of(self, provider: ProviderConf) -> list[str]:
        return provider.MODELS or (await self._look_at(provider)).models

    async def _look_at(self, provider: ProviderConf) -> _Seen:
        """Asks again, unless what was seen last is still good."""
        seen = self._seen.setdefault(provider.name, _Seen())
        now = asyncio.get_running_loop().time()
        if now >= seen.until:
            seen.until = now + RETRIED
            models, seen.trouble = await self._look(provider)
            if seen.trouble:
                logger.warning("%s: %s", provider.name, seen.trouble.logged(provider))
            else:
                seen.models, seen.until = models, now + KEPT
        return seen
