"""A reply on its way from the provider, taken when it suits the one who takes."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

import aiohttp

from ..conf import conf
from .errors import ProviderError, cut, stalled
from .reading import Delta, Reading

MUCH = 256 * 1024  # bytes that are kept for who takes once a tick
AFTER_FINISH = 2.0  # seconds for the usage figures after the finish reason


class Answer:
    """What one response brings. `take()` gives what has arrived and never waits.

    Whoever takes once a tick keeps the provider's data out in between: a wake-up a tick instead of
    one for each packet.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.is_over = False
        self.failure: ProviderError | None = None  # then it was not a whole reply
        self.on_arrival: Callable[[], None] = self._wake
        self._response = response
        self._reading = Reading()
        self._arrived = asyncio.Event()
        self._has_room: asyncio.Event | None = None  # for whoever waits with a full hand
        self._chunks: list[bytes] = []
        self._held = 0  # bytes in them
        self._delta: Delta | None = None  # decoded and not taken yet
        self._has_ended = False  # the body, behind the last of the chunks
        self._lost: ProviderError | None = None  # why, if it did not end by itself
        self._wakes_for = 1  # bytes
        self._socket = _own_socket(response)
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + conf().CHAT_FIRST_PIECE_TIMEOUT
        self._receiving = asyncio.create_task(self._receive())

    @property
    def has_begun(self) -> bool:
        """Whether a text, or what is thought before it, waits to be taken."""
        return self._delta is not None and bool(self._delta.text or self._delta.reasoning)

    async def begin(self) -> None:
        """Returns when the model has begun to write or to think, or all is over."""
        while not (self.has_begun or self.is_over):
            await self.arrival()
            self._decode()

    async def arrival(self) -> None:
        """Returns when there may be something to take."""
        with suppress(TimeoutError):  # who looks next finds that
            async with asyncio.timeout_at(self._deadline):
                await self._arrived.wait()
        self._arrived.clear()

    def take(self) -> Delta:
        """What has arrived since the last time; `is_over` tells whether more may come."""
        self._decode()
        delta, self._delta = self._delta, None
        return delta or Delta()

    def let_in(self) -> None:
        """Have what the provider has sent come in; that takes a round or two of the loop."""
        self._wake_for(1)

    def keep_out(self) -> None:
        """Sleep through what the provider sends, unless it is much, or the end."""
        self._wake_for(MUCH)

    def _wake_for(self, size: int) -> None:
        """Have the kernel report data from `size` bytes on: see SO_RCVLOWAT in socket(7)."""
        if self._socket and size != self._wakes_for and self._response.connection:
            self._wakes_for = size
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)

    async def close(self) -> None:
        self.let_in()  # the connection may be used again
        if self._socket:
            self._socket.close()
        self._receiving.cancel()
        await asyncio.wait([self._receiving])

    def _wake(self) -> None:
        self._arrived.set()

    async def _receive(self) -> None:
        """At once, because aiohttp forgets what was not read when a connection is lost."""
        try:
            while chunk := await self._response.content.readany():
                self._chunks.append(chunk)
                self._held += len(chunk)
                self.on_arrival()
                if self._held > MUCH:
                    self._has_room = asyncio.Event()
                    await self._has_room.wait()
        except (aiohttp.ClientError, OSError) as error:
            self._lost = cut(type(error).__name__)
        self._has_ended = True
        self.on_arrival()

    def _decode(self) -> None:
        reading, now = self._reading, self._loop.time()
        if self._chunks:
            delta = reading.take(b"".join(self._chunks))
            self._chunks.clear()
            self._held = 0
            if self._has_room:
                self._has_room.set()
            if self._delta:
                self._delta.add(delta)
            else:
                self._delta = delta
            if delta.finish_reason:
                self._deadline = now + AFTER_FINISH
            elif (delta.text or delta.reasoning) and not reading.finish_reason:
                self._deadline = now + conf().CHAT_PIECE_TIMEOUT
        if now >= self._deadline:
            reading.end(stalled())
        if self._has_ended:
            reading.end(self._lost)
        self.is_over, self.failure = reading.is_over, reading.failure


def _own_socket(response: aiohttp.ClientResponse) -> socket.socket | None:
    """A handle on the connection's; None if all has come already, or the system cannot do this."""
    if not response.connection or not hasattr(socket, "SO_RCVLOWAT"):
        return None
    theirs = response.connection.transport.get_extra_info("socket")
    return socket.socket(fileno=os.dup(theirs.fileno()))
