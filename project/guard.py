"""Pure ASGI middleware around Django, for what daphne does not handle well."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from io import BytesIO
from typing import Any, Protocol

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
NOT_UNDERSTOOD = _("This request cannot be understood.")

LENGTH_DIGITS = 20  # of a declared length; the rest makes no difference
REFUSAL_HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]


class TooMuch(Exception):
    """A request's body is too large."""


class Guard:
    """Answers what Django cannot.

    An exception raised by the application after its first body chunk would hang the client and stop
    daphne's request checker; here it is logged and the response is closed.
    """

    def __init__(self, application: Application, is_leaving: Callable[[], bool]) -> None:
        self._application, self._is_leaving = application, is_leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        scope["root_path"] = settings.FORCE_SCRIPT_NAME or ""  # never from a client's header
        if self._is_leaving():
            await _refuse(scope, send, 503, RESTARTED)
            return
        extensions = scope.setdefault("extensions", {})
        is_too_long = _declared_length(scope) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if is_too_long or extensions.get("is_cut_off"):
            await _refuse(scope, send, 413, TOO_MUCH)
            return
        exchange = Exchange(receive, send, extensions.get("taken", _at_once))
        extensions["deferred_body"] = exchange.defer
        try:
            await self._run(exchange.serve(self._application, scope))
        except TooMuch:
            await _refuse(scope, send, 413, TOO_MUCH)
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if exchange.is_started:
                await send({"type": "http.response.body"})
            else:
                await _refuse(scope, send, 500, FAILED)

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """On shutdown daphne cancels its tasks; streams shall end by themselves instead."""
        task = asyncio.create_task(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not self._is_leaving():
                task.cancel()
            await asyncio.wait([task])
            raise


class Body(Protocol):
    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class Exchange:
    """One request and its response.

    A view may defer the body of its response (the scope's extension `deferred_body`). It is sent
    once Django has finished the request, so that an open stream holds neither the request nor its
    thread, which would be most of its memory.
    """

    def __init__(self, receive: Receive, send: Send, taken: Callable[[], Awaitable[None]]) -> None:
        self.is_started = False
        self._receive, self._send, self._taken = receive, send, taken
        self._size = 0  # bytes of the request's body so far
        self._body: Body | None = None
        self._is_gone = False  # whether the client has disconnected
        self._waiting: asyncio.Task | None = None  # for a disconnect, while parts are sent

    def defer(self, body: Body) -> None:
        self._body = body

    async def serve(self, application: Application, scope: Scope) -> None:
        try:
            await application(scope, self._received, self._pass_on)
            if self._body is not None:
                await self._send_body()
        finally:
            if self._body is not None:  # it may not have started
                await self._body.aclose()

    async def _received(self) -> dict[str, Any]:
        message = await self._receive()
        self._is_gone = self._is_gone or message["type"] == "http.disconnect"
        self._size += len(message.get("body", b""))
        if self._size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooMuch
        return message

    async def _pass_on(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.is_started = True
        elif self._body is not None:
            return  # Django's own body is empty
        await self._send(message)

    async def _send_body(self) -> None:
        """Send it to its end, or until the client disconnects."""
        if self._is_gone:
            return
        self._waiting = asyncio.current_task()
        sending = asyncio.create_task(self._send_parts())
        sending.add_done_callback(self._wake)
        try:
            await self._receive()  # the disconnect; waiting for both would take another task
        except asyncio.CancelledError:
            if self._waiting or asyncio.current_task().uncancel():
                raise
        finally:
            self._waiting = None
            sending.cancel()
            await asyncio.wait((sending,))
        if not sending.cancelled() and (error := sending.exception()):
            raise error

    def _wake(self, sending: asyncio.Task) -> None:
        """Everything is sent: stop waiting for the disconnect."""
        waiting, self._waiting = self._waiting, None
        if waiting:
            waiting.cancel()

    async def _send_parts(self) -> None:
        async for part in self._body:
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
            await self._taken()
        await self._send({"type": "http.response.body"})


async def _at_once() -> None:
    """For servers whose `send` itself applies backpressure."""


def _declared_length(scope: Scope) -> int:
    """The Content-Length in bytes; 0 without one."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:LENGTH_DIGITS])
    return 0


async def _refuse(scope: Scope, send: Send, status: int, text: str) -> None:
    """In the language that a page would be in."""
    with override(get_language_from_request(ASGIRequest(scope, BytesIO()))):
        body = json.dumps({"error": str(text)}).encode()
    headers = [*REFUSAL_HEADERS, *([(b"retry-after", b"2")] if status == 503 else [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
