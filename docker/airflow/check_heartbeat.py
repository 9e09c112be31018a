"""Health check of one of Airflow's processes that has no HTTP port: is this container's heartbeat fresh?

`python check_heartbeat.py DagProcessorJob`. It queries the metadata database directly: Airflow's own command
takes seconds of processor time for each check.
"""

from __future__ import annotations

import os
import socket
import sys

import psycopg2

STALE_AFTER_SECONDS = 60
QUERY = """
SELECT coalesce(extract(epoch FROM now() - max(latest_heartbeat)), 'infinity')
  FROM job
 WHERE job_type = %s AND hostname = %s AND state = 'running'
"""


def main(job_type: str) -> int:
    """0 when the newest heartbeat of this host is fresh, else 1 and why."""
    dsn = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("postgresql+psycopg2://", "postgresql://")
    try:
        connection = psycopg2.connect(dsn, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute(QUERY, (job_type, socket.getfqdn()))
                age = float((cursor.fetchone() or ("inf",))[0])
        finally:
            connection.close()
    except psycopg2.Error as error:
        sys.stdout.write(f"the metadata database does not respond: {str(error).strip().splitlines()[0]}\n")
        return 1
    sys.stdout.write(f"last heartbeat {age:.0f} s ago\n")
    return 0 if age < STALE_AFTER_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
