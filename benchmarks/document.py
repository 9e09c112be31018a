"""docs/BENCHMARKS.md and its plot, out of the results of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.bench import DECADE, YEAR
from benchmarks.connectors import KINDS, MEASURED_ON, NAME, NDJSON
from benchmarks.plot import Points, draw
from benchmarks.reading import query_files, question
from benchmarks.results import Results, Timing, at
from benchmarks.targets import figures, memory, seconds, times

PLOT = "benchmarks/time-against-rows.svg"
_CONNECTORS = "\n## Connectors\n"
_TEXTS = Path(__file__).parent / "texts"
_LOADS = {
    "floor": "bare `COPY` of the finished facts: **the floor**",
    "etl": "**`retail etl --no-refresh`**, CSV to published warehouse",
    "etl without report": "`retail etl --no-refresh --no-report`",
    "etl with views": "`retail etl`, with a refresh of the six views",
    "etl again": "`retail etl`, the same file again",
    "obvious way": "the obvious way: stage, `INSERT … ON CONFLICT`",
    "dlt arrow_csv": "dlt, append, Arrow by `COPY`",
    "dlt arrow_parquet": "dlt, append, Arrow by ADBC",
    "dlt arrow_csv_merge": "dlt, merge, Arrow by `COPY`",
    "dlt documented": "dlt, append, its CSV reader",
}
_PLOTTED = {
    "etl": "retail etl",
    "floor": "bare COPY (the floor)",
    "dlt arrow_csv": "dlt, by COPY",
    "dlt arrow_parquet": "dlt, by ADBC",
}
_DAYS = {
    "day@empty": "a new day, the warehouse empty",
    "day@loaded": "a new day",
    "same day@loaded": "the same day again",
    "day@filled": "a new day",
    "same day@filled": "the same day again",
}


def write(results: Results, folder: Path) -> Path:
    """Write the document and its plot below `folder`; the document's path."""
    document = folder / "BENCHMARKS.md"
    series = _series(results)
    if series:
        (folder / PLOT).parent.mkdir(parents=True, exist_ok=True)
        (folder / PLOT).write_text(draw(series, "Seconds against rows"), encoding="utf-8")
    document.write_text("\n".join(_lines(results, bool(series))) + "\n", encoding="utf-8")
    return document


def write_connectors(results: Results, folder: Path) -> Path:
    """Replace the section about connectors of the document below `folder`, and nothing else; the document's path."""
    document = folder / "BENCHMARKS.md"
    before, heading, rest = document.read_text(encoding="utf-8").partition(_CONNECTORS)
    _, after, others = rest.partition("\n## ")
    text = "\n".join(_connectors(results))
    document.write_text(f"{before}{heading}\n{text}\n{after}{others}", encoding="utf-8")
    return document


def _series(results: Results) -> dict[str, Points]:
    series: dict[str, Points] = {}
    for name, label in _PLOTTED.items():
        points = sorted(
            (int(key.partition("@")[2]), timing.seconds)
            for key, timing in results.timings.items()
            if key.partition("@")[0] == name and timing.costs
        )
        if len(points) > 1:
            series[label] = points
    return series


def _lines(results: Results, plotted: bool) -> Iterator[str]:
    yield _text("introduction")
    yield from _machine(results)
    yield "## Targets\n"
    rows = [(each.work, *each.limits, each.shown, each.outcome) for each in figures(results)]
    yield from _table(("work", "must", "aim", "measured", "outcome"), rows, numbers=(1, 2, 3))
    yield from (f"\nNot measured: {note}." for note in results.notes)
    if reasons := _text("reasons").strip():
        yield f"\n{reasons}"
    yield "\n## One file, side by side\n"
    yield _text("side_by_side")
    yield from _loads(results)
    yield from _steps(results)
    if plotted:
        yield f"\n## Time against rows\n\n![Seconds against rows, logarithmic]({PLOT})\n"
        yield from _sizes(results)
    yield "\n## One day added to a loaded warehouse\n"
    yield _text("days")
    yield from _days(results)
    yield "\n## Ingestion\n"
    yield _text("ingestion")
    yield from _pages(results)
    yield _CONNECTORS
    yield from _connectors(results)
    yield "\n## Views\n"
    yield from _views(results)
    yield "\n## BI example queries\n"
    yield _text("queries")
    yield from _queries(results)
    yield "\n" + _text("method").rstrip()


def _machine(results: Results) -> Iterator[str]:
    words = results.machine
    yield (
        f"Measured on {results.started_at[:10]} with version {results.code_version}, {results.repetitions} repetitions,"
        f" in {results.seconds / 60:.0f} minutes. {words['cores']} cores ({words['processor']}), {words['memory']},"
        f" {words['kernel']}, PostgreSQL {words['PostgreSQL']}, Python {words['Python']}. The machine's load average"
        f" before was {results.load_before}. The file: {results.source}.\n"
    )


def _loads(results: Results) -> Iterator[str]:
    floor = results.timings.get(at("floor", YEAR))
    rows = []
    for name, label in _LOADS.items():
        timing = results.timings.get(at(name, YEAR))
        if timing is None or floor is None:
            continue
        rows.append(
            (
                label,
                seconds(timing.seconds),
                _spread(timing),
                times(timing.seconds / floor.seconds),
                f"{timing.rows / timing.seconds:,.0f}",
                f"{timing.middle(lambda cost: cost.processor_seconds):.2f}",
                f"{timing.server_seconds('PostgreSQL'):.2f}",
                f"{timing.server_seconds('S3'):.2f}" if name.startswith("etl") else "–",
                memory(timing.peak_bytes) if timing.peak_bytes else "–",
                memory(timing.server_peak("PostgreSQL")) if timing.server_peak("PostgreSQL") else "–",
            )
        )
    heads = ("load", "median", "from – to", "of the floor", "rows/s", "processor, process", "PostgreSQL", "S3")
    yield from _table((*heads, "peak memory, process", "PostgreSQL"), rows, numbers=range(1, 10))


def _steps(results: Results) -> Iterator[str]:
    timing = results.timings.get(at("etl", YEAR))
    if timing is None or not timing.steps:
        return
    yield "\nSteps of `retail etl`, median seconds as its `--json` reports them. They overlap, so they do not add up:\n"
    rows = [(name.replace("_", " "), f"{value:.2f}") for name, value in timing.step_medians().items()]
    yield from _table(("step", "seconds"), rows, numbers=(1,))


def _sizes(results: Results) -> Iterator[str]:
    sizes = sorted({int(key.partition("@")[2]) for key in results.timings if key.startswith("etl@")})
    rows = []
    for size in sizes:
        etl = results.timings[at("etl", size)]
        others = [results.timings.get(at(name, size)) for name in _PLOTTED]
        rows.append((f"{size:,}", *(seconds(each.seconds) if each else "–" for each in others), memory(etl.peak_bytes)))
    yield from _table(("rows", *_PLOTTED.values(), "peak memory of retail etl"), rows, numbers=range(6))


def _days(results: Results) -> Iterator[str]:
    empty, rows = results.timings.get("day@empty"), []
    for name, label in _DAYS.items():
        timing = results.timings.get(name)
        if timing is None:
            continue
        rows.append(
            (
                label,
                f"{int(timing.facts.get('held', 0)):,}",
                seconds(timing.seconds),
                _spread(timing),
                times(timing.seconds / empty.seconds) if empty else "–",
                f"{timing.middle(lambda cost: cost.processor_seconds):.2f}",
                f"{timing.server_seconds('PostgreSQL'):.2f}",
            )
        )
    heads = ("work", "facts before", "median", "from – to", "of empty", "processor, process", "PostgreSQL")
    yield from _table(heads, rows, numbers=range(1, 7))


def _pages(results: Results) -> Iterator[str]:
    rows = []
    for name, timing in sorted(results.timings.items()):
        if name.startswith("pages@"):
            used = timing.middle(lambda cost: cost.processor_seconds)
            retailer = name.partition("@")[2]
            rates = (f"{timing.rows / used:,.0f}", f"{1e6 * used / timing.rows:.1f} µs")
            rows.append((retailer, *rates, *_landing(results.timings.get(f"landing@{retailer}"))))
    heads = ("retailer", "records/s", "per record", "complete command, live", "its records", "peak memory")
    yield from _table(heads, rows, numbers=range(1, 6))


def _connectors(results: Results) -> Iterator[str]:
    yield _text("connectors")
    rows = []
    for name, kind in KINDS.items():
        timing = results.timings.get(f"{NAME}{name}")
        if timing is None:
            rows.append((kind.label, *["–"] * 5))
            continue
        used = timing.middle(lambda cost: cost.processor_seconds)
        rows.append(
            (
                kind.label,
                f"{timing.rows:,}",
                f"{timing.rows / used:,.0f}",
                f"{1e6 * used / timing.rows:.1f} µs",
                times(used / timing.step_medians()[NDJSON]),
                memory(timing.peak_bytes),
            )
        )
    heads = ("source", "records", "records/s", "per record", "of parsing NDJSON", "peak memory")
    yield from _table(heads, rows, numbers=range(1, 6))
    timings = [timing for name, timing in results.timings.items() if name.startswith(NAME)]
    if timings:
        days = " and ".join(sorted({timing.facts[MEASURED_ON] for timing in timings}))
        yield f"\nMeasured on {days}. Medians of {min(len(timing.costs) for timing in timings)} readings."


def _landing(timing: Timing | None) -> tuple[str, str, str]:
    return (seconds(timing.seconds), f"{timing.rows:,}", memory(timing.peak_bytes)) if timing else ("–", "–", "–")


def _views(results: Results) -> Iterator[str]:
    rows = []
    for size in (YEAR, DECADE):
        for name, label in (("first filling of views", "first filling"), ("refresh", "concurrent refresh")):
            timing = results.timings.get(at(name, size))
            if timing:
                slowest = max(timing.step_medians().items(), key=lambda item: item[1])
                rows.append(
                    (f"{size:,}", label, seconds(timing.seconds), _spread(timing), f"{timing.rows:,}",
                     f"`{slowest[0]}` {seconds(slowest[1])}")
                )  # fmt: skip
    heads = ("rows loaded", "all six views", "median", "from – to", "rows of the views", "slowest")
    yield from _table(heads, rows, numbers=(0, 2, 3, 4))


def _queries(results: Results) -> Iterator[str]:
    sizes = {key.rpartition("@")[2] for key in results.timings if key.startswith("query ")}
    size = max(map(int, sizes), default=0)
    rows = []
    for path in query_files():
        timing = results.timings.get(at(f"query {path.stem}", size))
        if timing:
            link = f"[{question(path)}](bi_queries/{path.name})"
            rows.append((link, seconds(timing.seconds), _spread(timing), f"{timing.rows:,}"))
    yield f"With {size:,} rows loaded:\n"
    yield from _table(("question", "median", "from – to", "rows"), rows, numbers=(1, 2, 3))


def _spread(timing: Timing) -> str:
    low, high = timing.spread
    return f"{seconds(low)} – {seconds(high)}" if len(timing.costs) > 1 else "once"


def _text(name: str) -> str:
    return (_TEXTS / f"{name}.md").read_text(encoding="utf-8")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int]) -> Iterator[str]:
    right = set(numbers)
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "|".join("---:" if place in right else "---" for place in range(len(heads))) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
