"""aiohttp under the openai client: half the cost of its default, with access to the body."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from ssl import SSLContext

import aiohttp
import httpx2

from ..conf import conf
from ..plain_http import is_loopback

LARGEST_BODY = 8 * 1024 * 1024  # bytes
RESPONSE = "aiohttp"  # the httpx2.Response extension that holds aiohttp's response


class Transport(httpx2.AsyncBaseTransport):
    """Kept-alive connections, without a limit or timeout of their own.

    aiohttp decompresses the bodies.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._tls: SSLContext | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            # Otherwise a cookie set by one reply would be sent with all other requests.
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=jar)
        if self._tls is None and request.url.scheme == "https":
            self._tls = await asyncio.to_thread(certificates)
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
                ssl=self._tls or True,
                proxy=_proxy_to(request.url.host),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
            )
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ConnectError(type(error).__name__) from error
        kept = [
            (name, value)
            for name, value in response.raw_headers
            if name.lower() not in _NOT_PASSED_ON
        ]
        return httpx2.Response(
            response.status, headers=kept, stream=_Body(response), extensions={RESPONSE: response}
        )

    async def aclose(self) -> None:
        if self._session:
            await self._session.close()


@cache
def certificates() -> SSLContext:
    """The machine's certificates: loading them takes longer than the event loop may be blocked."""
    return httpx2.create_ssl_context()


def _proxy_to(host: str) -> str | None:
    """Only the site's own setting counts: HTTPS_PROXY is meant for other programs."""
    return None if is_loopback(host) else conf().CHAT_PROXY or None


_BY_AIOHTTP = {"host", "content-length", "accept-encoding", "connection"}
_NOT_PASSED_ON = {b"content-encoding", b"set-cookie"}


class _Body(httpx2.AsyncByteStream):
    """Bodies the client reads itself: errors and lists. Ends where it breaks or is too long:
    an error's status matters more than the end of its text, and half a list is not JSON."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = LARGEST_BODY
        with suppress(aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError):
            async for chunk in self._response.content.iter_any():
                yield chunk
                left -= len(chunk)
                if left < 0:
                    break

    async def aclose(self) -> None:
        """Keeps the connection if all was read, else closes."""
        self._response.release()
