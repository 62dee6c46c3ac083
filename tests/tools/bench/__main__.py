"""Runs the benchmark, prints its table, and writes all numbers as JSON."""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from . import database, measures, profiling, servers
from .measures import Bench, Scale, of_runs
from .servers import Cores, Site
from .table import table

PEOPLE = 500
FULL = Scale(streams=[1, 50, 150, 300, 500], reference_streams=[1, 50])
QUICK = Scale(
    streams=[1, 50],
    reference_streams=[1, 50],
    runs=1,
    deltas=100,
    slope=(25, 125),
    wire_deltas=250,
    listed=1_000,
    messages_each=10,
)


def main() -> None:
    options = _options()
    _require_packages()
    scale = QUICK if options.quick else FULL
    scale.streams = sorted({50, *(options.streams or scale.streams)})  # others are compared with 50
    scale.runs = options.runs or scale.runs
    cores = Cores.choose()
    measures.pin_load(cores)
    with (
        tempfile.TemporaryDirectory() as directory,
        database.fresh(options.database, Path(directory)) as fresh,
        servers.provider(cores.load) as provider_port,
    ):
        site = Site(fresh, Path(directory))
        site.let_in(PEOPLE)
        bench = Bench(site, cores, provider_port, scale)
        if options.profile:
            _profile(bench, options.profile)
        else:
            _measure(bench, options.json)


def _measure(bench: Bench, path: Path) -> None:
    begun = time.monotonic()
    results = {"machine": _machine(bench), **_all(bench)}
    results["warnings"] = bench.warnings
    path.write_text(json.dumps(results, indent=1))
    print(table(results))
    print(f"\n{_conditions(results['machine'])} {(time.monotonic() - begun) / 60:.0f} minutes.")
    for each in bench.warnings:
        print(f"Mind: {each}")


def _all(bench: Bench) -> dict[str, dict]:
    scale, both = bench.scale, ("reference", "parley")
    results: dict[str, dict] = {"streams": {"reference": {}, "parley": {}}}
    for name in both:
        for count in scale.reference_streams if name == "reference" else scale.streams:
            _say(f"{name}: {count} streams")
            results["streams"][name][str(count)] = of_runs(bench, measures.streams, name, count)
    _say("the costs of a delta and of a message")
    results["slope"] = {name: of_runs(bench, measures.slope, name) for name in both}
    _say("the page's form")
    results["page_form"] = of_runs(
        bench, measures.streams, "parley", measures.FORM_STREAMS, html=True
    )
    _say("first pieces")
    results["first_piece"] = {
        str(thinking): {name: measures.first_piece(bench, name, thinking) for name in both}
        for thinking in (0.0, measures.THINKING)
    }
    _say("memory, and many at once")
    results["memory"] = {name: measures.memory(bench, name) for name in both}
    results["burst"] = {name: measures.burst(bench, name) for name in both}
    _say("bytes, and readers in another process")
    results["wire"] = {
        "text": measures.bytes_on_the_wire(bench, html=False),
        "page": measures.bytes_on_the_wire(bench, html=True),
    }
    results["reader_elsewhere"] = measures.reader_elsewhere(bench)
    _say("pages")
    results["pages"] = measures.pages(bench)
    results["pages"]["sizes"] = [scale.listed, scale.listed * scale.messages_each]
    return results


def _profile(bench: Bench, counts: list[int]) -> None:
    for count in counts:
        print(profiling.profile(bench, "parley", count), end="\n\n", flush=True)
    print(profiling.profile_messages(bench))


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


def _machine(bench: Bench) -> dict[str, object]:
    return {
        "cores": len(os.sched_getaffinity(os.getppid())),
        "python": platform.python_version(),
        "database": bench.site.database.name,
        "deltas": bench.scale.deltas,
        "runs": bench.scale.runs,
    }


def _conditions(machine: dict[str, object]) -> str:
    return (
        "{cores} cores: one for the server, one for the load and the provider. Python {python}, "
        "{database}. Replies of {deltas} deltas at 50 a second; medians of {runs} runs."
    ).format(**machine)


def _require_packages() -> None:
    missing = [name for name in ("fastapi", "uvicorn", "httptools") if find_spec(name) is None]
    if missing or not profiling.PY_SPY.exists():
        sys.exit("First: pip install -r tests/tools/bench/requirements.txt")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests.tools.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and rough, in two minutes")
    parser.add_argument("--streams", type=_numbers, help="at a time, e.g. 1,50,150,300,500")
    parser.add_argument("--runs", type=int, help="of which the medians are shown")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"), metavar="FILE")
    parser.add_argument(
        "--profile",
        type=_numbers,
        nargs="?",
        const=[50],
        metavar="STREAMS",
        help="instead of measuring, show where the time goes, at 50 streams or at these",
    )
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


main()
