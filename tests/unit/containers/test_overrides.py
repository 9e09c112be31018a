"""What docker/compose/ repeats of docker-compose.yml, because an override cannot add to it, stays the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from shared.config import PROJECT_ROOT

OVERRIDES = PROJECT_ROOT / "docker" / "compose"


def services(*names: str) -> dict[str, Any]:
    files = [PROJECT_ROOT / "docker-compose.yml" if name == "" else OVERRIDES / f"{name}.yml" for name in names]
    found: dict[str, Any] = {}
    for path in files:
        found |= yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    return found


def clients(*names: str) -> set[str]:
    """Services that are told where the warehouse's server is."""
    return {
        name
        for name, service in services(*names).items()
        if re.search(r"\bpostgres:5432\b|'POSTGRES_HOST': 'postgres'", str(service.get("environment", "")))
    }


@pytest.mark.parametrize(
    ("files", "override"),
    [([""], "tls"), (["celery"], "celery-tls"), (["monitoring"], "monitoring-tls")],
)
def test_every_client_of_the_warehouse_checks_its_certificate(files: list[str], override: str) -> None:
    secured = services(override)

    found = clients(*files)
    assert found
    for name in found:
        environment = secured[name]["environment"]
        assert "verify-full" in (environment.get("PGSSLMODE"), environment.get("WAREHOUSE_SSLMODE")), name
        assert secured[name]["volumes"] == ["postgres-ca:/run/postgres-ca:ro"]


def test_postgres_keeps_its_settings_when_tls_is_added() -> None:
    plain, secured = services("")["postgres"]["command"], services("tls")["postgres"]["command"]

    assert secured.startswith(plain)
    assert "-c ssl=on" in secured.removeprefix(plain)
