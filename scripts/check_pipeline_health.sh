#!/bin/sh
# Is the pipeline well? Services, PostgreSQL and its data, Airflow, retailer APIs, S3, settings, recent runs.
# Exit status: 0 all is well, 1 something is down, 2 it cannot be told. `--json` for programs, `--help` for the rest.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

python="$root/.venv/bin/python"
[ -x "$python" ] || python=$(command -v python3 || command -v python || true)
if [ -z "$python" ] || ! "$python" -c 'import psycopg2, pydantic_settings, requests, rich, typer' 2>/dev/null; then
    echo "The platform's libraries are not installed. Run: make up (it installs them into .venv)" >&2
    exit 2
fi

# The platform that `make up` started, unless the shell is set up for another one already.
if [ -z "${WAREHOUSE_DSN:-}" ] && [ -f .local/env ]; then
    . ./.local/env
fi
exec "$python" -m scripts.pipeline_health "$@"
