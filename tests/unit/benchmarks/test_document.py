from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from benchmarks.bench import DECADE, YEAR
from benchmarks.connectors import MEASURED_ON, NAME, NDJSON
from benchmarks.document import PLOT, write, write_connectors
from benchmarks.process_watch import Cost
from benchmarks.results import Results, Timing, at
from benchmarks.targets import figures


def results(**seconds: float) -> Results:
    """Names as keywords with `_at_` for `@`."""
    names = {name.replace("_at_", "@").replace("_", " "): value for name, value in seconds.items()}
    return Results(
        machine={"cores": "2", "processor": "P", "memory": "8 GiB", "kernel": "L", "PostgreSQL": "14", "Python": "3"},
        source="a file",
        code_version="1",
        started_at="2026-01-01T00:00:00",
        load_before=0.1,
        repetitions=3,
        timings={name: Timing(costs=[Cost(seconds=value), Cost(seconds=value)]) for name, value in names.items()},
    )


def outcomes(measured: Results) -> dict[str, str]:
    return {figure.work: figure.outcome for figure in figures(measured)}


LOAD = "CSV to the published warehouse, complete process, against the floor"


def test_a_figure_is_judged_against_must_and_aim() -> None:
    for etl, outcome in ((2.9, "aim reached"), (4.9, "must reached"), (5.1, "**missed**")):
        measured = results(**{at("etl", YEAR): etl, at("floor", YEAR): 1.0})
        assert outcomes(measured)[LOAD] == outcome


def test_what_was_not_measured_is_said_to_be_so() -> None:
    assert set(outcomes(results()).values()) == {"not measured"}


def test_one_row_written_by_a_repeated_load_is_one_too_many() -> None:
    measured = results(**{at("etl again", YEAR): 1.0})
    for written, outcome in (("0", "reached"), ("1", "**missed**")):
        measured.timings[at("etl again", YEAR)].facts["rows written"] = written
        assert outcomes(measured)["warehouse rows written by that"] == outcome


def test_the_document_holds_missed_figures_and_a_plot_that_can_be_drawn(tmp_path: Path) -> None:
    measured = results(
        **{at("etl", YEAR): 6.0, at("floor", YEAR): 1.0, at("etl", DECADE): 50.0, at("floor", DECADE): 9.0}
    )
    text = write(measured, tmp_path).read_text(encoding="utf-8")
    assert "| 6.00 × | **missed** |" in text
    assert "not measured" in text
    drawn = ElementTree.parse(tmp_path / PLOT)
    words = [element.text for element in drawn.iter() if element.tag.endswith("text")]
    assert {"retail etl", "bare COPY (the floor)", "5.4 M"} <= set(words)


def test_a_later_run_keeps_what_only_an_earlier_one_measured() -> None:
    older, newer = results(one=1.0, two=2.0), results(two=3.0)
    merged = newer.merged_with(older)
    assert (merged.timings["one"].seconds, merged.timings["two"].seconds) == (1.0, 3.0)
    other = older.model_copy(update={"machine": {**older.machine, "cores": "8"}})
    assert set(newer.merged_with(other).timings) == {"two"}, "not from another machine"


def test_measuring_the_connectors_replaces_their_section_and_nothing_else(tmp_path: Path) -> None:
    before = write(results(**{at("etl", YEAR): 6.0}), tmp_path).read_text(encoding="utf-8")
    measured = results()
    cost = Cost(processor_seconds=0.5, peak_bytes=200 * 2**20)
    measured.timings[f"{NAME}rest"] = Timing(
        costs=[cost], rows=10_000, steps={NDJSON: [0.05]}, facts={MEASURED_ON: "2026-01-01"}
    )
    text = write_connectors(measured, tmp_path).read_text(encoding="utf-8")
    assert "| 10,000 | 20,000 | 50.0 µs | 10.00 × | 200 MiB |" in text
    assert "Measured on 2026-01-01. Medians of 1 readings." in text
    assert write_connectors(results(), tmp_path).read_text(encoding="utf-8") == before
