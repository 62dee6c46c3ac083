"""The proxy: its thread, its connections, and the orders that it takes from a test."""

import asyncio
import threading
from contextlib import suppress

from .connection import Connection, Loss

HOST = "127.0.0.1"
ORDERED = 10.0  # seconds until an order has to be carried out
BACKLOG = 1_000  # connections


class Link:
    """`with Link() as link:` leads from `link.port` to the server until the block ends.

    Every order holds until `heal`. All of them may be given from any thread.
    """

    def __init__(self, server=(HOST, 5432), port=0):
        self.server, self.port = server, port
        self.connections = []  # those that are open
        self._leaving = set()  # those that still have something to deliver
        self.opened = self.round_trips = 0
        self.losses = []
        self.seconds = 0.0  # that everything takes longer, each way
        self.silent = set()  # the directions in which nothing goes through on new connections
        self._listener = self._cutting = None

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._thread.start()
        self._order(self._listen)
        return self

    def __exit__(self, *_):
        self.heal()
        self._order(self._stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def lose_answer(self, kind, times=1):
        """Lets the next `times` COMMITs of a `kind` through, throws their answers away, and resets
        those connections; a Loss to wait for."""
        loss = Loss(kind, times)
        self.losses.append(loss)
        return loss

    def hang(self, direction=None, *, existing_only=True):
        """Connections go silent, both ways or `to_server` or `to_client`: they stay open, what is
        sent is acknowledged, and comes through when the link has healed."""
        directions = {direction} if direction else {"to_server", "to_client"}
        self._order(self._hang, directions, existing_only)

    def delay(self, seconds):
        """Everything takes so long, each way: a round trip twice as long."""
        self.seconds = seconds

    def cut_at_random(self, per_minute, dice):
        """Resets one connection or the other, so often on average."""
        self._order(self._begin_to_cut, per_minute, dice)

    def cut_all(self):
        """Resets all connections; how many."""
        return self._order(self._cut_all)

    def refuse(self):
        """New connections are refused."""
        self._order(self._close)

    def accept(self):
        self._order(self._listen)

    def heal(self):
        """All as in the beginning; what was held back goes its way."""
        self.losses.clear()
        self.seconds, self.silent = 0.0, set()
        self._order(self._heal)

    def _order(self, work, *args):
        run = asyncio.run_coroutine_threadsafe(work(*args), self._loop)
        return run.result(ORDERED)

    async def _listen(self):
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve, HOST, self.port, backlog=BACKLOG
            )
            self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self):
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _serve(self, reader, writer):
        connection = Connection(self, reader, writer)
        self.opened += 1
        self.connections.append(connection)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await connection.run()
        finally:
            connection.close()
            self.connections.remove(connection)
            self._leaving.add(connection)
        await connection.closed()
        self._leaving.remove(connection)

    async def _hang(self, directions, existing_only):
        for connection in self.connections:
            connection.hang(directions)
        if not existing_only:
            self.silent = directions

    async def _begin_to_cut(self, per_minute, dice):
        self._cutting = asyncio.create_task(self._cut_at_random(60 / per_minute, dice))

    async def _cut_at_random(self, mean, dice):
        while True:
            await asyncio.sleep(dice.expovariate(1 / mean))
            if self.connections:
                dice.choice(self.connections).cut()

    async def _cut_all(self):
        connections = list(self.connections)
        for connection in connections:
            connection.cut()
        return len(connections)

    async def _heal(self):
        if self._cutting:
            self._cutting.cancel()
            self._cutting = None
        for connection in self.connections:
            connection.let_through()
        await self._listen()

    async def _stop(self):
        await self._close()
        await self._cut_all()
        for connection in self._leaving:
            connection.cut()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*tasks, return_exceptions=True)
