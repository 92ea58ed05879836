"""Bring both databases to the schema of this checkout."""

from __future__ import annotations

import json

from clickhouse_connect.driver.exceptions import ClickHouseError

from include.services.errors import ServiceError
from include.services.programs import clickhouse_users_file
from include.settings import Settings


def migrate_clickhouse(settings: Settings) -> list[str]:
    """Apply pending warehouse migrations; return their names. Raises ``ServiceError`` when the server refuses."""
    from include.warehouse.client import connect
    from include.warehouse.migrate import migrate

    try:
        client = connect(settings)
        try:
            return migrate(client, settings.clickhouse_cluster)
        finally:
            client.close()
    except ClickHouseError as error:
        raise ServiceError(
            f"the warehouse at {settings.clickhouse_url} refuses its migration: {str(error).strip()[:500]}"
        ) from error


def migrate_postgres(settings: Settings) -> str:
    """Bring the insights schema to its newest revision; return its name."""
    from include.insights.schema import upgrade

    return upgrade(settings)


def write_clickhouse_users(settings: Settings) -> None:
    """Write the users of the embedded ClickHouse (mode 0600): the admin, and a read-only one for people and BI."""
    from include.services.supervisor import write_private

    users = {
        settings.clickhouse_user: {
            "password": settings.clickhouse_password.get_secret_value(),
            "readonly": False,
        },
        settings.clickhouse_reader: {
            "password": settings.clickhouse_reader_password.get_secret_value(),
            "readonly": True,
        },
    }
    write_private(clickhouse_users_file(settings), json.dumps(users, indent=1))
