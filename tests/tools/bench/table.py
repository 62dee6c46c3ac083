"""The results as one table, in Markdown."""

from collections.abc import Iterator
from dataclasses import dataclass

Results = dict[str, dict]


@dataclass
class Row:
    label: str
    reference: str = ""
    parley: str = ""
    ratio: str = ""
    must: str = ""


def table(results: Results) -> str:
    """Columns: what, the reference, Parley, Parley in parts of the reference, what it must be."""
    rows = [Row("", "reference", "Parley", "ratio", "must / aim"), *_rows(results)]
    cells = [[r.label, r.reference, r.parley, r.ratio, r.must] for r in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _rows(results: Results) -> Iterator[Row]:
    for count in sorted(int(each) for each in results["streams"]["parley"]):
        yield from _streams(results["streams"], str(count))
    yield from _costs(results)
    yield from _single(results)
    yield from _pages(results)


def _streams(streams: dict[str, dict], count: str) -> Iterator[Row]:
    reference, parley = streams["reference"].get(count), streams["parley"][count]
    goals = {"1": "p50 60", "150": "p95 200 / 100", "300": "p95 300"}

    noun = "stream" if count == "1" else "streams"

    def row(label: str, form: str, *names: str, must: str = "", ratio: bool = False) -> Row:
        cells = [_several(form, each, names) for each in (reference, parley)]
        share = _ratio(parley[names[0]], reference[names[0]]) if ratio and reference else ""
        return Row(f"{count} {noun}: {label}", *cells, share, must)

    yield row("kept pace", ".0f", "kept_pace", must=f"{count}" if int(count) <= 300 else "- / all")
    yield row("CPU of the server, µs a delta", ".0f", "cpu_us_per_delta", ratio=True)
    delays = [f"delay_{p}_ms" for p in ("p50", "p95", "p99")]
    yield row("delay p50, p95, p99, ms", ".0f", *delays, must=goals.get(count, ""))
    first = ["first_piece_p50_ms", "first_piece_p95_ms"]
    yield row("first piece p50, p95, ms beyond the provider's own", ".0f", *first)
    held = ["threads", "connections", "commits_per_s"]
    must = "commits 25" if count in ("1", "300") else ""
    yield row("threads, database connections, commits a second", ".0f", *held, must=must)


def _costs(results: Results) -> Iterator[Row]:
    slope, streams = results["slope"], results["streams"]
    label = "CPU at the margin, µs a delta (10 streams)"
    yield _pair(label, slope, "marginal_us", "0.20 / 0.10")
    yield _pair(
        "CPU of a message (with a reply of 2 deltas), ms", slope, "message_ms", "25 / 10 ms", ".1f"
    )
    if "150" in streams["parley"] and "50" in streams["reference"]:
        ours = streams["parley"]["150"]["cpu_us_per_delta"]
        theirs = streams["reference"]["50"]["cpu_us_per_delta"]
        cells = (_cell(theirs, ".0f"), _cell(ours, ".0f"), _ratio(ours, theirs))
        yield Row("CPU all in, µs a delta, 150 streams to 50", *cells, "0.20 / 0.10")
    page, text = (
        results["page_form"]["cpu_us_per_delta"],
        streams["parley"]["50"]["cpu_us_per_delta"],
    )
    label = "the page's form at 50 streams, µs a delta, to the text form"
    yield Row(label, "", _cell(page, ".0f"), _ratio(page, text), "2 / 1.3")
    label = "the page's form: delay p95, ms"
    yield Row(label, "", _cell(results["page_form"]["delay_p95_ms"], ".0f"))
    yield _pair(
        "memory of an open stream, KB (500 open)", results["memory"], "kb_per_stream", "60 / 20"
    )
    held = _several(".0f", results["memory"]["parley"], ("threads", "connections"))
    yield Row("threads, database connections (500 open)", "", held)


def _single(results: Results) -> Iterator[Row]:
    for thinking, first in results["first_piece"].items():
        label = (
            "one person, the provider answers at once"
            if thinking == "0.0"
            else (f"one person, the provider takes {float(thinking) * 1000:.0f} ms")
        )
        for name, what, must in (
            ("first", "first piece beyond its own", "40 / 15"),
            ("delay", "first piece after the provider's", "10"),
        ):
            both = (f"{name}_p50_ms", f"{name}_p95_ms")
            cells = [_several(".1f", first[server], both) for server in ("reference", "parley")]
            yield Row(f"{label}: {what}, p50, p95, ms", *cells, "", must)
    elsewhere = _several(".0f", results["reader_elsewhere"], ("delay_p50_ms", "delay_p95_ms"))
    yield Row("readers in another process (50): delay p50, p95, ms", "", elsewhere)
    for form, must in (("text", "6 / 4"), ("page", "12 / 8")):
        sent = _cell(results["wire"][form]["times_the_text"], ".1f")
        yield Row(f"bytes sent for a reply, times its text, {form} form", "", sent, "", must)
    bursts = [str(results["burst"][each]["refused"]) for each in ("reference", "parley")]
    yield Row("refused of 200 connections within a second", *bursts, "", "0")


def _pages(results: Results) -> Iterator[Row]:
    pages, sizes = results["pages"], results["pages"]["sizes"]
    for few, many, label, must in (
        ("conversation_50", "conversation_2000", "a conversation of 50, of 2,000 messages", "1.5"),
        ("list_few", "list_many", f"the list with few, with {sizes[0]:,} conversations", ""),
        ("admin_few", "admin_many", f"the admin's list with few, with {sizes[1]:,} messages", ""),
    ):
        names = (f"{few}_ms", f"{many}_ms")
        ratio = _ratio(pages[names[1]], pages[names[0]])
        yield Row(f"{label}, ms", "", _several(".0f", pages, names), ratio, must)


def _pair(label: str, both: dict[str, dict], name: str, must: str, form: str = ".0f") -> Row:
    theirs, ours = both["reference"][name], both["parley"][name]
    return Row(label, _cell(theirs, form), _cell(ours, form), _ratio(ours, theirs), must)


def _several(form: str, numbers: dict | None, names: tuple[str, ...] | list[str]) -> str:
    return " · ".join(_cell(numbers[name], form) for name in names) if numbers else ""


def _cell(number: float | None, form: str) -> str:
    return "-" if number is None else format(number, form)


def _ratio(ours: float | None, theirs: float | None) -> str:
    return f"{ours / theirs:.2f}" if ours is not None and theirs else ""
