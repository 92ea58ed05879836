"""The one way to the warehouse: clickhouse-connect over a URL, embedded or a real server alike."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from include.settings import Settings, get_settings


def connect(settings: Settings | None = None, *, database: str = "default", reader: bool = False) -> Client:
    """Open a client as the admin, or as the read-only user when ``reader``.

    Raises ``clickhouse_connect.driver.exceptions.Error`` when the server does not answer or refuses the log-in.
    Each client is one session: use one a thread.
    """
    settings = settings or get_settings()
    parts = urlsplit(settings.clickhouse_url)
    secret = settings.clickhouse_reader_password if reader else settings.clickhouse_password
    options: dict[str, Any] = {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or (8443 if parts.scheme == "https" else 8123),
        "username": settings.clickhouse_reader if reader else settings.clickhouse_user,
        "password": secret.get_secret_value(),
        "secure": parts.scheme == "https",
        "database": database,
        "autogenerate_session_id": False,
        "send_receive_timeout": 3600,
    }
    return clickhouse_connect.get_client(**options)
