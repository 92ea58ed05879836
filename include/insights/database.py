"""The way to the application's PostgreSQL, for migrations and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine


def make_engine(
    settings: Settings, *, pool_size: int = 2, statement_timeout_ms: int = 0, pool_timeout: float = 5.0
) -> Engine:
    """A lazy SQLAlchemy engine on psycopg2; nothing connects before its first use.

    ``statement_timeout_ms`` 0 means none. Connections are tested before use, so a restarted server costs one
    reconnect, not an error.
    """
    from sqlalchemy import create_engine

    url = settings.postgres_dsn().replace("postgresql://", "postgresql+psycopg2://", 1)
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=pool_timeout,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 2,
            "application_name": "insightflow",
            "options": f"-c statement_timeout={statement_timeout_ms}",
        },
    )
