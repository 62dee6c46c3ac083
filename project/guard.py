"""A pure ASGI shell around Django, for what daphne does not take well."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext_lazy as _

logger = logging.getLogger("chat.guard")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

RESTARTED = _("The server is being restarted. Try again in a moment.")
TOO_MUCH = _("This is too much at once. Send less.")
FAILED = _("Something went wrong on our side. Try again in a moment.")


class Guard:
    """Answers whatever Django leaves open.

    An exception that leaves the application after its first body chunk would hang the client and
    stop daphne from looking after its requests; here it is logged and the response closed.
    """

    def __init__(self, application: Application, is_leaving: Callable[[], bool]) -> None:
        self._application, self._is_leaving = application, is_leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        scope["root_path"] = settings.FORCE_SCRIPT_NAME or ""  # not what a client's header says
        if self._is_leaving():
            await _refuse(scope, send, 503, RESTARTED)
            return
        if _declared_length(scope) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            await _refuse(scope, send, 413, TOO_MUCH)
            return
        exchange = Exchange(receive, send)
        scope.setdefault("extensions", {})["deferred_body"] = exchange.defer
        try:
            await self._run(exchange.serve(self._application, scope))
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if exchange.is_started:
                await send({"type": "http.response.body"})
            else:
                await _refuse(scope, send, 500, FAILED)

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """At a shutdown daphne cancels what runs; streams are to end by themselves then."""
        task = asyncio.create_task(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not self._is_leaving():
                task.cancel()
            await asyncio.wait([task])
            raise


class Exchange:
    """One request and its answer.

    A view may leave the body of its answer here (the extension `deferred_body`). It is sent when
    Django is done with the request, so that an open stream holds neither the request nor its
    thread, which would be most of its memory.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self.is_started = False
        self._receive, self._send = receive, send
        self._body: AsyncGenerator[bytes] | None = None
        self._is_gone = False  # the client
        self._waiting: asyncio.Task | None = None  # for the client to go, while parts are sent

    def defer(self, body: AsyncGenerator[bytes]) -> None:
        self._body = body

    async def serve(self, application: Application, scope: Scope) -> None:
        await application(scope, self._received, self._pass_on)
        if self._body is not None:
            async with aclosing(self._body):
                await self._send_body()

    async def _received(self) -> dict[str, Any]:
        message = await self._receive()
        self._is_gone = self._is_gone or message["type"] == "http.disconnect"
        return message

    async def _pass_on(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.is_started = True
        elif self._body is not None:
            return  # Django's own body is empty then
        await self._send(message)

    async def _send_body(self) -> None:
        """Until it ends, or the client is gone."""
        if self._is_gone:
            return
        self._waiting = asyncio.current_task()
        sending = asyncio.create_task(self._send_parts())
        sending.add_done_callback(self._wake)
        try:
            await self._receive()  # that the client is gone; one task less than to wait for both
        except asyncio.CancelledError:
            if self._waiting or asyncio.current_task().uncancel():
                raise
        finally:
            self._waiting = None
            sending.cancel()
            await asyncio.wait((sending,))

    def _wake(self, sending: asyncio.Task) -> None:
        """All is sent, and nothing more to wait for."""
        waiting, self._waiting = self._waiting, None
        if waiting:
            waiting.cancel()

    async def _send_parts(self) -> None:
        async for part in self._body:
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
        await self._send({"type": "http.response.body"})


def _declared_length(scope: Scope) -> int:
    """The body's size in bytes by its header; daphne has read it all by now, Django need not."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(scope: Scope, send: Send, status: int, text: str) -> None:
    """In the language that a page would have."""
    with override(get_language_from_request(ASGIRequest(scope, BytesIO()))):
        body = json.dumps({"error": str(text)}).encode()
    headers = [(b"content-type", b"application/json")]
    if status == 503:
        headers.append((b"retry-after", b"2"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
