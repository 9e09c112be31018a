"""Which commands of the documents are not run: each is listed here with its document."""

from __future__ import annotations

import pytest

from shared.config import PROJECT_ROOT
from tests.documentation.documents import RUN_IN_CONTAINERS, RUN_IN_THIS_ORDER, documents, fences, name_of

NOT_RUN = {
    "README.md": ["make test", "python3 scripts/generate_env.py"],
    "CONTRIBUTING.md": ["make check", ".venv/bin/pre-commit install"],
    "docs/ALERTS.md": ["export ALERT_CHANNELS='mailto://user:password@smtp.example.com?from=retail@example.com'"],
    "docs/CONTAINERS.md": [
        "sed -i 's#^COMPOSE_FILE=.*#COMPOSE_FILE=docker-compose.yml:docker/compose/celery.yml#' .env",
        "docker-compose down -v",
        "docker-compose exec -T postgres psql -q -v ON_ERROR_STOP=1 -U postgres retail_analytics"
        " > retail_analytics.dump <<'END'",
        "python3 scripts/generate_env.py",
    ],
    "docs/MONITORING.md": [
        "docker-compose up -d",
        "docker-compose exec alertmanager amtool check-config /etc/alertmanager/alertmanager.yml",
    ],
    "docs/SECURITY.md": [
        "python3 scripts/generate_env.py --rotate POSTGRES_PASSWORD",
        "python3 scripts/generate_env.py --secret-files",
        "docker-compose up -d",
        "docker-compose run --rm -T --entrypoint cat certificates /var/run/postgresql/ca.crt > ca.crt",
        "sh scripts/generate_certificates.sh --directory .certificates db.example.org",
        "python3 scripts/generate_env.py --aws",
        "REVOKE ALL ON DATABASE retail_analytics, postgres, template1 FROM PUBLIC;",
    ],
    "docs/TROUBLESHOOTING.md": ["SELECT pg_terminate_backend(4711);"],
    "docs/QUICKSTART.md": [
        "make demo",
        "psql \"$WAREHOUSE_READER_DSN\" -c 'SELECT count(*) FROM fact_sales'",
    ],
}
"""First lines of the fences marked `<!-- not run: reason -->`. Add one only for a good reason."""


@pytest.mark.parametrize("name", [name_of(path) for path in documents()])
def test_only_the_listed_commands_are_not_run(name: str) -> None:
    skipped = [fence.text.splitlines()[0] for fence in fences(name) if fence.is_executable and fence.not_run]
    assert skipped == NOT_RUN.get(name, [])


def test_only_documents_whose_commands_are_run_contain_commands() -> None:
    elsewhere = [
        fence.place
        for path in documents()
        if name_of(path) not in RUN_IN_THIS_ORDER + RUN_IN_CONTAINERS
        for fence in fences(name_of(path))
        if (fence.is_executable and not fence.not_run)
        or (fence.language == "shell" and name_of(path) != "docs/RETAILERS.md")
    ]
    assert elsewhere == []


def test_the_retailers_manual_has_its_own_test() -> None:
    assert (PROJECT_ROOT / "tests" / "integration" / "retailers" / "test_manual.py").is_file()


def test_readme_and_quickstart_contain_commands() -> None:
    assert [
        name for name in ("README.md", "docs/QUICKSTART.md") if not any(f.is_executable for f in fences(name))
    ] == []
