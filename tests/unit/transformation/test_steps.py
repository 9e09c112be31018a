"""The declared steps of a load fit together."""

from __future__ import annotations

import re
from datetime import date

from transformation.load.context import LoadState
from transformation.load.plan import LoadPlan, MonthPlan
from transformation.load.steps import STEPS
from transformation.statements import SQL_DIRECTORY


def test_every_temporary_table_that_a_step_reads_is_made_by_an_earlier_step() -> None:
    made: set[str] = set()
    for step in STEPS:
        assert set(step.needs) <= made, step.name
        assert not made & set(step.makes), f"{step.name} makes a table a second time"
        made |= set(step.makes)


def test_the_steps_make_every_temporary_table_of_the_warehouse() -> None:
    created = {
        name
        for path in SQL_DIRECTORY.glob("*.sql")
        for name in re.findall(r"^CREATE TEMP TABLE (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert created == {name for step in STEPS for name in step.makes}


def test_every_temporary_table_says_its_grain_and_who_fills_and_reads_it() -> None:
    for path in SQL_DIRECTORY.glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(
            r"((?:^--.*\n)+)CREATE (?:OR REPLACE )?(?:TEMP )?TABLE (\w+)|^CREATE (\w+ )*TABLE", text, re.M
        ):
            comment = " ".join(line.strip("- ") for line in (found.group(1) or "").splitlines())
            is_repeated = not found.group(1) and path.name == "compare_build.sql"  # the same rows, replaced
            assert is_repeated or re.search(r"Grain.*(F|f)illed.*read", comment), f"{path.name}: {found.group()[-60:]}"


def test_the_names_of_steps_are_unique() -> None:
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names)


def test_a_load_locks_the_facts_only_if_it_has_attached_a_month() -> None:
    january, february = date(2024, 1, 1), date(2024, 2, 1)
    compared = MonthPlan(january, (january,), replaces=True)
    plan = LoadPlan((), (february,), (compared,))
    assert LoadState({}, plan=plan, made_months=True).attaches_months
    assert not LoadState({}, plan=plan).attaches_months, "nothing differed, and the other month was there"
