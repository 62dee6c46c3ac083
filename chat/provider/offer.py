"""Which models the site's providers have: as the settings say, or as each provider lists them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..conf import ProviderConf, conf
from ..naming import full_name, full_name_at
from .errors import ProviderError
from .listing import LONGEST_ID

logger = logging.getLogger(__name__)

KEPT = 300.0  # seconds that a provider's list is cached
RETRIED = 5.0  # seconds until a failed listing is tried again


@dataclass
class _Listing:
    """What one provider has listed."""

    models: list[str] = field(default_factory=list)
    until: float = 0.0  # by the loop's clock


class Offer:
    """One per process. `fetch` lists a provider's models, by the ids that they have there, or
    raises ProviderError."""

    def __init__(self, fetch: Callable[[ProviderConf], Awaitable[list[str]]]) -> None:
        self._fetch = fetch
        self._listed: dict[str, _Listing] = {}

    async def models(self) -> list[str]:
        """Full names, the default first. A provider that cannot list its models has none, or
        those that it listed before; the others keep theirs."""
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

    async def _models_of(self, provider: ProviderConf) -> list[str]:
        if provider.MODELS:
            return provider.MODELS
        listed = self._listed.setdefault(provider.name, _Listing())
        now = asyncio.get_running_loop().time()
        if now >= listed.until:
            listed.until = now + RETRIED
            try:
                listed.models = await self._fetch(provider)
                listed.until = now + KEPT
            except ProviderError as error:
                logger.warning("The models of %s could not be listed: %s", provider.name, error)
        return listed.models
