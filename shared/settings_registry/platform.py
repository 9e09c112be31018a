"""The settings of the platform: containers, Airflow, monitoring, local platform, simulated retailers."""

from __future__ import annotations

from shared.settings_registry.setting import (
    AIRFLOW,
    CONTAINERS,
    EVERYWHERE,
    LOCAL,
    PIPELINE,
    RETAILERS,
    Section,
    Setting,
    optional,
    plain,
    secret,
)

COMPOSE = Section(
    "Containers",
    "the files that docker-compose reads, the address on which it publishes ports",
    CONTAINERS,
    (
        Setting(
            "COMPOSE_PROJECT_NAME",
            "Prefix of containers, networks, volumes and images. `generate_env.py` makes a random one, so that two"
            " checkouts share none.",
            "retail",
            in_env=True,
            made="project_name",
        ),
        plain(
            "COMPOSE_FILE",
            "docker-compose.yml",
            "Files that docker-compose reads, separated by colons. Each file in `docker/compose/` adds a feature.",
        ),
        plain("BIND_ADDRESS", "127.0.0.1", "Address on which ports are published."),
        optional("POSTGRES_IMAGE", "postgres:14-bookworm", "Image of all databases."),
        optional("SEAWEEDFS_IMAGE", "chrislusf/seaweedfs:4.47", "Image of the bundled S3 store."),
    ),
)

AIRFLOW_SECTION = Section(
    "Airflow",
    "its address, its users, its keys",
    CONTAINERS,
    (
        Setting(
            "AIRFLOW_URL",
            "Address of Airflow for the `retail` command and for links in alerts.",
            in_env=True,
            env_value="http://localhost:8080",
            read_by=PIPELINE,
        ),
        plain("AIRFLOW_PORT", "8080", "Its port. `make up` takes the next free one when it is taken.", EVERYWHERE),
        plain("AIRFLOW_USERNAME", "admin", "The administrator.", EVERYWHERE),
        secret("AIRFLOW_PASSWORD", "Its password. `make up` makes one unless it is set.", read_by=EVERYWHERE),
        plain("AIRFLOW_OPERATOR_USERNAME", "operator", "The user who may trigger, clear and pause."),
        secret("AIRFLOW_OPERATOR_PASSWORD", "Its password."),
        plain("AIRFLOW_ANALYST_USERNAME", "analyst", "The user who may only look."),
        secret("AIRFLOW_ANALYST_PASSWORD", "Its password."),
        plain("AIRFLOW_PARALLELISM", "8", "Tasks that run at the same time, on this machine or on each worker."),
        plain(
            "AIRFLOW_LOST_TASK_SECONDS",
            "300",
            "A task without a heartbeat for this long counts as lost and is retried.",
            f"{CONTAINERS}, {LOCAL}",
        ),
        secret("AIRFLOW_DB_PASSWORD", "Password of Airflow's metadata database."),
        secret("AIRFLOW_FERNET_KEY", "Encrypts the connections that Airflow stores.", "fernet_key"),
        secret("AIRFLOW_SECRET_KEY", "Signs Airflow's sessions."),
        secret("AIRFLOW_JWT_SECRET", "Signs Airflow's tokens.", "long_key"),
        optional("RETAIL_TASK_RETRIES", "3", "Retries of an Airflow task.", AIRFLOW),
        optional("RETAIL_RETRY_DELAY_SECONDS", "300", "First wait before a retry; doubles up to 30 minutes.", AIRFLOW),
        optional(
            "RETAIL_PIPELINE_START",
            "2026-01-01T00:00:00+00:00",
            "Airflow schedules runs from this time on, ISO 8601. `make up` sets it to the day of the first start.",
            AIRFLOW,
        ),
    ),
)

WORKERS = Section(
    "More than one worker",
    "docker/compose/celery.yml",
    CONTAINERS,
    (
        secret("REDIS_PASSWORD", "Password of the queue between Airflow's workers."),
        optional("AIRFLOW_WORKER_CONCURRENCY", "4", "Tasks that one worker runs at the same time."),
        optional("REDIS_IMAGE", "redis:7", "Image of the queue."),
    ),
)

MONITORING = Section(
    "Monitoring",
    "docker/compose/monitoring.yml",
    CONTAINERS,
    (
        plain("GRAFANA_PORT", "3000", "Port of Grafana."),
        secret("GRAFANA_PASSWORD", "Password of Grafana's user admin."),
        plain("PROMETHEUS_PORT", "9090", "Port of Prometheus."),
        plain("PUSHGATEWAY_PORT", "9091", "Port of the Pushgateway."),
        plain("ALERTMANAGER_PORT", "9093", "Port of Alertmanager."),
        optional("GRAFANA_IMAGE", "grafana/grafana:12.1.1", "Image of Grafana."),
        optional("PROMETHEUS_IMAGE", "prom/prometheus:v3.5.0", "Image of Prometheus."),
        optional("PUSHGATEWAY_IMAGE", "prom/pushgateway:v1.11.2", "Image of the Pushgateway."),
        optional("ALERTMANAGER_IMAGE", "prom/alertmanager:v0.28.1", "Image of Alertmanager."),
        optional("STATSD_PORT", "8125", "UDP port on which `airflow-metrics` receives Airflow's metrics."),
        optional("HTTP_PORT", "9102", "Port on which `airflow-metrics` serves them to Prometheus."),
        optional("LISTEN_ADDRESS", "0.0.0.0", "Address on which `airflow-metrics` listens."),  # noqa: S104 - documented
    ),
)

LOCAL_PLATFORM = Section(
    "Local platform",
    "`make up`, `make demo` and the tests",
    LOCAL,
    (
        optional(
            "RETAIL_POSTGRES",
            "",
            "Where PostgreSQL comes from: `npm`, `installed` or `pypi`. Empty: the source of the last start, else the"
            " first that works.",
        ),
        optional("RETAIL_POSTGRES_BIN", "", "A directory with `postgres` and `initdb` to use instead."),
        optional("PYTHON", "python3", "The Python that `make` uses to create `.venv`."),
    ),
)

SANDBOX = Section(
    "Sandbox of the simulated retailers",
    "lets tests switch faults on",
    RETAILERS,
    (secret("RETAILER_ADMIN_TOKEN", "Token for `/admin/faults`. Empty: these paths return 404."),),
)

SIMULATION = Section(
    "Simulated retailers",
    "docs/RETAILERS.md explains them; `make up` passes `RETAILER_X` to all three and `RETAILER2_X` to one",
    RETAILERS,
    (
        optional("RETAILER_SEED", "20240101", "The same seed makes the same sales on every machine."),
        optional("RETAILER_LINES_PER_DAY", "2000", "Average lines per day, 10 to 1,000,000."),
        optional("RETAILER_PRELOAD", "auto", "`none`: sales are made on demand. `auto`: `none` above 8,000 lines."),
        optional("RETAILER_TODAY", "", "Stops the retailer's clock: a date, or an ISO 8601 time with offset."),
        optional("RETAILER_REPLAY_CSV", "", "A CSV file in the layout of *Online Retail* to replay as sales."),
        optional("RETAILER_REPLAY_TIMEZONE", "Europe/London", "Time zone of that file."),
        optional("RETAILER_REPLAY_CURRENCY", "GBP", "Currency of that file."),
        optional("RETAILER_FAULTS", "", "Faults that the API shows, separated by commas."),
        optional("RETAILER_RATE_LIMIT", "50", "Requests per second, twice that in a burst; 0: no limit."),
        optional("RETAILER_TOKEN_SECONDS", "300", "Lifetime of retailer 2's tokens."),
        optional("RETAILER_THREADS", "8", "Threads of the API."),
        optional("RETAILER_LOG_LEVEL", "INFO", "`DEBUG`: one line per request."),
        optional("DATABASE_URL", "", "The API's own database, a libpq URI.", secret=True),
        optional("HOST", "127.0.0.1", "Address on which the API listens."),
        optional("PORT", "", "Port on which the API listens: 5001, 5002 or 5003 unless it is set."),
        optional("API_KEY", "", "The key that retailer 1 accepts.", secret=True),
        optional("CLIENT_ID", "", "The client id that retailers 2 and 3 accept."),
        optional("CLIENT_SECRET", "", "The client secret that retailer 2 accepts.", secret=True),
        optional("HMAC_SECRET", "", "The signing key that retailer 3 accepts.", secret=True),
    ),
)
