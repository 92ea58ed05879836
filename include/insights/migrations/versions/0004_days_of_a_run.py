"""The API may read which days a run published: insights are asked for by run.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the API's role read them."""
    op.execute("GRANT SELECT (dates) ON publications TO insightflow_api")


def downgrade() -> None:
    """Take it back."""
    op.execute("REVOKE SELECT (dates) ON publications FROM insightflow_api")
