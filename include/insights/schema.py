"""The PostgreSQL schema: brought up to date by alembic, on one connection, one process at a time."""

from __future__ import annotations

from pathlib import Path

from include.settings import Settings, get_settings

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number, the same in every process that migrates.
MIGRATION_LOCK = 7_302_003


def upgrade(settings: Settings | None = None) -> str:
    """Bring the schema to the newest revision; return its name. Does nothing when it is there already.

    All revisions that are missing are applied in one transaction: after a crash there are all of them or none.
    Raises ``sqlalchemy.exc.OperationalError`` when PostgreSQL does not answer.
    """
    # Imported here: a DAG file that names `publish` must not pay for alembic.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import text

    from include.insights.database import make_engine

    engine = make_engine(settings or get_settings())
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        engine.dispose()
