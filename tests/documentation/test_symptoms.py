"""Every symptom that docs/TROUBLESHOOTING.md quotes is one that the source prints."""

from __future__ import annotations

import re

import pytest

from tests.documentation.documents import Fence, fences, read
from tests.documentation.messages import explains

TROUBLESHOOTING = "docs/TROUBLESHOOTING.md"
SYMPTOMS = [fence for fence in fences(TROUBLESHOOTING) if fence.language == "text"]


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda fence: fence.place)
def test_a_quoted_symptom_is_a_message_of_the_source(symptom: Fence) -> None:
    for line in symptom.text.splitlines():
        assert explains(line), f"{symptom.place}: nothing prints: {line}"


def test_an_invented_symptom_is_found_out() -> None:
    assert explains("retailer_1 has landed on the wrong planet.") is None


def test_every_entry_has_a_symptom_a_cause_and_a_fix() -> None:
    entries = re.split(r"^### ", read(TROUBLESHOOTING), flags=re.MULTILINE)[1:]
    incomplete = [entry.splitlines()[0] for entry in entries if "**Cause.**" not in entry or "**Fix.**" not in entry]
    assert entries
    assert incomplete == []
