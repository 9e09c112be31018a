#!/bin/sh
# Is the pipeline well? Services, PostgreSQL and its data, Airflow, retailer APIs, S3, settings, recent runs; of the
# containers of this checkout as of the local platform (--platform says which, if it has to be said).
# Exit status: 0 nothing is down, 1 something is down, 2 something could not be checked. `--json` for programs, `--help` for the rest.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

python="$root/.venv/bin/python"
[ -x "$python" ] || python=$(command -v python3 || command -v python || true)
if [ -z "$python" ] || ! "$python" -c '
import sys
assert sys.version_info >= (3, 11)
import boto3, psycopg2, pydantic, requests, rich, typer, yaml' 2>/dev/null; then
    echo "The libraries of the health check are not installed. Run: make health-check (it installs them into .venv)" >&2
    exit 2
fi
exec "$python" -m scripts.pipeline_health "$@"
