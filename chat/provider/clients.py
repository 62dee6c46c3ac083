"""The openai clients that requests go through: the site's own, and those its hooks choose."""

from collections.abc import AsyncIterator
from weakref import WeakSet

import httpx2
import openai

from ..conf import conf
from ..plain_http import is_open_on_the_way
from .errors import open_on_the_way
from .transport import Transport

KEPT = 1_000  # clients that differ only in address or key
# What a hook chooses: a client, a base URL with its key, or the site's own.
ChosenClient = openai.AsyncOpenAI | tuple[str, str] | None


class Clients:
    """Each is created once; all are closed together."""

    def __init__(self) -> None:
        self._http: httpx2.AsyncClient | None = None
        self._made: dict[tuple[str, str], openai.AsyncOpenAI] = {}
        self._given: WeakSet[openai.AsyncOpenAI] = WeakSet()  # weak: hooks may create one per call

    def get(self, choice: openai.AsyncOpenAI | tuple[str, str]) -> openai.AsyncOpenAI:
        """Raises ProviderError if the traffic would be unencrypted."""
        if isinstance(choice, openai.AsyncOpenAI):
            self._given.add(choice)
            _refuse_open(str(choice.base_url))
            return choice.with_options(max_retries=0)
        if choice not in self._made:
            if len(self._made) >= KEPT:
                del self._made[next(iter(self._made))]  # cheap to rebuild: they share connections
            self._made[choice] = self._make(*choice)
        return self._made[choice]

    async def close(self) -> None:
        for client in list(self._given):
            await client.close()
        if self._http:
            await self._http.aclose()

    def _make(self, address: str, key: str) -> openai.AsyncOpenAI:
        _refuse_open(address)
        if self._http is None:
            self._http = httpx2.AsyncClient(transport=Transport(), follow_redirects=False)
        return openai.AsyncOpenAI(
            api_key=key or "none",  # local servers need no key, the client does
            base_url=address,
            max_retries=0,
            timeout=openai.Timeout(None, connect=conf().CHAT_CONNECT_TIMEOUT),
            http_client=self._http,
        )


def _refuse_open(address: str) -> None:
    if is_open_on_the_way(address) and not conf().CHAT_PLAIN_HTTP:
        raise open_on_the_way()


class OtherBody:
    """The body from a custom transport, with the parts of aiohttp's API that `Answer` uses."""

    connection = None  # out of reach

    def __init__(self, response: httpx2.Response) -> None:
        self.content = self
        self._response = response
        self._chunks: AsyncIterator[bytes] = response.aiter_bytes()

    def on_eof(self, callback: object) -> None:
        """Nothing to do: without access to the socket, no data is kept out."""

    async def readany(self) -> bytes:
        return await anext(self._chunks, b"")

    async def release(self) -> None:
        await self._response.aclose()
