"""A reply arriving from the provider, read whenever the caller is ready."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

import aiohttp

from ..conf import ProviderConf
from .clients import OtherBody
from .errors import ProviderError, cut, stalled
from .reading import Delta, Reading

MUCH = 256 * 1024  # bytes buffered for a caller that takes once a tick
AFTER_FINISH = 2.0  # seconds for the usage figures after the finish reason


class Answer:
    """One streamed response. `take()` returns what has arrived and never waits.

    A caller that takes once a tick keeps the data out in between: one wake-up a tick instead of
    one per packet.
    """

    def __init__(
        self, response: aiohttp.ClientResponse | OtherBody, provider: ProviderConf
    ) -> None:
        self.is_over = False
        self.failure: ProviderError | None = None  # set if the reply is incomplete
        self.on_arrival: Callable[[], None] = self._wake
        self._response = response
        self._reading = Reading()
        self._arrived = asyncio.Event()
        self._has_room: asyncio.Event | None = None  # set once the buffer is drained
        self._chunks: list[bytes] = []
        self._held = 0  # bytes in `_chunks`
        self._delta: Delta | None = None  # decoded, not taken yet
        self._has_ended = False  # the body, after the last chunk
        self._lost: ProviderError | None = None  # why, if the body was cut
        self._wakes_for = 1  # bytes
        self._socket = _own_socket(response)
        self._loop = asyncio.get_running_loop()
        response.content.on_eof(self.let_in)  # in the step that releases the connection
        self._patience = provider.PIECE_TIMEOUT
        self._deadline = self._loop.time() + provider.FIRST_PIECE_TIMEOUT
        self._receiving = asyncio.create_task(self._receive())

    @property
    def has_begun(self) -> bool:
        """Whether any part, even reasoning, waits to be taken."""
        return self._delta is not None and bool(self._delta.parts)

    async def begin(self) -> None:
        """Returns once the model writes or reasons, or the answer is over."""
        while not (self.has_begun or self.is_over):
            await self.arrival()
            self._decode()

    async def arrival(self) -> None:
        """Returns when there may be something to take."""
        with suppress(TimeoutError):  # the next `_decode` handles it
            async with asyncio.timeout_at(self._deadline):
                await self._arrived.wait()
        self._arrived.clear()

    def take(self) -> Delta:
        """What has arrived since the last call; `is_over` says if more may come."""
        self._decode()
        delta, self._delta = self._delta, None
        return delta or Delta()

    def let_in(self) -> None:
        """Let in what the provider has sent; takes one or two loop iterations."""
        self._wake_for(1)

    def keep_out(self) -> None:
        """Do not wake up for incoming data, unless it is MUCH or the end."""
        self._wake_for(MUCH)

    def _wake_for(self, size: int) -> None:
        """Have the kernel report data from `size` bytes on: see SO_RCVLOWAT in socket(7).

        The option belongs to the connection, which is reused once this body has been read;
        `response.connection` is None from then on. After that it is only lowered.
        """
        if self._socket and size != self._wakes_for and (size == 1 or self._response.connection):
            self._wakes_for = size
            with suppress(OSError):  # connection lost; the body's end reports it
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)

    async def close(self) -> None:
        """Stop reading, and release the connection."""
        self.let_in()
        if self._socket:
            self._socket.close()
            self._socket = None
        self._receiving.cancel()
        try:
            await asyncio.wait([self._receiving])
        finally:
            await self._response.release()

    def _wake(self) -> None:
        self._arrived.set()

    async def _receive(self) -> None:
        """Reads at once, because aiohttp drops unread data when a connection is lost.

        The outermost frame of its task: a body can be broken in as many ways as there are
        encodings, and any error concerns this answer only.
        """
        try:
            while chunk := await self._response.content.readany():
                self._chunks.append(chunk)
                self._held += len(chunk)
                self.on_arrival()
                if self._held > MUCH:
                    self._has_room = asyncio.Event()
                    await self._has_room.wait()
        except Exception as error:
            self._lost = cut(type(error).__name__)
        self._has_ended = True
        self.on_arrival()

    def _decode(self) -> None:
        reading, now = self._reading, self._loop.time()
        if self._chunks:
            self._read_chunks(now)
        if now >= self._deadline:
            reading.end(stalled())
        if self._has_ended:
            reading.end(self._lost)
        if reading.is_over:
            self._keep(reading.rest())
        self.is_over, self.failure = reading.is_over, reading.failure

    def _read_chunks(self, now: float) -> None:
        had_finished = self._reading.finish_reason != ""
        delta = self._reading.take(b"".join(self._chunks))
        self._chunks.clear()
        self._held = 0
        if self._has_room:
            self._has_room.set()
        self._keep(delta)
        if had_finished:
            return
        if delta.finish_reason:
            self._deadline = now + AFTER_FINISH
        elif delta.parts:
            self._deadline = now + self._patience

    def _keep(self, delta: Delta) -> None:
        if self._delta:
            self._delta.add(delta)
        else:
            self._delta = delta


def _own_socket(response: aiohttp.ClientResponse | OtherBody) -> socket.socket | None:
    """A dup of the connection's; None if the body is complete or SO_RCVLOWAT is missing."""
    connection = response.connection
    if not (connection and connection.transport and hasattr(socket, "SO_RCVLOWAT")):
        return None
    theirs = connection.transport.get_extra_info("socket")
    try:
        return socket.socket(fileno=os.dup(theirs.fileno()))
    except OSError:  # out of descriptors, or disconnected: do without
        return None
