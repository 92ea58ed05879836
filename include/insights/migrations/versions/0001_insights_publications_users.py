"""Insights, the log of their publications, and the users of the API.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE insights (
        id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        workspace      text NOT NULL CHECK (workspace <> ''),
        insight_key    text NOT NULL CHECK (insight_key <> ''),
        kind           text NOT NULL,
        severity       text NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
        status         text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'acknowledged', 'resolved')),
        entity_type    text NOT NULL,
        entity_id      text,
        entity_name    text,
        platform       text,
        account_id     text,
        metric         text,
        date_start     date NOT NULL,
        date_end       date NOT NULL,
        title          text NOT NULL,
        body           text NOT NULL,
        impact_amount  numeric(18, 2),
        impact_currency text,
        confidence     double precision CHECK (confidence BETWEEN 0 AND 1),
        rank           integer NOT NULL CHECK (rank > 0),
        evidence       jsonb NOT NULL DEFAULT '{}',
        is_provisional boolean NOT NULL DEFAULT false,
        first_seen_at  timestamptz NOT NULL DEFAULT now(),
        last_seen_at   timestamptz NOT NULL DEFAULT now(),
        resolved_at    timestamptz,
        status_by      text,
        status_at      timestamptz,
        run_id         text NOT NULL,
        CONSTRAINT insights_key UNIQUE (workspace, insight_key),
        CONSTRAINT insights_dates CHECK (date_start <= date_end),
        CONSTRAINT insights_resolved CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
        CONSTRAINT insights_person CHECK ((status_by IS NULL) = (status_at IS NULL))
    )
    """,
    "COMMENT ON COLUMN insights.impact_amount IS 'money at stake, in impact_currency; NULL where it is unknown'",
    "COMMENT ON COLUMN insights.rank IS '1 is the most money, within the workspace and date_end'",
    "COMMENT ON COLUMN insights.last_seen_at IS 'when the content or date_end last changed'",
    "COMMENT ON COLUMN insights.status_by IS 'the person who set the status; publishing then leaves it alone'",
    "CREATE INDEX insights_by_money ON insights (workspace, status, impact_amount DESC NULLS LAST, id DESC)",
    "CREATE INDEX insights_by_date ON insights (workspace, date_end DESC, rank, id)",
    "CREATE INDEX insights_by_day ON insights (date_end)",
    """
    CREATE TABLE publications (
        id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id       text NOT NULL,
        dates        date[] NOT NULL,
        feed_rows    integer NOT NULL,
        inserted     integer NOT NULL,
        updated      integer NOT NULL,
        resolved     integer NOT NULL,
        reopened     integer NOT NULL,
        published_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "COMMENT ON TABLE publications IS 'one row a committed publication, also of one that changed nothing'",
    "CREATE INDEX publications_by_run ON publications (run_id)",
    """
    CREATE TABLE users (
        id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        username      text NOT NULL UNIQUE CHECK (username <> ''),
        password_hash text NOT NULL,
        role          text NOT NULL CHECK (role IN ('viewer', 'analyst', 'admin')),
        workspaces    text[] NOT NULL,
        created_at    timestamptz NOT NULL DEFAULT now(),
        disabled_at   timestamptz
    )
    """,
    "COMMENT ON COLUMN users.workspaces IS '{*} means every workspace'",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    for table in ("users", "publications", "insights"):
        op.execute(f"DROP TABLE {table}")
