"""The catalogue of rules for rows of files: codes, severities and descriptions, read from `rules.toml`.

A layout's checks and outlier fences add rules of their own, named after the field: `OUTLIER_QUANTITY`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ingestion.mapping.layout_parts import Check, Outliers
from ingestion.mapping.layouts import SourceMapping

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Rule:
    """One check or correction. `code` is stable."""

    code: str
    severity: Severity
    description: str


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Rule]:
    """Every rule that does not depend on a layout, by code."""
    given = tomllib.loads((Path(__file__).parent / "rules.toml").read_text(encoding="utf-8"))
    return {code: Rule(code, entry["severity"], entry["description"]) for code, entry in given.items()}


def outlier_code(outliers: Outliers) -> str:
    """`OUTLIER_QUANTITY`."""
    return f"OUTLIER_{outliers.field.upper()}"


def check_code(check: Check) -> str:
    """`CHECK_UNIT_PRICE`, for checks with severity warning."""
    return f"CHECK_{check.field.upper()}"


def imputed_code(field: str) -> str:
    """`IMPUTED_UNIT_PRICE`."""
    return f"IMPUTED_{field.upper()}"


def rules(layout: SourceMapping) -> tuple[Rule, ...]:
    """The rules that apply to files of this layout, the catalogue's first."""
    known = catalogue()
    families = {"CHECK_FAILED", "OUTLIER", "IMPUTED", *([] if layout.non_products else ["NON_PRODUCT"])}
    found = [rule for code, rule in known.items() if code not in families]
    for fence in layout.outliers:
        description = f"{fence.field} more than {fence.factor:g} interquartile ranges outside the quartiles. Kept."
        found.append(Rule(outlier_code(fence), "warning", description))
    for check in layout.checks:
        if check.severity == "warning":
            found.append(Rule(check_code(check), "warning", f"{check.field}: {_wanted(check)}. Kept."))
    for field, source in layout.columns.items():
        if source.when_missing is not None:
            way = source.when_missing
            how = f"the {way.use}" + (f" of the same {way.by}" if way.by else "") if way.value is None else way.value
            found.append(Rule(imputed_code(field), "warning", f"{field} was empty and was replaced with {how}."))
    return tuple({rule.code: rule for rule in found}.values())


def _wanted(check: Check) -> str:
    wanted = {
        "required": "not empty" if check.required else None,
        "matches": check.matches and f"matches {check.matches}",
        "one_of": check.one_of and f"one of {', '.join(check.one_of)}",
        "at_least": check.at_least and f"at least {check.at_least}",
        "at_most": check.at_most and f"at most {check.at_most}",
    }
    return ", ".join(text for text in wanted.values() if text)
