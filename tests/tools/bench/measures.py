"""What is measured. Each function starts what it needs fresh, and returns plain numbers."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from uvloop import run

from . import process, servers
from .load import Crowd, GivenRoad, PageRoad, crowd, fetch
from .provider import Directions
from .servers import Cores, Server, Site

Numbers = dict[str, float | None]

WARM_UP = Directions(deltas=10, after=0.0)
WARM_UP_READERS = 5
LOOK = 0.5  # seconds between two looks at threads, connections and memory
FEW = 10  # streams, for the slope
MESSAGES, MESSAGES_RAMP = 100, 4.0  # short replies, for the cost of a message; seconds
SHORTEST = 2  # deltas of those
FORM_STREAMS = 50  # for the page's form, and for readers in another process
HELD_OPEN, HELD_RAMP = 500, 20.0  # streams, for the memory of one; seconds until all are open
BURST, BURST_TIME = 200, 1.0  # connections; seconds within which they arrive
PAGES, PAGES_TIME = 50, 20.0  # requests for the median of a page, fewer if they take longer (s)
STAFF = -1  # the last person is of the staff
LIST, ADMIN = "/chat/", "/admin/chat/conversation/"
FIRST_PIECES = 20  # replies, one after the other
THINKING = 0.3  # seconds that a model takes to its first piece
LATE = 15.0  # milliseconds; a load that is later than this at every 20th beat is no measure
PACE = 0.98  # of its rate; a provider that sends less is no measure either
FOREIGN = 0.05  # of the server's core that others may use


@dataclass
class Scale:
    """How much is done. The goals are meant for the full scale."""

    streams: list[int]
    reference_streams: list[int]
    runs: int = 3
    deltas: int = 400
    slope: tuple[int, int] = (50, 300)  # deltas of the short and of the long replies
    wire_deltas: int = 1_000  # of 4 characters
    listed: int = 10_000  # conversations
    messages_each: int = 100  # in those


@dataclass
class Bench:
    site: Site
    cores: Cores
    provider_port: int
    scale: Scale
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def server(self, name: str, *, html: bool = False) -> Iterator[Server]:
        """A fresh and warm `reference` or `parley`."""
        if name == "reference":
            starting = servers.reference(self.provider_port, self.cores.server)
        else:
            starting = servers.parley(self.site, self.provider_port, self.cores.server, html=html)
        with starting as server:
            run(crowd(server.port, server.road, WARM_UP_READERS, WARM_UP, ramp=0.5))
            yield server

    def connections(self, server: Server) -> float | None:
        return self.site.database.connections(server.pid) if server.name == "Parley" else None

    def commits(self, server: Server) -> float | None:
        return self.site.database.commits() if server.name == "Parley" else None


# Many streams


def streams(bench: Bench, name: str, count: int, *, html: bool = False) -> Numbers:
    """`count` replies at a time, started within two seconds."""
    with bench.server(name, html=html) as server:
        directions = Directions(bench.scale.deltas)
        seen, watch = run(_watched(bench, server, count, directions))
    label = f"{name}, {count} streams{', page' if html else ''}"
    _doubt(bench, label, seen, watch)
    numbers = {
        "kept_pace": seen.kept_pace,
        "failed": len(seen.errors),
        "cpu_us_per_delta": per_delta(seen),
        "delay_p50_ms": percentile(seen.delays, 50),
        "delay_p95_ms": percentile(seen.delays, 95),
        "delay_p99_ms": percentile(seen.delays, 99),
        "first_piece_p50_ms": percentile(seen.firsts, 50),
        "first_piece_p95_ms": percentile(seen.firsts, 95),
        "first_delay_p50_ms": percentile(seen.first_delays, 50),
        "server_core_used": watch.used,
        "server_core_used_by_others": watch.foreign,
        "load_late_p95_ms": percentile(seen.lateness, 95),
    }
    return numbers | watch.numbers()


def slope(bench: Bench, name: str) -> Numbers:
    """What a delta costs more in a longer reply, and what a message costs almost without any.

    The message as the page sends it: the POST and the stream are two requests.
    """
    short, long = bench.scale.slope
    with bench.server(name) as server:
        costs = [_cost(bench, server, FEW, Directions(deltas)) for deltas in (short, long)]
    with bench.server(name, html=True) as server:
        message = _cost(bench, server, MESSAGES, Directions(SHORTEST), ramp=MESSAGES_RAMP)
    a_delta = None if None in costs else (costs[1] - costs[0]) / (long - short) * 1e6
    return {"marginal_us": a_delta, "message_ms": message and message * 1000}


def _cost(
    bench: Bench, server: Server, count: int, directions: Directions, ramp: float | None = None
) -> float | None:
    """Seconds of the server for one message and its reply; None if not all came to their end."""
    seen, watch = run(_watched(bench, server, count, directions, ramp=ramp))
    _doubt(bench, f"{server.name}, {count} replies of {directions.deltas} deltas", seen, watch)
    return None if seen.errors else seen.cpu / count


def first_piece(bench: Bench, name: str, thinking: float) -> Numbers:
    """One person, one reply after the other."""
    with bench.server(name) as server:
        seen = [
            run(crowd(server.port, server.road, 1, Directions(2, after=thinking), ramp=0.0))
            for _ in range(FIRST_PIECES)
        ]
    firsts = [first for each in seen for first in each.firsts]
    delays = [delay for each in seen for delay in each.first_delays]
    return {
        "first_p50_ms": percentile(firsts, 50),
        "first_p95_ms": percentile(firsts, 95),
        "delay_p50_ms": percentile(delays, 50),
        "delay_p95_ms": percentile(delays, 95),
    }


def memory(bench: Bench, name: str) -> Numbers:
    """Of one stream, while hundreds of slow ones are open."""
    with bench.server(name) as server:
        before = process.resident_bytes(server.pid)
        directions = Directions(deltas=6, rate=0.2)
        seen, watch = run(_watched(bench, server, HELD_OPEN, directions, ramp=HELD_RAMP))
    _doubt(bench, f"{name}, {HELD_OPEN} held open", seen, watch)
    grown = (watch.resident - before) / HELD_OPEN / 1024
    return {"kb_per_stream": grown} | watch.numbers()


def burst(bench: Bench, name: str) -> Numbers:
    """Many connections at once."""
    with bench.server(name) as server:
        directions = Directions(deltas=10)
        seen = run(crowd(server.port, server.road, BURST, directions, ramp=BURST_TIME))
    return {"arrived": BURST, "refused": len(seen.errors)}


# Parley by itself


def bytes_on_the_wire(bench: Bench, *, html: bool) -> Numbers:
    """All bytes of the answer that carries one reply, against those of its text."""
    directions = Directions(bench.scale.wire_deltas, kind="prose")
    with bench.server("parley", html=html) as server:
        seen = run(crowd(server.port, server.road, 1, directions, ramp=0.0))
    sent = seen.readers[0].bytes
    return {"bytes": sent, "times_the_text": sent / (4 * bench.scale.wire_deltas)}


def reader_elsewhere(bench: Bench) -> Numbers:
    """One process writes the replies, the readers are at another one."""
    directions = Directions(bench.scale.deltas, after=2.0)
    with bench.server("parley") as writer, bench.server("parley") as other:
        seen = run(_read_elsewhere(writer, other, bench.site.people, directions))
    return {
        "delay_p50_ms": percentile(seen.delays, 50),
        "delay_p95_ms": percentile(seen.delays, 95),
        "failed": len(seen.errors),
    }


def pages(bench: Bench) -> Numbers:
    """Pages with little and with much behind them, in milliseconds."""
    (short,) = bench.site.seed("conversations", "1", "50")
    (long,) = bench.site.seed("conversations", "1", "2000")
    paths = [f"/chat/{short}/", f"/chat/{long}/", LIST, ADMIN]
    with bench.server("parley") as server:
        opened = [*run(_open(server, paths))]
    bench.site.seed("conversations", str(bench.scale.listed), str(bench.scale.messages_each))
    with bench.server("parley") as server:
        opened += run(_open(server, [LIST, ADMIN]))
    names = ["conversation_50", "conversation_2000", "list_few", "admin_few"]
    names += ["list_many", "admin_many"]
    return {f"{name}_ms": took for name, took in zip(names, opened, strict=True)}


# How


class Watch:
    """Looks at a server now and then, and at both ends of a run."""

    def __init__(self, bench: Bench, server: Server) -> None:
        self._bench, self._server = bench, server
        self.threads = self.connections = self.resident = 0
        self._begun = asyncio.get_running_loop().time()
        self._commits: list[float] = []  # so far, at each look
        self._cpu = process.cpu_seconds(server.pid)
        self._busy = process.busy_seconds(bench.cores.server)

    async def look(self) -> None:
        while True:
            pid = self._server.pid
            self.threads = max(self.threads, process.threads(pid))
            self.resident = max(self.resident, process.resident_bytes(pid))
            self.connections = max(self.connections, self._bench.connections(self._server) or 0)
            self._commits.append(self._bench.commits(self._server) or 0)
            await asyncio.sleep(LOOK)

    def end(self) -> None:
        self.seconds = asyncio.get_running_loop().time() - self._begun
        cpu = process.cpu_seconds(self._server.pid) - self._cpu
        busy = process.busy_seconds(self._bench.cores.server) - self._busy
        self.used = cpu / self.seconds
        self.foreign = max(0.0, busy - cpu) / self.seconds

    def numbers(self) -> Numbers:
        """Commits: the median of all looks, those of the sends at the beginning apart."""
        is_parley = self._server.name == "Parley"
        rates = [(new - old) / LOOK for old, new in pairwise(self._commits)]
        return {
            "threads": self.threads,
            "connections": self.connections if is_parley else None,
            "commits_per_s": median(rates) if is_parley and rates else None,
        }


async def _watched(
    bench: Bench,
    server: Server,
    count: int,
    directions: Directions,
    *,
    ramp: float | None = None,
) -> tuple[Crowd, Watch]:
    watch = Watch(bench, server)
    looking = asyncio.create_task(watch.look())
    seen = await crowd(
        server.port,
        server.road,
        count,
        directions,
        ramp=ramp,
        cpu=lambda: process.cpu_seconds(server.pid),
    )
    looking.cancel()
    watch.end()
    return seen, watch


async def _read_elsewhere(
    writer: Server, other: Server, people: list[str], directions: Directions
) -> Crowd:
    asking, paths = PageRoad(writer.port, people), []
    for number in range(FORM_STREAMS):
        _, body = await fetch(writer.port, asking.ask(number, directions.prompt()))
        paths.append(json.loads(body)["reply"]["events"])
    road = GivenRoad(PageRoad(other.port, people), paths)
    return await crowd(other.port, road, FORM_STREAMS, directions, ramp=0.0)


async def _open(server: Server, paths: list[str]) -> list[float]:
    """The median time of each page, asked for in turns."""
    times: list[list[float]] = [[] for _ in paths]
    deadline = asyncio.get_running_loop().time() + PAGES_TIME
    while len(times[0]) < PAGES and asyncio.get_running_loop().time() < deadline:
        for path, took in zip(paths, times, strict=True):
            person = STAFF if path == ADMIN else 0
            took.append((await fetch(server.port, server.road.get(path, person)))[0])
    return [median(each) for each in times]


def _doubt(bench: Bench, label: str, seen: Crowd, watch: Watch) -> None:
    """Say what speaks against a measurement."""
    late, doubts = percentile(seen.lateness, 95) or 0.0, []
    if late > LATE:
        doubts.append(f"the load generator itself was {late:.0f} ms late (p95)")
    if seen.provider_pace < PACE:
        doubts.append(f"the provider double sent only {seen.provider_pace:.0%} of its rate")
    if watch.foreign > FOREIGN:
        doubts.append(f"other programs used {watch.foreign:.0%} of the server's core")
    if seen.errors:
        doubts.append(f"{len(seen.errors)} readers had no whole reply ({seen.errors[0]})")
    if doubts:
        bench.warnings.append(f"{label}: {', '.join(doubts)}.")


def per_delta(seen: Crowd) -> float | None:
    return seen.cpu / seen.deltas * 1e6 if seen.deltas else None


def percentile(values: list[float], percent: int) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] if ordered else None


def medians(runs: list[Numbers]) -> Numbers:
    """Of each number over the runs."""
    middle = {}
    for name in runs[0]:
        values = [each[name] for each in runs if each[name] is not None]
        middle[name] = median(values) if values else None
    return middle


def of_runs(bench: Bench, measure: Callable[..., Numbers], *args: object, **kw: object) -> Numbers:
    """Several runs of one measurement: their medians, and all of them under `runs`."""
    runs = [measure(bench, *args, **kw) for _ in range(bench.scale.runs)]
    return medians(runs) | {"runs": runs}


def pin_load(cores: Cores) -> None:
    os.sched_setaffinity(0, {cores.load})
