"""What only a bucket can have: keys of its own, and a name that does not exist."""

from __future__ import annotations

import pytest

from shared.errors import FixConfiguration
from tests.integration.drops.conftest import Drops, S3Drop, sales_of, statuses


def test_a_bucket_of_somebody_else_is_read_with_its_own_keys(drops: Drops, bucket: S3Drop) -> None:
    right = bucket.s3.environment
    own = {"access_key_id": {"env": "PARTNER_ID"}, "secret_access_key": {"secret": "PARTNER_KEY"}}
    bucket.connection["auth"] = {"kind": "access_key", **own}
    bucket.environment |= {"PARTNER_ID": right["AWS_ACCESS_KEY_ID"], "PARTNER_KEY": right["AWS_SECRET_ACCESS_KEY"]}
    drops.place = bucket
    bucket.put("15.csv", sales_of(15))
    drops.define()
    assert statuses(drops.load()) == {"15.csv": "loaded"}

    bucket.environment["PARTNER_KEY"] = "wrong"
    drops.define()
    with pytest.raises(FixConfiguration, match="The keys of this location are PARTNER_ID and PARTNER_KEY"):
        drops.load()


def test_a_bucket_that_does_not_exist_is_named_with_the_key_of_the_definition(drops: Drops, bucket: S3Drop) -> None:
    bucket.connection["location"] = "s3://nobody-has-this/drops/*.csv"
    drops.place = bucket
    drops.define()
    with pytest.raises(FixConfiguration, match=r"Bucket nobody-has-this does not exist.*`connection\.location`"):
        drops.load()
