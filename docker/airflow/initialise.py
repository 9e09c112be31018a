"""Prepare Airflow's metadata database: its schema, the users, the pipeline's pool.

Runs before Airflow's services at every start and changes nothing when nothing is new. A new release of Airflow migrates
its schema; a user name or password that was changed in `.env` takes effect.
"""

from __future__ import annotations

import os
import sys
from typing import Any

ROLES = {
    "Admin": ("AIRFLOW_USERNAME", "AIRFLOW_PASSWORD"),
    "Op": ("AIRFLOW_OPERATOR_USERNAME", "AIRFLOW_OPERATOR_PASSWORD"),
    "Viewer": ("AIRFLOW_ANALYST_USERNAME", "AIRFLOW_ANALYST_PASSWORD"),
}
"""Airflow's roles (may do everything; may trigger and clear runs; may only read) and the settings with their users."""
REQUIRED = {
    "AIRFLOW__CORE__FERNET_KEY": "AIRFLOW_FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY": "AIRFLOW_SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET": "AIRFLOW_JWT_SECRET",
    **{password: password for _, password in ROLES.values()},
}
"""The variables of this container that have to have a value, and the settings in `.env` that they come from.

docker-compose cannot check that: with secrets in files, the settings are empty, and these variables come from files."""
POOL, POOL_SLOTS = "retail_pipeline", 8


def check_secrets() -> None:
    """Raises SystemExit if a secret is empty: Airflow would store connections unencrypted, or accept no password."""
    if missing := [setting for name, setting in REQUIRED.items() if not os.environ.get(name, "").strip()]:
        raise SystemExit(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing. Run python3 scripts/generate_env.py"
        )


def migrate() -> None:
    """`airflow db migrate`, in this process: importing Airflow a second time takes longer than the rest."""
    from airflow.cli.cli_parser import get_parser

    arguments = get_parser().parse_args(["db", "migrate"])
    arguments.func(arguments)


def ensure_users() -> None:
    """One user per role, with the password from the settings."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    @providers_configuration_loaded
    def ensure() -> None:
        with get_application_builder() as builder:
            let_analysts_see_plugins(builder.sm)
            for role, (name, password) in ROLES.items():
                ensure_user(builder.sm, role, os.environ[name], os.environ[password])

    ensure()


def let_analysts_see_plugins(security: Any) -> None:
    """Let the role Viewer list the plugins; otherwise its navigation has no quality page."""
    security.add_permission_to_role(security.find_role("Viewer"), security.create_permission("can_read", "Plugins"))


def ensure_user(security: Any, role: str, name: str, password: str) -> None:
    """Create this user, or set its role and password."""
    user = security.find_user(username=name)
    if user is None:
        made = security.add_user(name, name, role, f"{name}@localhost", security.find_role(role), password)
        if not made:
            raise SystemExit(f"Airflow did not create the user {name}; its log above says why.")
        return
    user.roles = [security.find_role(role)]
    security.update_user(user)
    security.reset_password(user.id, password)


def ensure_pool() -> None:
    """The pool that the pipeline's tasks run in."""
    from airflow.models.pool import Pool

    Pool.create_or_update_pool(
        name=POOL, slots=POOL_SLOTS, description="Tasks of the retail pipeline", include_deferred=False
    )


def main() -> None:
    """Schema, users, pool."""
    check_secrets()
    migrate()
    ensure_users()
    ensure_pool()
    sys.stdout.write(f"Airflow is ready for {', '.join(os.environ[name] for name, _ in ROLES.values())}.\n")


if __name__ == "__main__":
    main()
