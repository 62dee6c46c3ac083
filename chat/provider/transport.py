"""aiohttp below the openai client, at half the cost of its default, its body within reach."""

from collections.abc import AsyncIterator
from functools import cache
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2

RESPONSE = "aiohttp"  # the extension of an httpx2.Response that has the response of aiohttp


class Transport(httpx2.AsyncBaseTransport):
    """Connections without bound or timeout of their own, kept for the next request.

    A body comes out decompressed, as aiohttp does it.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, ssl=httpx2.create_ssl_context())
            self._session = aiohttp.ClientSession(connector=connector)
        connect = request.extensions.get("timeout", {}).get("connect")
        headers = {
            name: value for name, value in request.headers.items() if name not in _BY_AIOHTTP
        }
        try:
            response = await self._session.request(
                request.method,
                str(request.url),
                headers=headers,
                data=await request.aread() or None,
                allow_redirects=False,
                proxy=_proxy_for(request.url.scheme, request.url.host),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
            )
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ConnectError(type(error).__name__) from error
        kept = [(name, value) for name, value in response.raw_headers if not _is_encoding(name)]
        return httpx2.Response(
            response.status, headers=kept, stream=_Body(response), extensions={RESPONSE: response}
        )

    async def aclose(self) -> None:
        if self._session:
            await self._session.close()


@cache
def _proxy_for(scheme: str, host: str) -> str | None:
    """What the environment says (HTTPS_PROXY, NO_PROXY …), asked once.

    aiohttp would ask for each request, and in a thread.
    """
    return None if proxy_bypass(host) else getproxies().get(scheme)


_BY_AIOHTTP = {"host", "content-length", "accept-encoding", "connection"}


def _is_encoding(header: bytes) -> bool:
    return header.lower() == b"content-encoding"


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.content.iter_any():
            yield chunk

    async def aclose(self) -> None:
        """The connection is kept if all was read, else closed."""
        self._response.release()
