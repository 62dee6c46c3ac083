"""One connection through the link: a pump each way, which knows the messages it moves."""

import asyncio
import socket
import struct
import threading

from . import wire

LARGEST_READ = 2**18  # bytes
NO_LINGER = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends RST


class Loss:
    """An order to lose the answers to `times` COMMITs of one kind, or fewer if no more come."""

    def __init__(self, kind, times):
        self.kind, self.left = kind, times
        self._begun = threading.Event()

    def take(self, kinds):
        """Whether this answer is to be lost."""
        if not self.left or self.kind not in kinds:
            return False
        self.left -= 1
        self._begun.set()
        return True

    def wait(self, timeout=20):
        """Returns as soon as the first of them has been lost."""
        assert self._begun.wait(timeout), f"no COMMIT of kind {self.kind!r} in {timeout} s"


class Connection:
    def __init__(self, link, reader, writer):
        self._link = link
        self._client = reader, writer
        self._server = None
        self._talk = wire.Conversation()
        self._losing = False  # the answer to a COMMIT, which has begun to come
        self._gates = {"to_server": asyncio.Event(), "to_client": asyncio.Event()}
        self.let_through()
        self.hang(link.silent)

    def hang(self, directions):
        for direction in directions:
            self._gates[direction].clear()

    def let_through(self):
        for gate in self._gates.values():
            gate.set()

    def cut(self):
        """RST both ways."""
        for writer in self._writers():
            link = writer.get_extra_info("socket")
            if link is not None and link.fileno() >= 0:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()

    def close(self):
        for writer in self._writers():
            writer.close()

    async def closed(self):
        """Returns when both have got all that was for them, or are gone."""
        closed = [writer.wait_closed() for writer in self._writers()]
        await asyncio.gather(*closed, return_exceptions=True)

    def _writers(self):
        return [writer for _, writer in filter(None, (self._client, self._server))]

    async def run(self):
        """Returns when one of the two has gone, or the connection was cut."""
        startup = await self._startup()
        await self._gates["to_server"].wait()
        self._server = await asyncio.open_connection(*self._link.server)
        self._server[1].write(startup)
        pumps = [
            asyncio.create_task(self._pump("to_server", self._client[0], self._server[1])),
            asyncio.create_task(self._pump("to_client", self._server[0], self._client[1])),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _startup(self):
        """The first message that is for the server; encryption is refused."""
        reader, writer = self._client
        while True:
            head = await reader.readexactly(8)
            length, code = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
            if code not in (wire.SSL, wire.GSS):
                return head + await reader.readexactly(length - len(head))
            writer.write(wire.REFUSED)

    async def _pump(self, direction, reader, writer):
        """Reads at all times, also while nothing goes through: what is sent is acknowledged."""
        read = asyncio.Queue()
        forwards = asyncio.create_task(self._forward(direction, read, writer))
        try:
            while data := await reader.read(LARGEST_READ):
                read.put_nowait((asyncio.get_running_loop().time(), data))
            read.put_nowait(None)
            await forwards
        finally:
            forwards.cancel()

    async def _forward(self, direction, read, writer):
        buffer = bytearray()
        while item := await read.get():
            arrived, data = item
            late = arrived + self._link.seconds - asyncio.get_running_loop().time()
            if late > 0:
                await asyncio.sleep(late)
            await self._gates[direction].wait()
            buffer += data
            look = self._to_server if direction == "to_server" else self._to_client
            writer.write(b"".join(look(*message) for message in wire.messages(buffer)))
            await writer.drain()

    def _to_server(self, kind, message):
        self._talk.said(kind, message)
        return message

    def _to_client(self, kind, message):
        talk, losses = self._talk, list(self._link.losses)
        if losses and not self._losing and talk.commits(kind, message):
            kinds = talk.kinds
            self._losing = any(loss.take(kinds) for loss in losses)
        if talk.ready(kind, message):
            self._link.round_trips += 1
            if self._losing:  # the server is done, and the client shall not hear of it
                self.cut()
        return b"" if self._losing else message
