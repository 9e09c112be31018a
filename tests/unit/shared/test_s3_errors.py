from __future__ import annotations

from shared.errors import FixConfiguration
from shared.s3_errors import Attempt


def test_a_wrong_clock_is_not_reported_as_a_missing_permission() -> None:
    error = Attempt("s3:ListBucket", "raw", None, "AWS us-east-1").rejected("RequestTimeTooSkewed", 403)

    assert isinstance(error, FixConfiguration)
    assert "at AWS us-east-1 rejects our requests because this machine's clock" in str(error)
