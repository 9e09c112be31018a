"""The settings of the pipeline itself: warehouse, S3, retailers, ingestion, alerts, lineage, logs."""

from __future__ import annotations

from shared.settings_registry.setting import (
    AIRFLOW,
    CONTAINERS,
    EVERYWHERE,
    LOCAL,
    PIPELINE,
    Section,
    Setting,
    optional,
    plain,
    secret,
)

WAREHOUSE = Section(
    "Warehouse",
    "retail_owner changes the schema, retail_user loads data, retail_reader reads",
    EVERYWHERE,
    (
        plain("POSTGRES_HOST", "localhost", "Host name, address or socket directory of the server.", PIPELINE),
        plain("POSTGRES_PORT", "5432", "Its port. `make up` takes the next free port when this one is taken."),
        plain("POSTGRES_DB", "retail_analytics", "Name of the database.", f"{PIPELINE}, {CONTAINERS}"),
        plain("POSTGRES_USER", "retail_user", "The user that loads data.", f"{PIPELINE}, {CONTAINERS}"),
        secret("POSTGRES_PASSWORD", "Its password. Required unless `WAREHOUSE_DSN` is set."),
        secret("POSTGRES_OWNER_PASSWORD", "Password of retail_owner, used when `WAREHOUSE_OWNER_DSN` is not set."),
        secret("POSTGRES_READER_PASSWORD", "Password of retail_reader, used when `WAREHOUSE_READER_DSN` is not set."),
        secret("POSTGRES_SUPERUSER_PASSWORD", "Password of `postgres` in the container.", read_by=CONTAINERS),
        plain("POSTGRES_SSLMODE", "prefer", "TLS mode in libpq's terms, `disable` to `verify-full`.", PIPELINE),
        plain("POSTGRES_SSLROOTCERT", "", "File with the CA's certificate, for the `verify-` modes.", PIPELINE),
        plain(
            "POSTGRES_TLS_NAMES",
            "",
            "With `docker/compose/tls.yml`: further host names for the server's certificate, separated by spaces.",
            CONTAINERS,
        ),
        optional(
            "WAREHOUSE_DSN",
            "",
            "libpq URI for loading, instead of the parts above: `postgresql://retail_user:…@host:5432/retail_analytics`."
            " TLS settings go into the URI: `?sslmode=…`.",
            PIPELINE,
            secret=True,
        ),
        optional("WAREHOUSE_OWNER_DSN", "", "libpq URI of retail_owner, for migrations.", PIPELINE, secret=True),
        optional(
            "WAREHOUSE_READER_DSN",
            "",
            "libpq URI of retail_reader, for the quality page and exports. `make up` writes it to `.local/env`.",
            f"{PIPELINE}, {AIRFLOW}",
            secret=True,
        ),
        optional(
            "POSTGRES_ADMIN_DSN",
            "",
            "How `warehouse-init` connects as superuser, over the server's socket. Set by `docker-compose.yml`.",
            CONTAINERS,
        ),
    ),
)

STORAGE = Section(
    "S3",
    "leave S3_ENDPOINT_URL empty and set your own keys to use AWS",
    EVERYWHERE,
    (
        Setting(
            "S3_ENDPOINT_URL",
            "Address of any S3-compatible store, as this machine reaches it. Empty: AWS.",
            in_env=True,
            env_value="http://localhost:9000",
            may_be_empty=True,
            read_by=PIPELINE,
        ),
        optional(
            "S3_CONTAINER_ENDPOINT_URL",
            "http://s3:8333",
            "Address of the store as the containers reach it: the bundled store, unless it is set. Empty: AWS, which is"
            " also the default with `docker/compose/aws.yml`.",
            CONTAINERS,
        ),
        plain("S3_PORT", "9000", "Port of the bundled store.", f"{CONTAINERS}, {LOCAL}"),
        secret("AWS_ACCESS_KEY_ID", "Key id. Empty: the default credential chain (profile, IAM role).", "access_key"),
        secret("AWS_SECRET_ACCESS_KEY", "The key's secret."),
        plain("AWS_DEFAULT_REGION", "us-east-1", "Region of the buckets."),
        plain("S3_BUCKET_RAW", "retail-raw", "Bucket of the raw zone. The stages require it and have no default."),
        plain(
            "S3_BUCKET_PROCESSED",
            "retail-processed",
            "Bucket of the conformed Parquet files. The stages require it and have no default.",
        ),
        plain("S3_SSE", "", "Encryption of each object: `AES256` or `aws:kms`. Empty: the bucket's own."),
        plain("S3_SSE_KMS_KEY_ID", "", "The KMS key, with `S3_SSE=aws:kms`. Empty: the account's key for S3."),
    ),
)


def _retailer(number: int, note: str, zone: str, credentials: tuple[Setting, ...]) -> Section:
    prefix, port = f"RETAILER{number}_", 5000 + number
    return Section(
        f"Retailer {number}",
        note,
        EVERYWHERE,
        (
            Setting(
                f"{prefix}API_URL",
                f"Address of the API. In containers `http://localhost:{port}` is the simulated retailer.",
                in_env=True,
                env_value=f"http://localhost:{port}",
                read_by=PIPELINE,
            ),
            plain(f"{prefix}PORT", str(port), "Port of the simulated API.", f"{CONTAINERS}, {LOCAL}"),
            *credentials,
            plain(f"{prefix}DB_PORT", str(5432 + number), "Port of the simulated retailer's database.", CONTAINERS),
            secret(
                f"{prefix}DB_PASSWORD",
                "Password of that database; it is set when the volume is created.",
                read_by=CONTAINERS,
            ),
            optional(f"{prefix}TIMEZONE", zone, "The time zone of the retailer's business day.", PIPELINE),
        ),
    )


def _client_id(number: int) -> Setting:
    return Setting(f"RETAILER{number}_CLIENT_ID", "Client id.", in_env=True, made="client_id")


RETAILER_SECTIONS = (
    _retailer(1, "API key", "America/New_York", (secret("RETAILER1_API_KEY", "The API key."),)),
    _retailer(
        2,
        "OAuth2 client credentials",
        "Europe/London",
        (_client_id(2), secret("RETAILER2_CLIENT_SECRET", "Client secret.")),
    ),
    _retailer(
        3,
        "signed requests",
        "Europe/Madrid",
        (_client_id(3), secret("RETAILER3_HMAC_SECRET", "The key that signs requests.")),
    ),
)

SOURCES = Section(
    "Sources",
    "the definitions of the sources (docs/SOURCES.md); they name further variables, which belong into `.env` too",
    EVERYWHERE,
    (
        optional(
            "SOURCES_DIRECTORY",
            "./sources",
            "The directory with the definitions, one `<id>.yaml` each. A relative path in `.env` starts with `./`.",
        ),
        optional(
            "SECRETS_DIRECTORY",
            "",
            "A directory with secrets of sources, a file named after each variable. The containers mount it with"
            " `docker/compose/secrets.yml`; `generate_env.py --secret-files` makes it.",
        ),
    ),
)

ALERTS = Section(
    "Alerts",
    "who receives them (docs/ALERTS.md), and after how many hours a run is late",
    f"{PIPELINE}, {AIRFLOW}",
    (
        Setting(
            "ALERT_CHANNELS",
            "Where alerts are sent: apprise URLs, separated by spaces. Empty: alerts are only stored.",
            in_env=True,
            secret=True,
            may_be_empty=True,
        ),
        plain("ALERT_DEADLINE_HOURS", "4", "A run is late this many hours after it was queued.", AIRFLOW),
    ),
)

BEHAVIOUR = Section(
    "Pipeline",
    "time zone of the business date, limit for rejected records, how far back to look for late ones",
    PIPELINE,
    (
        plain(
            "BUSINESS_TIMEZONE",
            "UTC",
            'The time zone of "yesterday" and of the daily run at 02:00.',
            f"{PIPELINE}, {AIRFLOW}",
        ),
        plain("INGEST_MAX_REJECT_SHARE", "0.05", "Above this share of rejected records a partition is not replaced."),
        optional(
            "INGEST_MAX_REJECT_AMOUNT_SHARE",
            "",
            "Above this share of the money of a currency rejected a partition is not replaced. Default:"
            " `INGEST_MAX_REJECT_SHARE`.",
        ),
        plain("INGEST_LOOKBACK_DAYS", "3", "Days before the watermark for which changes are read again."),
        plain("INGEST_CATCH_UP_DAYS", "31", "The most missing days that one run fills."),
        plain(
            "INGEST_MEMORY_MB",
            "80",
            "Megabytes of a source's listing that are kept in memory, for each source that is read at the same time;"
            " the rest is in temporary files.",
        ),
        plain("INGEST_LISTING_MINUTES", "60", "The longest time for the pages of one listing of a source."),
        plain("LOG_FORMAT", "console", "`console`, or `json` for machines."),
        plain("LOG_LEVEL", "INFO", "`DEBUG`, `INFO`, `WARNING` or `ERROR`. Commands then log to standard error."),
        optional(
            "RETAIL_LOG_FILE",
            "",
            "Log file of the commands while `LOG_LEVEL` is not set; read from the environment only, not from `.env`."
            " Default: `.local/logs/retail.log` in a checkout.",
        ),
        optional("INGEST_REQUESTS_PER_SECOND", "20", "Request rate towards each retailer."),
        optional("INGEST_MAX_ATTEMPTS", "6", "Attempts per request, including the first."),
        optional("INGEST_BACKOFF_SECONDS", "0.5", "First wait between attempts; it doubles, with jitter, up to 30 s."),
        optional("INGEST_TIMEOUT_SECONDS", "30", "Timeout of a connection."),
        optional(
            "INGEST_MAX_RESPONSE_MB",
            "32",
            "Largest accepted response of a retailer, in MiB, unpacked. Its values may take twice as much memory. The"
            " values of usual rows take about six times their bytes, so a page of them may have a third of it.",
        ),
        optional("RETAIL_TRACEBACK", "", "Any value: the `retail` command shows the traceback of a defect."),
    ),
)

LINEAGE = Section(
    "Metrics and lineage",
    "where metrics (docs/MONITORING.md) and lineage events (docs/LINEAGE.md) are sent",
    f"{PIPELINE}, {AIRFLOW}",
    (
        optional("PUSHGATEWAY_URL", "", "The Pushgateway, such as `http://pushgateway:9091`. Empty: no metrics."),
        optional("OPENLINEAGE_URL", "", "The OpenLineage backend. Empty: lineage is stored in the warehouse only."),
        optional("OPENLINEAGE_API_KEY", "", "API key of that backend.", secret=True),
        optional("OPENLINEAGE_ENDPOINT", "api/v1/lineage", "Path of its events."),
        optional("OPENLINEAGE_NAMESPACE", "retail_analytics", "Namespace of the jobs."),
        optional("OPENLINEAGE_CONFIG", "", "An OpenLineage configuration file, instead of the settings above."),
        optional("OPENLINEAGE_DISABLED", "", "`true`: no events are sent."),
        optional("OPENLINEAGE__TRANSPORT__TYPE", "", "Another OpenLineage transport, with its own variables."),
    ),
)
