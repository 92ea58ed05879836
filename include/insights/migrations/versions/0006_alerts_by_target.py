"""The log of alerts knows which target was told: one that is away holds up no other.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the target; the API's role notes for a new one what the others were told."""
    op.execute("ALTER TABLE alert_log ADD COLUMN target text NOT NULL DEFAULT ''")
    op.execute(
        "COMMENT ON COLUMN alert_log.target IS 'keyed hash of the address; empty: sent to all, before there was one'"
    )
    op.execute("DROP INDEX alert_log_digest")
    op.execute("CREATE UNIQUE INDEX alert_log_digest ON alert_log (workspace, subject, target) WHERE kind = 'digest'")
    op.execute("GRANT INSERT ON alert_log TO insightflow_api")


def downgrade() -> None:
    """Forget the targets: what one of them was told counts as told."""
    op.execute("REVOKE INSERT ON alert_log FROM insightflow_api")
    op.execute("DROP INDEX alert_log_digest")
    op.execute(
        "DELETE FROM alert_log AS l USING alert_log AS k WHERE l.kind = 'digest' AND k.kind = 'digest'"
        " AND (l.workspace, l.subject) = (k.workspace, k.subject) AND l.id > k.id"
    )
    op.execute("CREATE UNIQUE INDEX alert_log_digest ON alert_log (workspace, subject) WHERE kind = 'digest'")
    op.execute("ALTER TABLE alert_log DROP COLUMN target")
