"""What to do next and how the money was computed; the history of every insight, kept by the database itself.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE insights ADD COLUMN next_step text NOT NULL DEFAULT ''",
    "ALTER TABLE insights ADD COLUMN impact_basis text NOT NULL DEFAULT ''",
    "COMMENT ON COLUMN insights.next_step IS 'what to do next, a sentence'",
    "COMMENT ON COLUMN insights.impact_basis IS 'how impact_amount was computed, in words'",
    """
    CREATE TABLE insight_history (
        id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        insight_id     bigint NOT NULL,
        workspace      text NOT NULL,
        insight_key    text NOT NULL,
        changed_at     timestamptz NOT NULL DEFAULT now(),
        change         text NOT NULL CHECK (change IN ('opened', 'updated', 'acknowledged', 'resolved', 'reopened')),
        status_before  text,
        status         text NOT NULL,
        severity       text NOT NULL,
        date_end       date NOT NULL,
        impact_before  numeric(18, 2),
        impact_amount  numeric(18, 2),
        impact_currency text,
        title          text NOT NULL,
        changed_by     text,
        run_id         text NOT NULL
    )
    """,
    "COMMENT ON TABLE insight_history IS 'a row for each change of an insight, by a run or a person'",
    "COMMENT ON COLUMN insight_history.changed_by IS 'the person who set the status, NULL for a run'",
    "CREATE INDEX insight_history_by_time ON insight_history (workspace, changed_at)",
    "CREATE INDEX insight_history_by_insight ON insight_history (insight_id, id)",
    """
    CREATE FUNCTION note_insight_change() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was insights;
        what text := 'opened';
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            was := OLD;
            IF (NEW.status, NEW.kind, NEW.severity, NEW.date_end, NEW.title, NEW.body, NEW.impact_amount, NEW.impact_currency)
                IS NOT DISTINCT FROM
                (OLD.status, OLD.kind, OLD.severity, OLD.date_end, OLD.title, OLD.body, OLD.impact_amount, OLD.impact_currency)
            THEN
                RETURN NULL;
            END IF;
            what := CASE WHEN NEW.status = OLD.status THEN 'updated'
                         WHEN NEW.status = 'open' THEN 'reopened' ELSE NEW.status END;
        END IF;
        INSERT INTO insight_history (insight_id, workspace, insight_key, change, status_before, status, severity,
                                     date_end, impact_before, impact_amount, impact_currency, title, changed_by, run_id)
        VALUES (NEW.id, NEW.workspace, NEW.insight_key, what, was.status, NEW.status, NEW.severity, NEW.date_end,
                was.impact_amount, NEW.impact_amount, NEW.impact_currency, NEW.title,
                CASE WHEN NEW.status_at IS DISTINCT FROM was.status_at THEN NEW.status_by END, NEW.run_id);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER insights_history AFTER INSERT OR UPDATE ON insights
    FOR EACH ROW EXECUTE FUNCTION note_insight_change()
    """,
    """
    CREATE FUNCTION insight_changes(since timestamptz)
    RETURNS TABLE (workspace text, insight_id bigint, change text, status_before text, status text, title text,
                   impact_before numeric, impact_amount numeric, impact_currency text, date_end date,
                   changed_at timestamptz, changed_by text)
    LANGUAGE sql STABLE AS $$
        WITH net AS (
            SELECT DISTINCT ON (h.insight_id) h.*,
                first_value(h.status_before) OVER w AS was, first_value(h.impact_before) OVER w AS amount_was
            FROM insight_history AS h
            WHERE h.changed_at >= since
            WINDOW w AS (PARTITION BY h.insight_id ORDER BY h.id)
            ORDER BY h.insight_id, h.id DESC
        )
        SELECT n.workspace, n.insight_id,
            CASE WHEN n.was IS NULL THEN 'new' WHEN n.status = n.was THEN 'updated'
                 WHEN n.status = 'open' THEN 'reopened' ELSE n.status END,
            n.was, n.status, n.title, n.amount_was, n.impact_amount, n.impact_currency, n.date_end, n.changed_at,
            n.changed_by
        FROM net AS n
        ORDER BY coalesce(n.impact_amount, 0) DESC, n.insight_id
    $$
    """,
    "COMMENT ON FUNCTION insight_changes IS 'net changes of insights since an instant: SELECT * FROM insight_changes(now() - interval ''1 day'')'",
)


def upgrade() -> None:
    """Add the columns, the history and what keeps it."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    for statement in (
        "DROP TRIGGER insights_history ON insights",
        "DROP FUNCTION note_insight_change, insight_changes",
        "DROP TABLE insight_history",
        "ALTER TABLE insights DROP COLUMN next_step, DROP COLUMN impact_basis",
    ):
        op.execute(statement)
