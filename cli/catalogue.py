"""Every command of `retail`: its name, where it is, what it is for, and how it is used."""

from __future__ import annotations

from cli.deferred import Entry

PIPELINE = "Nightly pipeline"
FILES = "CSV files"
BOOKS = "What happened"
SETUP = "Setting up and checking"
MACHINE = "The platform on this machine"

EPILOG = "\n\n".join(
    [
        "[bold]Examples[/]",
        "  [cyan]retail run[/]                              [dim]last night's data, from the shops to the views[/]",
        "  [cyan]retail etl --source sales.csv --dry-run[/] [dim]what a file holds, without loading it[/]",
        "  [cyan]retail ledger 2024-01-15[/]                [dim]where every record of a day went[/]",
        "[bold]Exit codes[/]",
        "  0 done · 1 failed, or a part of it failed · 2 wrong usage or settings · 130 interrupted",
        "Settings come from the environment, then from .env; [cyan]retail config check[/] shows them.",
    ]
)

COMMANDS = (
    Entry(
        "run",
        "cli.night:night",
        "Run the whole night for a business date: ingest, transform, quality, refresh.",
        PIPELINE,
        (
            "retail run  # yesterday, all retailers",
            "retail run 2024-01-15 --retailer retailer_2",
            "retail run 2024-01-15 --only-this-date  # as a backfill: no late changes of other dates",
        ),
    ),
    Entry(
        "ingest",
        "ingestion.main:main",
        "Land a business date of the retailers in the raw zone (default: yesterday).",
        PIPELINE,
        ("retail ingest 2024-01-15", "retail ingest --since-watermark  # and what changed or is missing before"),
    ),
    Entry(
        "transform",
        "transformation.main:main",
        "Transform a landed business date into the star schema (default: yesterday).",
        PIPELINE,
        ("retail transform 2024-01-15", "retail transform 2024-01-15 --retailer retailer_1 --json"),
    ),
    Entry(
        "quality",
        "data_quality.main:main",
        "Check a business date in the warehouse (default: yesterday).",
        PIPELINE,
        ("retail quality 2024-01-15", "retail quality --json  # every check, for programs"),
    ),
    Entry(
        "refresh",
        "materialized_views.refresh_views:main",
        "Refresh the six materialized views of the warehouse.",
        PIPELINE,
        ("retail refresh",),
    ),
    Entry(
        "etl",
        "cli.etl:etl",
        "Load CSV files into the warehouse: read, check, clean, audit, publish.",
        FILES,
        (
            "retail etl --source online_retail.csv --layout online_retail",
            "retail etl --source 'exports/*.csv.gz' --layout ./my_layout.yaml --dry-run",
        ),
    ),
    Entry(
        "digest",
        "cli.books:digest",
        "Print the digest of everything published: equal data, equal digest.",
        BOOKS,
        ("retail digest",),
    ),
    Entry(
        "health",
        "scripts.pipeline_health.__main__:main",
        "Check services, settings, warehouse, S3, retailer APIs, Airflow and the last runs.",
        SETUP,
        ("retail health", "retail health --json"),
    ),
    Entry(
        "migrate",
        "cli.setting_up:migrate",
        "Bring the warehouse's schema up to date.",
        SETUP,
        ("WAREHOUSE_OWNER_DSN=postgresql://retail_owner:…@host/db retail migrate",),
    ),
)
