"""docs/SECURITY.md says what the code and the compose files do."""

from __future__ import annotations

import json
import re

from scripts.environment_file.secret_files import STAY
from scripts.environment_file.settings import SECRETS
from shared.config import PROJECT_ROOT
from tests.documentation.documents import fences, read

SECURITY = "docs/SECURITY.md"


def test_the_policy_grants_what_the_pipeline_needs_of_s3_and_no_more() -> None:
    (policy,) = (fence.text for fence in fences(SECURITY) if fence.language == "json")
    granted = {action for statement in json.loads(policy)["Statement"] for action in statement["Action"]}

    sources = (path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "shared").glob("s3_*.py"))
    needed = {action for text in sources for action in re.findall(r'"(s3:[A-Za-z]+)"', text)}
    assert granted == needed - {"s3:CreateBucket"}, "an administrator creates the buckets"


def test_every_secret_has_its_way_of_rotation() -> None:
    section = read(SECURITY).partition("\n## Rotation")[2].partition("\n## ")[0]
    rows = "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", rows)) == set(SECRETS)


def test_what_stays_in_the_environment_is_named() -> None:
    section = read(SECURITY).partition("\n## Secrets from files")[2].partition("\n## ")[0]
    (sentence,) = re.findall(r"These settings remain in the environment: (.*)", section)
    assert set(re.findall(r"`(\w+)`", sentence)) == set(STAY)
