"""Compares the stores of one date with one another and says where a difference arises. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ingestion.landing.control_totals import DayContents
from ingestion.landing.verify import Totals, find_mismatch
from pipeline.reconciliation.landed import LandedDate, RejectedObject, unexpected_keys
from pipeline.reconciliation.model import NO_FIGURES, ByCurrency, Difference, Figures, Hop
from pipeline.reconciliation.tables import Baseline
from pipeline.reconciliation.warehouse import Published
from shared.counts import counted
from shared.partitions import ControlReport, Manifest, manifest_key, processed_key, raw_key, rejected_key
from transformation.conform import PartitionContent

_ZERO = Decimal(0)
MEASURES = ("lines", "quantity", "net", "discount", "tax", "gross")


@dataclass(frozen=True)
class Stores:
    """What each store holds of one date."""

    retailer_id: str
    day: date
    landed: LandedDate
    published: Published | None
    contents: PartitionContent = field(default_factory=PartitionContent)
    distinct: int = 0
    raw_problem: str = ""
    processed_problem: str = ""
    figures: Mapping[Hop, ByCurrency] = field(default_factory=dict)
    """Of raw and processed rows and of the facts."""
    stored: ByCurrency = field(default_factory=dict)
    """Of the facts and of the superseded lines."""
    superseded: int = 0
    not_replaced: int = 0
    """Superseded lines of which no fact is a later version."""
    processed_is_other: bool = False
    """Whether the processed object has other rows than the conformed records, in any column."""
    missing_dead_letters: int = 0
    """Rejected records without a dead letter."""

    @property
    def manifest(self) -> Manifest | None:
        """Of the landed version."""
        return self.landed.manifest

    @property
    def is_pending(self) -> bool:
        """Whether the landed version is not the published one, because no load has published it yet."""
        if self.manifest is None:
            return False
        if self.published is None:
            return True
        return self.manifest.sha256 != self.published.sha256 and self.manifest.written_at >= self.published.recorded_at

    def of(self, hop: Hop) -> ByCurrency:
        """The figures of one store."""
        return self.figures.get(hop, {})


def check_raw(stores: Stores) -> Iterator[Difference]:
    """The object against its manifest, and the manifest against what the load recorded of it."""
    name, manifest, published = stores.retailer_id, stores.manifest, stores.published
    marker, data = manifest_key(name, stores.day), raw_key(name, stores.day)
    for key in unexpected_keys(name, stores.landed):
        hop = (
            Hop.PROCESSED if key.startswith("processed/") else Hop.REJECTED if key.startswith("rejected/") else Hop.RAW
        )
        yield Difference(hop, key, "nothing has written an object of this name here")
    if manifest is None:
        if stores.landed.problem:
            yield Difference(Hop.RAW, marker, stores.landed.problem)
        elif published:
            reason = f"load {published.load_id} published the date, but it has no manifest"
            yield Difference(Hop.RAW, marker, reason, is_missing=True)
        return
    if stores.landed.records is None:
        yield Difference(Hop.RAW, data, "the object is missing")
    elif stores.raw_problem:
        yield Difference(Hop.RAW, data, stores.raw_problem)
    elif not stores.landed.is_intact:
        yield Difference(Hop.RAW, data, "the object has another checksum than its manifest says")
    elif problems := [*_contents(stores, manifest), *_recorded(stores, manifest)]:
        yield Difference(Hop.RAW, marker, "; ".join(problems))


def _contents(stores: Stores, manifest: Manifest) -> Iterator[str]:
    if manifest.fetched != manifest.landed + manifest.rejected:
        yield f"{manifest.fetched:,} fetched are not {manifest.landed:,} landed and {manifest.rejected:,} rejected"
    for what, declared, found in (
        ("landed", manifest.landed, stores.contents.records),
        ("distinct", manifest.distinct, stores.distinct),
    ):
        if declared != found:
            yield f"it says {declared:,} {what}, the object has {found:,}"
    for currency in sorted({*manifest.amounts, *stores.contents.amounts}):
        declared_money = manifest.amounts.get(currency)
        money = stores.contents.amounts.get(currency)
        for what, says, has in (
            ("", declared_money.landed if declared_money else _ZERO, money.net if money else _ZERO),
            (" tax", declared_money.landed_tax if declared_money else _ZERO, money.tax if money else _ZERO),
        ):
            if says != has and not (what and manifest.schema_version < 3):  # tax since version 3
                yield f"it says {says:,} {currency}{what} landed, the object has {has:,}"


def _recorded(stores: Stores, manifest: Manifest) -> Iterator[str]:
    """What was changed in a manifest since its load."""
    published = stores.published
    if published is None or stores.is_pending:
        return
    if manifest.sha256 != published.sha256:
        yield "it describes another object than the one that was loaded"
        return
    rejected = stores.landed.rejected
    if manifest.rejected != published.rejected and (rejected.lines if rejected else 0) != manifest.rejected:
        yield f"it says {manifest.rejected:,} rejected, {published.rejected:,} were loaded"
    report = manifest.control_report
    if not _is_recorded(report, published) and _mismatch(stores, manifest, report):
        yield "its control report is not the one that was recorded when it was loaded"


def _is_recorded(report: ControlReport | None, published: Published) -> bool:
    if report is None or published.reported is None:
        return (report.lines if report else None) == published.reported
    recorded = {code: each.reported for (code, measure), each in published.amounts.items() if measure == "net"}
    money = {code: report.net.get(code, _ZERO) for code in {*recorded, *report.net}}
    return report.lines == published.reported and all(money[code] == (recorded.get(code) or _ZERO) for code in money)


def check_source(stores: Stores) -> Iterator[Difference]:
    """The control report of the source against the lines that were landed and rejected."""
    manifest = stores.manifest
    if manifest and (mismatch := _mismatch(stores, manifest, manifest.control_report)):
        yield Difference(Hop.SOURCE, "control report", mismatch)


def _mismatch(stores: Stores, manifest: Manifest, report: ControlReport | None) -> str | None:
    rejected = stores.landed.rejected
    if report is None or (manifest.rejected and not _is_intact(rejected, manifest)):
        return None
    totals = Totals(
        DayContents(manifest.landed, stores.distinct, manifest.rejected),
        rejected.distinct if rejected and manifest.rejected else 0,
        {currency: each.net for currency, each in stores.of(Hop.RAW).items()},
    )
    return find_mismatch(totals, report)


def _is_intact(rejected: RejectedObject | None, manifest: Manifest) -> bool:
    return rejected is not None and manifest.rejected_sha256 in (None, rejected.sha256)


def check_rejected(stores: Stores) -> Iterator[Difference]:
    """The rejected object against the manifest, and the dead letters against the object."""
    manifest, rejected, published = stores.manifest, stores.landed.rejected, stores.published
    if manifest is None:
        return
    is_recorded = published is not None and published.sha256 == manifest.sha256
    number = published.rejected if published and is_recorded else manifest.rejected
    key = rejected_key(stores.retailer_id, stores.day)
    if number and rejected is None:
        yield Difference(Hop.REJECTED, key, f"the object is missing; {counted(number, 'record')} were rejected")
    elif rejected and not number:
        if not stores.landed.is_interrupted:
            yield Difference(Hop.REJECTED, key, "the object is there, but nothing was rejected")
    elif rejected and not _is_intact(rejected, manifest):
        yield Difference(Hop.REJECTED, key, "the object has another checksum than the manifest says")
    elif rejected and rejected.lines != number:
        reason = f"the object has {counted(rejected.lines, 'record')}, {number:,} were rejected"
        yield Difference(Hop.REJECTED, key, reason)
    elif rejected and stores.missing_dead_letters:
        missing = counted(stores.missing_dead_letters, "rejected record")
        yield Difference(Hop.REJECTED, "ops.dead_letters", f"{missing} of the object are not there")


def check_processed(stores: Stores, raw_is_right: bool) -> Iterator[Difference]:
    """The processed object against the conformed records."""
    key = processed_key(stores.retailer_id, stores.day)
    if stores.published is None:
        if stores.landed.processed and not stores.landed.has("raw") and not stores.landed.has("rejected"):
            yield Difference(Hop.PROCESSED, key, "the object is there, but the date was never landed")
        return
    if stores.is_pending:
        return
    if stores.landed.processed is None:
        yield Difference(Hop.PROCESSED, key, "the object is missing")
    elif stores.processed_problem:
        yield Difference(Hop.PROCESSED, key, f"the object cannot be read: {stores.processed_problem}")
    elif raw_is_right:
        differences = list(compare(Hop.PROCESSED, key, stores.of(Hop.RAW), stores.of(Hop.PROCESSED)))
        if not differences and stores.processed_is_other:
            differences = [Difference(Hop.PROCESSED, key, "descriptions of the same lines differ")]
        yield from differences


def choose_baseline(stores: Stores, raw_is_right: bool) -> Baseline:
    """The first store that the later ones can be compared with."""
    if stores.published is None or stores.is_pending or not stores.published.replaces_older_versions:
        return Baseline.FACTS
    if raw_is_right:
        return Baseline.RAW
    has_processed = stores.landed.processed is not None and not stores.processed_problem
    return Baseline.PROCESSED if has_processed else Baseline.FACTS


def check_facts(stores: Stores, baseline: Baseline) -> Iterator[Difference]:
    """The facts against the store before them, or against the ledger where that store has another version."""
    published, facts = stores.published, stores.of(Hop.FACTS)
    if published is None:
        for currency, found in facts.items():
            yield Difference(Hop.FACTS, "fact_sales", "no load has published these lines", currency, NO_FIGURES, found)
        return
    if baseline is Baseline.FACTS:
        yield from _against_ledger(facts, published)
    else:
        expected = stores.of(Hop.RAW if baseline is Baseline.RAW else Hop.PROCESSED)
        yield from compare(Hop.FACTS, "fact_sales", expected, stores.stored)
    if stores.not_replaced:
        lines = counted(stores.not_replaced, "superseded line")
        yield Difference(Hop.FACTS, "fact_sales", f"{lines} of the date have no later version under another date")


def _against_ledger(facts: ByCurrency, published: Published) -> Iterator[Difference]:
    lines = sum(each.lines for each in facts.values())
    if lines != published.in_warehouse:
        reason = f"{counted(lines, 'line')}, {published.in_warehouse:,} according to the ledger"
        yield Difference(Hop.FACTS, "fact_sales", reason)
    for currency in sorted({*facts, *(code for code, _ in published.amounts)}):
        found = facts.get(currency, NO_FIGURES)
        for what, amount in (("net", found.net), ("tax", found.tax)):
            recorded = published.money(what, currency).in_warehouse
            if amount != recorded:
                reason = f"{what} {amount:,} {currency}, {recorded:,} according to the ledger"
                yield Difference(Hop.FACTS, "fact_sales", reason, currency)


def check_ledger(stores: Stores, baseline: Baseline) -> Iterator[Difference]:
    """The ledger against what was landed and what the warehouse holds; both are right already."""
    published, facts, manifest = stores.published, stores.of(Hop.FACTS), stores.manifest
    if published is None or baseline is Baseline.FACTS:
        return
    problems = []
    pairs = [("in the warehouse", published.in_warehouse, sum(each.lines for each in facts.values()))]
    pairs.append(("superseded", published.superseded, stores.superseded))
    if baseline is Baseline.RAW and manifest:
        pairs += [
            ("landed", published.landed, stores.contents.records),
            ("rejected", published.rejected, manifest.rejected),
        ]
    problems += [f"it says {says:,} {what}, {has:,} are" for what, says, has in pairs if says != has]
    currencies = {*facts, *stores.contents.amounts, *(code for code, _ in published.amounts)}
    for currency in sorted(currencies):
        problems += _ledger_money(stores, published, currency, baseline)
    if baseline is Baseline.RAW and manifest and not _is_recorded(manifest.control_report, published):
        problems.append("it has another control report than the manifest")
    if problems:
        yield Difference(Hop.LEDGER, f"ops.load_ledger, load {published.load_id}", "; ".join(problems))


def _ledger_money(stores: Stores, published: Published, currency: str, baseline: Baseline) -> Iterator[str]:
    facts = stores.of(Hop.FACTS).get(currency, NO_FIGURES)
    landed = stores.contents.amounts.get(currency)
    for measure, stored, raw in (
        ("net", facts.net, landed.net if landed else _ZERO),
        ("tax", facts.tax, landed.tax if landed else _ZERO),
    ):
        recorded = published.money(measure, currency)
        if recorded.in_warehouse != stored:
            yield f"it says {measure} {recorded.in_warehouse:,} {currency} in the warehouse, fact_sales has {stored:,}"
        if baseline is Baseline.RAW and recorded.landed != raw:
            yield f"it says {measure} {recorded.landed:,} {currency} landed, the raw zone has {raw:,}"


def compare(hop: Hop, store: str, expected: ByCurrency, found: ByCurrency) -> Iterator[Difference]:
    """A difference for each currency whose figures or digest differ."""
    for currency in sorted({*expected, *found}):
        these, those = expected.get(currency, NO_FIGURES), found.get(currency, NO_FIGURES)
        if these != those:
            yield Difference(hop, store, in_words(these, those, currency), currency, these, those)


def in_words(expected: Figures, found: Figures, currency: str) -> str:
    """The measures that differ; or that only the rows do."""
    parts = [
        f"{name} {getattr(found, name):,} instead of {getattr(expected, name):,}"
        for name in MEASURES
        if getattr(found, name) != getattr(expected, name)
    ]
    return f"{currency}: {', '.join(parts) or 'the same sums, but other rows'}"
