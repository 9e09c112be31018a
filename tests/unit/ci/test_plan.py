"""Which suites run, decided on real repositories: whatever is forgotten or unknown makes more of them run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.ci.history import RECORD, Landing, append_landing, git, read_history
from scripts.ci.plan import Decision, decide
from scripts.ci.suites import Suite

ALWAYS = Suite("always", ("true",), "Runs every time.", always=True)
LOAD = Suite("load", ("true",), "Loads.", group=1, covers=("transformation/*", ".ci/*"))
PAGES = Suite("pages", ("true",), "Pages.", group=2, covers=("airflow/*",))
SUITES = (ALWAYS, LOAD, PAGES)
EVERY_NAME = {suite.name for suite in SUITES}


class Repository:
    """A throwaway checkout with commits and landings."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / ".ci").mkdir()
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "config", "user.name", "Test")
        git(root, "config", "user.email", "test@example.org")
        self.commit("README.md")

    def commit(self, *names: str) -> str:
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((path.read_text() if path.exists() else "") + "x\n")
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--message", f"Change {', '.join(names) or 'nothing'}", "--allow-empty")
        return git(self.root, "rev-parse", "HEAD").strip()

    def record(self, *names: str) -> None:
        """Record that these suites have passed on HEAD, and commit the record."""
        commit = git(self.root, "rev-parse", "HEAD").strip()
        append_landing(self.root, Landing(commit, "2026-11-26", dict.fromkeys(names, 1)))
        self.commit()

    def land(self, *names: str) -> set[str]:
        """Land a change of these files: run what is due for it, and record that; the suites that ran."""
        self.commit(*names)
        ran = running(self.decide(recording=True))
        self.record(*ran)
        return ran

    def decide(self, *, everything: bool = False, recording: bool = False) -> tuple[Decision, ...]:
        return decide(SUITES, read_history(self.root), everything=everything, recording=recording)


def running(decisions: tuple[Decision, ...]) -> set[str]:
    return {each.suite.name for each in decisions if each.runs}


def reasons(decisions: tuple[Decision, ...]) -> dict[str, str]:
    return {each.suite.name: each.reason for each in decisions}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def landed(repository: Repository) -> Repository:
    """With one landing, number 0, for which everything ran."""
    assert repository.land("transformation/a.sql", "airflow/dag.py") == EVERY_NAME
    return repository


def test_without_a_record_everything_runs(repository: Repository) -> None:
    assert running(repository.decide()) == running(repository.decide(recording=True)) == EVERY_NAME


def test_a_recorded_commit_runs_what_always_runs_and_says_why_the_rest_waits(landed: Repository) -> None:
    decisions = {each.suite.name: each for each in landed.decide()}

    assert running(tuple(decisions.values())) == {"always"}
    assert decisions["load"].reason.startswith("nothing it covers has changed since ")
    assert (decisions["load"].due_in, decisions["pages"].due_in) == (1, 2)


def test_a_commit_that_nobody_recorded_runs_everything(landed: Repository) -> None:
    landed.commit("docs/notes.md")

    assert running(landed.decide()) == EVERY_NAME
    assert reasons(landed.decide())["pages"] == f"everything runs: this commit is not recorded in {RECORD}"


def test_a_file_that_is_not_committed_yet_is_a_change_too(landed: Repository) -> None:
    (landed.root / "airflow" / "new.py").write_text("")

    assert reasons(landed.decide(recording=True))["pages"].endswith(": airflow/new.py")


def test_a_suite_runs_when_a_file_it_covers_changed_since_it_last_ran(landed: Repository) -> None:
    landed.land("transformation/b.sql")  # 1, the turn of load
    landed.commit("airflow/dag.py")
    landed.commit("docs/notes.md")

    decisions = landed.decide(recording=True)

    assert reasons(decisions)["pages"].startswith("changed since ")
    assert reasons(decisions)["pages"].endswith(": airflow/dag.py")
    assert "load" not in running(decisions)


def test_a_file_that_was_removed_or_moved_away_has_changed(landed: Repository) -> None:
    landed.land("docs/1.md")
    (landed.root / "elsewhere").mkdir()
    git(landed.root, "mv", "transformation/a.sql", "elsewhere/a.sql")

    assert reasons(landed.decide(recording=True))["load"].endswith(": transformation/a.sql")


def test_what_a_recorded_landing_left_out_still_counts_as_changed(landed: Repository) -> None:
    landed.commit("airflow/dag.py")
    landed.record("always")

    assert "pages" in running(landed.decide())


def test_every_suite_runs_at_least_with_every_fourth_landing(landed: Repository) -> None:
    ran = [landed.land(f"docs/{number}.md") for number in range(1, 10)]

    assert [("load" in each, "pages" in each) for each in ran] == [
        (number % 4 == 1, number % 4 == 2) for number in range(1, 10)
    ]


def test_the_turn_of_a_landing_runs_although_its_record_says_that_it_ran(landed: Repository) -> None:
    landed.land("docs/1.md")

    assert running(landed.decide()) == {"always", "load"}
    assert reasons(landed.decide())["load"] == "its turn: landing 1 is for group 1"


def test_after_three_landings_without_it_a_suite_is_due_whatever_its_turn(landed: Repository) -> None:
    for number in (1, 2, 3):
        landed.commit(f"docs/{number}.md")
        landed.record("always")
    landed.commit("docs/4.md")

    found = reasons(landed.decide(recording=True))

    assert found["load"] == found["pages"] == "3 landings without it"


def test_a_record_of_another_history_counts_for_nothing(landed: Repository) -> None:
    lines = (landed.root / RECORD).read_text().splitlines()
    (landed.root / RECORD).write_text(json.dumps({**json.loads(lines[0]), "commit": "0" * 40}) + "\n")
    landed.commit()

    assert reasons(landed.decide(recording=True))["load"] == f"{RECORD} has no run of it"


def test_a_record_counts_only_when_it_is_committed(repository: Repository) -> None:
    append_landing(repository.root, Landing("HEAD", "2026-11-26", dict.fromkeys(EVERY_NAME, 1)))

    assert running(repository.decide()) == EVERY_NAME


def test_a_record_that_cannot_be_read_runs_everything_and_is_named(landed: Repository) -> None:
    (landed.root / RECORD).write_text("not a landing\n")
    landed.commit()

    assert running(landed.decide()) == EVERY_NAME
    assert f"{RECORD}, line 1: not a landing" in reasons(landed.decide())["load"]


def test_a_shallow_clone_runs_everything(landed: Repository, tmp_path_factory: pytest.TempPathFactory) -> None:
    clone = tmp_path_factory.mktemp("clone") / "shallow"
    git(landed.root, "clone", "--quiet", "--depth=1", f"file://{landed.root}", str(clone))

    decisions = decide(SUITES, read_history(clone), recording=True)

    assert running(decisions) == EVERY_NAME
    assert reasons(decisions)["load"] == "everything runs: this is a shallow clone"


def test_a_folder_without_git_runs_everything(landed: Repository) -> None:
    inside = landed.root / "unpacked"
    inside.mkdir()

    assert running(decide(SUITES, read_history(inside), recording=True)) == EVERY_NAME


def test_without_git_everything_runs(landed: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(landed.root))

    assert running(landed.decide()) == EVERY_NAME
    assert "git could not be started" in reasons(landed.decide())["load"]


def test_the_environment_does_not_choose_another_history(landed: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    landed.commit("docs/notes.md")
    monkeypatch.setenv("GIT_DIR", "/nowhere")

    assert running(landed.decide()) == EVERY_NAME


def test_all_runs_everything(landed: Repository) -> None:
    assert running(landed.decide(everything=True)) == EVERY_NAME
