"""daphne's server with limits on what a client may send, how long it takes, and what is buffered.

Headers are limited to 16 KB and 500 lines (Twisted's own limits: 400) and HEADERS_TIMEOUT (408);
bodies, declared or chunked, to DATA_UPLOAD_MAX_MEMORY_SIZE (413) and BODY_TIMEOUT (408). A stream
pauses while 64 KB of it, and 128 KB in the kernel, wait for its reader. A reader that takes nothing
for READER_TIMEOUT is disconnected (by the kernel, on Linux).

Under another server the guard still limits bodies, and streams pause where `send` does, as under
uvicorn and hypercorn. Deadlines for headers and bodies are up to that server: without any, put a
proxy in front that buffers requests, as nginx does.
"""

import asyncio
import json
import socket
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any

import daphne.server
from daphne.cli import CommandLineInterface
from daphne.http_protocol import WebRequest
from daphne.server import HTTPFactory
from django.conf import settings
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers

from project.guard import FAILED, NOT_UNDERSTOOD, REFUSAL_HEADERS, TooMuch
from project.logs import public

IDLE_TIME = 75  # seconds between two requests; longer than nginx's 60, so that nginx closes first
BODY_IN_MEMORY = 64 * 1024  # bytes; the rest of a body is on disk
UNSENT_IN_KERNEL = 128 * 1024  # bytes; Linux would buffer up to 4 MB for each connection
PIECES = 10_000  # in which a body may come; chunks of one byte would keep everybody waiting
SURPLUS = 16 * 1024 * 1024  # bytes still read of too large a body: its client gets the response
LINGERS = 2  # seconds, for the same reason
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Request(WebRequest):
    __slots__ = ("_pieces", "is_cut_off")  # another attribute in its dict would cost 1 KB a stream

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Leaves parsing forms to Django: Twisted would do it on the event loop."""
        super().__init__(*args, parsePOSTFormSubmission=False, **kwargs)
        self.is_cut_off = False
        self._pieces = 0

    def gotLength(self, length: int | None) -> None:
        """Kept small, as a stream keeps it for as long as it lasts."""
        if length is not None and length <= BODY_IN_MEMORY:
            self.content = BytesIO()
        else:
            self.content = SpooledTemporaryFile(max_size=BODY_IN_MEMORY)  # noqa: SIM115

    def handleContentChunk(self, data: bytes) -> None:
        super().handleContentChunk(data)
        self._pieces += 1
        size = self.content.tell()
        if size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE or self._pieces > PIECES:
            raise TooMuch

    def process(self) -> Any:
        """Refuses WebSocket, and a root path that the client sends."""
        self.requestHeaders.removeHeader(b"Upgrade")
        self.requestHeaders.removeHeader(b"Daphne-Root-Path")
        return super().process()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """For what daphne itself refuses: a path, query or header that is not ASCII."""
        said = json.dumps({"error": str(NOT_UNDERSTOOD if status < 500 else FAILED)}).encode()
        start = {"type": "http.response.start", "status": status, "headers": REFUSAL_HEADERS}
        self.handle_reply(start)
        self.handle_reply({"type": "http.response.body", "body": said})


class Channel(HTTPChannel):
    """A connection. Its timeout is a deadline, which incoming bytes do not extend."""

    __slots__ = ("_is_idle", "_lingers", "_surplus", "_taken")

    def __init__(self) -> None:
        super().__init__()
        self._is_idle = False  # waiting for the next request
        self._surplus: int | None = None  # bytes still accepted of a body that was cut off
        self._lingers = False
        self._taken: asyncio.Event | None = None  # set when the client has read enough

    def connectionMade(self) -> None:
        super().connectionMade()
        self.setTimeout(settings.HEADERS_TIMEOUT)

    def resetTimeout(self) -> None:
        """Called for incoming bytes, of which the first begin a request."""
        if self._is_idle:
            self._is_idle = False
            self.setTimeout(settings.HEADERS_TIMEOUT)

    def allHeadersReceived(self) -> None:
        if self.length != 0:
            self.setTimeout(settings.BODY_TIMEOUT)
        is_too_long = self.length is not None and self.length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if is_too_long:
            self.requests[-1].requestHeaders.removeHeader(b"Expect")  # no "100 Continue"
            self.length = 0  # do not wait for a body
        super().allHeadersReceived()
        if is_too_long:
            self._cut_off()

    def dataReceived(self, data: bytes) -> None:
        """uvloop reports a reset only once, together with the last bytes before it."""
        super().dataReceived(data)
        handle = self.transport.getHandle()
        is_open = isinstance(handle, socket.socket) and handle.fileno() >= 0
        if is_open and handle.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.transport.abortConnection()

    def rawDataReceived(self, data: bytes) -> None:
        if self._surplus is not None:
            self._surplus -= len(data)
            if self._surplus < 0:
                self.transport.pauseProducing()
            return
        try:
            super().rawDataReceived(data)
        except TooMuch:
            self._cut_off()
            self.allContentReceived()

    def _cut_off(self) -> None:
        """Pass the request on to the guard, which refuses it with a message."""
        request = self.requests[-1]
        request.is_cut_off = True
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        self._surplus, self.persistent = SURPLUS, False

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Then drop the headers: a stream would keep their 3 KB for as long as it lasts."""
        super().writeHeaders(version, code, reason, headers)
        self.requests[0].responseHeaders = Headers()

    def requestDone(self, request: Request) -> None:
        """If the next request has arrived already, `resetTimeout` is called in here."""
        self._is_idle = bool(self.persistent)
        super().requestDone(request)
        if self._is_idle:
            self.setTimeout(IDLE_TIME)

    def loseConnection(self) -> None:
        """Linger: a client that is still sending would lose the response with the connection."""
        if self._surplus is not None and not self._lingers:
            self._lingers = True
            self.setTimeout(LINGERS)
        else:
            super().loseConnection()

    def timeoutConnection(self) -> None:
        if self.requests:
            self.transport.write(TOO_SLOW)
        super().timeoutConnection()

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        super().pauseProducing()
        self._taken = self._taken or asyncio.Event()

    def resumeProducing(self) -> None:
        super().resumeProducing()
        self._wake()

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        self._wake()

    def _wake(self) -> None:
        if self._taken:
            self._taken.set()
            self._taken = None

    async def taken(self) -> None:
        """Returns when the client has read what was written, or has disconnected."""
        if self._taken:
            await self._taken.wait()


class Factory(HTTPFactory):
    protocol = Channel

    def __init__(self, server: "Server") -> None:
        super().__init__(server)
        self.timeOut = IDLE_TIME

    def buildProtocol(self, addr: IAddress) -> Channel:
        channel = super().buildProtocol(addr)
        channel.requestFactory = Request
        return channel

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 only: Twisted's HTTP/2 would bypass all of this."""
        return [b"http/1.1"]


class Server(daphne.server.Server):
    def create_application(self, protocol: Request, scope: dict[str, Any]) -> asyncio.Queue | None:
        """daphne's `send` applies no backpressure; for streams the guard does, with `taken`."""
        taken, is_cut_off = protocol.channel.taken, protocol.is_cut_off
        scope["extensions"] = {"taken": taken, "is_cut_off": is_cut_off}
        return super().create_application(protocol, scope)

    def log_action(self, protocol: str, action: str, details: dict[str, Any]) -> None:
        """For the access log, if it is on: without secrets."""
        super().log_action(protocol, action, details | {"path": public(details["path"])})

    def listen_success(self, port: IListeningPort) -> None:
        """Connections inherit these options from the listening socket (tcp(7))."""
        super().listen_success(port)
        is_tcp = getattr(port, "addressFamily", None) in (socket.AF_INET, socket.AF_INET6)
        if is_tcp and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            milliseconds = int(settings.READER_TIMEOUT * 1000)
            port.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            port.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_IN_KERNEL)


def install() -> None:
    """Replace daphne's server. Works as daphne imports the application before it makes its server.

    tests/project/test_server.py and tests/faults/test_clients.py fail if daphne or Twisted change.
    """
    assert CommandLineInterface.server_class is daphne.server.Server
    daphne.server.HTTPFactory = Factory
    CommandLineInterface.server_class = Server
