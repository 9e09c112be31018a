"""Every command of `retail`: its name, where it is, what it is for, and how it is used."""

from __future__ import annotations

from cli.deferred import Entry, epilog

PIPELINE = "Pipeline"
FILES = "CSV files"
SCHEDULE = "Scheduling and maintenance"
HISTORY = "History"
SETUP = "Setup"
LOCAL = "Local platform"

EXIT_CODES = (
    "0 done · 1 failed, or a part of it failed · 2 wrong usage or settings · 3 done, but a date is held"
    " · 130 interrupted"
)
EPILOG = "\n".join(
    [
        epilog(
            (
                "retail run  # the complete pipeline for yesterday",
                "retail etl --source sales.csv --dry-run  # what a file holds",
                "retail ledger 2024-01-15  # where every record went",
            )
        )
        or "",
        "",
        "[bold]Exit codes[/]",
        *(f"  {code}" for code in EXIT_CODES.split(" · ")),
        "",
        "Settings come from the environment, then from .env: [cyan]retail config check[/].",
    ]
)

COMMANDS = (
    Entry(
        "run",
        "cli.run:run",
        "Run the complete pipeline for one business date: plan, ingest, transform, quality, refresh.",
        PIPELINE,
        (
            "retail run  # yesterday, all retailers",
            "retail run 2024-01-15 --retailer retailer_2",
            "retail run 2024-01-15 --only-this-date  # as a backfill does",
        ),
    ),
    Entry(
        "ingest",
        "ingestion.main:main",
        "Land a business date of the retailers in the raw zone (default: yesterday).",
        PIPELINE,
        ("retail ingest 2024-01-15", "retail ingest --since-watermark  # also earlier dates that changed"),
    ),
    Entry(
        "transform",
        "cli.transform:transform",
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
        "Refresh the materialized views of the warehouse.",
        PIPELINE,
        ("retail refresh",),
    ),
    Entry(
        "rebuild",
        "cli.rebuild:rebuild",
        "Load landed dates again from the raw zone.",
        PIPELINE,
        (
            "retail rebuild  # everything in the raw zone",
            "retail rebuild --from 2024-01-01 --to 2024-03-31 --retailer retailer_1",
        ),
    ),
    Entry(
        "etl",
        "cli.etl:etl",
        "Load CSV files into the warehouse: read, check, clean, audit, publish.",
        FILES,
        (
            "retail etl --source online_retail.csv --layout online_retail",
            "retail etl --source 'exports/*.csv.gz' --layout my_layout.yaml --dry-run",
        ),
    ),
    Entry(
        "layouts",
        "cli.files:layouts",
        "What the columns of a source's files mean.",
        FILES,
        ("retail layouts list", "retail layouts show online_retail", "retail layouts show ./my_layout.yaml"),
    ),
    Entry(
        "rules",
        "cli.files:rules",
        "List the cleaning rules with their codes and severities.",
        FILES,
        ("retail rules", "retail rules --layout online_retail --json"),
    ),
    Entry(
        "schedule",
        "cli.schedule:app",
        "The DAGs in Airflow: pause and unpause them, run a date, backfill a range, list the runs.",
        SCHEDULE,
        (
            "retail schedule list",
            "retail schedule trigger 2024-01-15  # and show its progress",
            "retail schedule backfill 2024-01-01 2024-01-31 --dry-run",
            "retail schedule runs  # with the reasons of failures",
        ),
    ),
    Entry(
        "gaps",
        "cli.gaps:gaps",
        "List the business dates of each retailer without a published load, up to yesterday.",
        SCHEDULE,
        ("retail gaps", "retail gaps --from 2024-01-01 --retailer retailer_2", "retail gaps --fill"),
    ),
    Entry(
        "maintenance",
        "cli.maintenance:app",
        "Run a maintenance task; a DAG runs them all daily.",
        SCHEDULE,
        ("retail maintenance gaps", "retail maintenance reconcile --days 90", "retail maintenance unfinished"),
    ),
    Entry(
        "loads",
        "cli.ledger:loads",
        "List the latest loads and where their records went.",
        HISTORY,
        ("retail loads", "retail loads --retailer retailer_1 --limit 5 --json"),
    ),
    Entry(
        "ledger",
        "cli.ledger:ledger",
        "Show where every record and cent of a business date went.",
        HISTORY,
        ("retail ledger 2024-01-15", "retail ledger 2024-01-15 --retailer online_retail --json"),
    ),
    Entry(
        "reconcile",
        "cli.reconcile:reconcile",
        "Compare what every store holds, from the source to the views, and show where a difference arises.",
        HISTORY,
        (
            "retail reconcile  # the 35 dates up to yesterday",
            "retail reconcile 2024-01-15 --source retailer_1 --recount  # also read the source again",
            "retail reconcile 2023-01-01..2023-12-31 --json",
        ),
    ),
    Entry(
        "lineage",
        "cli.lineage:lineage",
        "Show which source fed which table on a business date, with runs and row counts.",
        HISTORY,
        (
            "retail lineage 2024-01-15  # from the retailers to the views",
            "retail lineage mv_daily_sales_summary --date 2024-01-15 --upstream",
            "retail lineage fact_sales --retailer retailer_2 --columns",
        ),
    ),
    Entry(
        "dead-letters",
        "cli.dead_letters:app",
        "Records that were rejected, with the reason and their payload.",
        HISTORY,
        ("retail dead-letters list --retailer retailer_2 --date 2024-01-15", "retail dead-letters show 17"),
    ),
    Entry(
        "held",
        "cli.held:app",
        "Landed dates that failed a critical check and are not published: list them, and decide.",
        HISTORY,
        (
            "retail held list",
            "retail held show 3  # what failed, with expected and actual values",
            'retail held approve 3 --reason "The retailer confirms the figures"',
            'retail held discard 3 --reason "The export was cut off"',
        ),
    ),
    Entry(
        "alerts",
        "cli.alerts:app",
        "Problems that need attention until they are resolved, and the channels that report them.",
        HISTORY,
        (
            "retail alerts list --severity error  # and more severe",
            "retail alerts show 17  # the reason and the remedy",
            'retail alerts ack 17 18 --note "Waiting for the retailer"',
            "retail alerts test  # does every channel work?",
        ),
    ),
    Entry(
        "digest",
        "cli.ledger:digest",
        "Print a digest of all published data; equal data has an equal digest.",
        HISTORY,
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
        "sources",
        "cli.sources:app",
        "The sources in sources/, one YAML file each: draft, list, check and preview them, and what they send.",
        SETUP,
        (
            "retail sources init sales.csv  # draft a definition from a file",
            "retail sources list",
            "retail sources check  # definitions, variables, and one request to each",
            "retail sources preview retailer_1 2024-01-15",
            "retail sources schema retailer_1 --history",
        ),
    ),
    Entry(
        "config",
        "cli.configuration:app",
        "The effective settings, with secrets masked.",
        SETUP,
        ("retail config check",),
    ),
    Entry(
        "s3",
        "cli.setup:s3",
        "The object store with the raw and the processed zone.",
        SETUP,
        ("retail s3 check",),
    ),
    Entry(
        "migrate",
        "cli.setup:migrate",
        "Bring the warehouse's schema up to date.",
        SETUP,
        ("WAREHOUSE_OWNER_DSN=postgresql://retail_owner:…@host/db retail migrate",),
    ),
    Entry("up", "cli.platform:up", "Start the platform on this machine in the background.", LOCAL, ("retail up",)),
    Entry("down", "cli.platform:down", "Stop the platform and keep its data.", LOCAL, ("retail down",)),
    Entry(
        "status",
        "cli.platform:status",
        "Show which services are running.",
        LOCAL,
        ("retail status", "retail status --json"),
    ),
    Entry("demo", "cli.platform:demo", "Run the real pipeline for the last three days.", LOCAL, ("retail demo",)),
)
