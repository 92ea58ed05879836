"""The record of clients that left: which workspace was removed, when and by whom, without a word of its data.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE workspace_removals (
        id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name        text NOT NULL CHECK (name <> ''),
        removed_by  text NOT NULL,
        reason      text NOT NULL DEFAULT '',
        files       bigint NOT NULL,
        rows        bigint NOT NULL,
        kept_files  boolean NOT NULL,
        started_at  timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz
    )
    """,
    "COMMENT ON TABLE workspace_removals IS 'a row for each workspace that was removed; it stays'",
    "COMMENT ON COLUMN workspace_removals.rows IS 'rows of its files that were loaded when it began'",
    "COMMENT ON COLUMN workspace_removals.finished_at IS 'NULL while it is not done: asked again, it goes on'",
)


def upgrade() -> None:
    """Make the table."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE workspace_removals")
