"""What a user sees when the server rejects a connection."""

from __future__ import annotations

import psycopg2
import pytest

from shared.database import connect
from shared.errors import RetryLater


def test_the_hint_of_a_server_that_accepts_no_connection_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def reject(*_: object, **__: object) -> None:
        raise psycopg2.OperationalError(
            'connection to server at "h", port 5432 failed: FATAL:  could not map anonymous shared memory\n'
            "HINT:  Reduce shared_buffers or max_connections.\n"
        )

    monkeypatch.setattr(psycopg2, "connect", reject)
    with pytest.raises(
        RetryLater, match=r"could not map anonymous shared memory \(Reduce shared_buffers or max_connections\)\. Run"
    ):
        connect("postgresql://u:p@h/d", application_name="test")
