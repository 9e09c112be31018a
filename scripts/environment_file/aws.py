"""`.env` for Amazon S3: the bundled store switched off, and what the user still has to set."""

from __future__ import annotations

from scripts.environment_file.generators import MADE_KEY_PREFIX
from scripts.environment_file.settings import KNOWN
from scripts.environment_file.text import AWS_KEYS, is_aws, value_of, with_override, with_value

OVERRIDE = "docker/compose/aws.yml"
BUCKETS = ("S3_BUCKET_RAW", "S3_BUCKET_PROCESSED")


def prepared(text: str) -> str:
    """The text without endpoint, without generated keys, and with the override that drops the bundled store."""
    text = with_value(text, "S3_ENDPOINT_URL", "")
    if _keys_are_generated(text):
        for name in AWS_KEYS:
            text = with_value(text, name, "")
            if value_of(text, f"{name}_FILE"):
                text = with_value(text, f"{name}_FILE", "")
    return with_override(text, OVERRIDE)


def still_needed(text: str) -> list[str]:
    """`NAME: what to set`, for every value that Amazon S3 cannot use; empty for the bundled store."""
    return [*_about_keys(text), *_about_buckets(text), *_about_containers(text)] if is_aws(text) else []


def _keys_are_generated(text: str) -> bool:
    return (value_of(text, AWS_KEYS[0]) or "").startswith(MADE_KEY_PREFIX)


def _about_keys(text: str) -> list[str]:
    if _keys_are_generated(text):
        why = "generated for the bundled store. Set the keys of an IAM user, or empty both for a role or a profile"
        return [f"{name}: {why}" for name in AWS_KEYS]
    given = [name for name in AWS_KEYS if value_of(text, name) or value_of(text, f"{name}_FILE")]
    return [f"{name}: missing; {given[0]} is set" for name in AWS_KEYS if len(given) == 1 and name not in given]


def _about_buckets(text: str) -> list[str]:
    why = "the bundled store's. Names are global on AWS: set that of your own bucket in the region AWS_DEFAULT_REGION"
    return [
        f"{name}: {KNOWN[name].default} is {why}" for name in BUCKETS if value_of(text, name) == KNOWN[name].default
    ]


def _about_containers(text: str) -> list[str]:
    if OVERRIDE in (value_of(text, "COMPOSE_FILE") or "").split(":"):
        return []
    return [f"COMPOSE_FILE: the bundled store is still switched on. Append :{OVERRIDE}"]
