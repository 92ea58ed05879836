"""Roles by workspace, sessions, API keys, uploads, alerts; and row-level security for everything that the API reads.

The API works as the role ``insightflow_api``, which owns nothing and is held by policies to the workspaces in the
settings ``insightflow.sees``, ``.edits`` and ``.administers`` of its transaction (names divided by U+001F, ``*`` is
every workspace). Without these settings it sees no row.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _held(setting: str, column: str = "workspace") -> str:
    names = f"string_to_array(current_setting('insightflow.{setting}', true), chr(31))"
    return f"({column} = ANY ({names}) OR '*' = ANY ({names}))"


STATEMENTS = (
    """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'insightflow_api') THEN
            CREATE ROLE insightflow_api NOLOGIN NOSUPERUSER NOBYPASSRLS;
        END IF;
    END $$
    """,
    "GRANT insightflow_api TO CURRENT_USER",
    "GRANT USAGE ON SCHEMA public TO insightflow_api",
    # Roles by workspace, in place of one role for a list.
    """
    CREATE TABLE memberships (
        username   text NOT NULL REFERENCES users (username) ON DELETE CASCADE,
        workspace  text NOT NULL CHECK (workspace <> ''),
        role       text NOT NULL CHECK (role IN ('viewer', 'analyst', 'admin')),
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (username, workspace)
    )
    """,
    "COMMENT ON COLUMN memberships.workspace IS '* is every workspace'",
    "INSERT INTO memberships (username, workspace, role) SELECT username, unnest(workspaces), role FROM users",
    "ALTER TABLE users DROP COLUMN role, DROP COLUMN workspaces",
    """
    CREATE TABLE refresh_tokens (
        token_hash text PRIMARY KEY,
        family     uuid NOT NULL,
        username   text NOT NULL REFERENCES users (username) ON DELETE CASCADE,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        used_at    timestamptz,
        revoked_at timestamptz
    )
    """,
    "COMMENT ON COLUMN refresh_tokens.family IS 'the log-in: a token that is used twice revokes all of its family'",
    "CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family)",
    "CREATE INDEX refresh_tokens_by_user ON refresh_tokens (username)",
    """
    CREATE TABLE api_keys (
        id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        prefix       text NOT NULL UNIQUE,
        key_hash     text NOT NULL UNIQUE,
        name         text NOT NULL,
        username     text NOT NULL REFERENCES users (username) ON DELETE CASCADE,
        workspace    text NOT NULL CHECK (workspace <> ''),
        role         text NOT NULL CHECK (role IN ('viewer', 'analyst', 'admin')),
        created_at   timestamptz NOT NULL DEFAULT now(),
        expires_at   timestamptz,
        last_used_at timestamptz,
        revoked_at   timestamptz
    )
    """,
    "COMMENT ON TABLE api_keys IS 'a key can do what its role and its owner''s role in the workspace both allow'",
    """
    CREATE TABLE uploads (
        id              uuid PRIMARY KEY,
        workspace       text NOT NULL CHECK (workspace <> ''),
        source          text NOT NULL,
        status          text NOT NULL CHECK (status IN ('receiving', 'received', 'failed')),
        files           jsonb NOT NULL DEFAULT '[]',
        idempotency_key text,
        request_hash    text,
        created_by      text NOT NULL,
        created_at      timestamptz NOT NULL DEFAULT now(),
        received_at     timestamptz,
        error           text NOT NULL DEFAULT ''
    )
    """,
    "CREATE UNIQUE INDEX uploads_idempotency ON uploads (workspace, idempotency_key) WHERE idempotency_key IS NOT NULL",
    """
    CREATE TABLE alert_settings (
        workspace     text PRIMARY KEY CHECK (workspace <> ''),
        enabled       boolean NOT NULL DEFAULT false,
        targets       text NOT NULL DEFAULT '',
        min_impact    numeric(18, 2) NOT NULL DEFAULT 0,
        min_severity  text NOT NULL DEFAULT 'high' CHECK (min_severity IN ('critical', 'high', 'medium', 'low')),
        quiet_minutes integer NOT NULL DEFAULT 720 CHECK (quiet_minutes >= 0),
        digest        boolean NOT NULL DEFAULT false,
        updated_by    text NOT NULL,
        updated_at    timestamptz NOT NULL DEFAULT now()
    )
    """,
    "COMMENT ON COLUMN alert_settings.targets IS 'addresses with their log-ins, encrypted'",
    """
    CREATE TABLE alert_log (
        id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        workspace text NOT NULL,
        kind      text NOT NULL CHECK (kind IN ('insight', 'digest')),
        subject   text NOT NULL,
        entity    text NOT NULL DEFAULT '',
        severity  text NOT NULL DEFAULT '',
        sent_at   timestamptz NOT NULL DEFAULT now()
    )
    """,
    "COMMENT ON COLUMN alert_log.subject IS 'key of the insight, or the day of the digest'",
    "CREATE INDEX alert_log_by_subject ON alert_log (workspace, kind, subject, sent_at DESC)",
    "CREATE UNIQUE INDEX alert_log_digest ON alert_log (workspace, subject) WHERE kind = 'digest'",
    # Counts up whenever insights of a workspace change, in the transaction that changes them.
    "CREATE TABLE insight_versions (workspace text PRIMARY KEY, version bigint NOT NULL DEFAULT 1)",
    """
    CREATE FUNCTION insight_versions_bump() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
    BEGIN
        IF TG_OP = 'TRUNCATE' THEN
            UPDATE insight_versions SET version = version + 1;
        ELSE
            INSERT INTO insight_versions AS v (workspace) SELECT DISTINCT workspace FROM changed ORDER BY workspace
            ON CONFLICT (workspace) DO UPDATE SET version = v.version + 1;
        END IF;
        RETURN NULL;
    END $$
    """,
    *(
        f"CREATE TRIGGER insights_{event.lower()} AFTER {event} ON insights REFERENCING {rows} TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION insight_versions_bump()"
        for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    ),
    "CREATE TRIGGER insights_truncate AFTER TRUNCATE ON insights FOR EACH STATEMENT EXECUTE FUNCTION insight_versions_bump()",
    "INSERT INTO insight_versions (workspace) SELECT DISTINCT workspace FROM insights",
    # The history of insights is noted for whoever changes one, and read as the insights are.
    "ALTER FUNCTION note_insight_change() SECURITY DEFINER SET search_path = public",
    # Whether every workspace of a user is administered in this transaction; policies alone could not see the others.
    f"""
    CREATE FUNCTION insightflow_administers(name text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = public AS $$
        SELECT NOT EXISTS (SELECT FROM memberships WHERE username = name AND NOT {_held("administers")})
    $$
    """,
    *(
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        for table in (
            "insights",
            "insight_history",
            "insight_versions",
            "uploads",
            "users",
            "memberships",
            "api_keys",
            "alert_settings",
            "alert_log",
        )
    ),
    "GRANT SELECT ON insights, insight_history, insight_versions, uploads, memberships, alert_settings, alert_log TO insightflow_api",
    "GRANT UPDATE (status, status_by, status_at, resolved_at) ON insights TO insightflow_api",
    "GRANT INSERT, UPDATE (status, files, request_hash, received_at, error) ON uploads TO insightflow_api",
    "GRANT SELECT (id, run_id, published_at) ON publications TO insightflow_api",
    "GRANT SELECT (username, created_at, disabled_at), INSERT (username, password_hash) ON users TO insightflow_api",
    "GRANT UPDATE (password_hash, disabled_at), DELETE ON users TO insightflow_api",
    "GRANT INSERT, UPDATE (role), DELETE ON memberships TO insightflow_api",
    "GRANT SELECT (id, prefix, name, username, workspace, role, created_at, expires_at, last_used_at, revoked_at)"
    " ON api_keys TO insightflow_api",
    "GRANT INSERT, UPDATE (revoked_at) ON api_keys TO insightflow_api",
    "GRANT INSERT, UPDATE ON alert_settings TO insightflow_api",
    *(
        f"CREATE POLICY {table}_read ON {table} FOR SELECT TO insightflow_api USING {_held('sees')}"
        for table in ("insights", "insight_history", "insight_versions", "uploads")
    ),
    f"CREATE POLICY insights_change ON insights FOR UPDATE TO insightflow_api USING {_held('edits')} WITH CHECK {_held('edits')}",
    f"CREATE POLICY uploads_add ON uploads FOR INSERT TO insightflow_api WITH CHECK {_held('edits')}",
    f"CREATE POLICY uploads_change ON uploads FOR UPDATE TO insightflow_api USING {_held('edits')}",
    *(
        f"CREATE POLICY {table}_administer ON {table} TO insightflow_api"
        f" USING {_held('administers')} WITH CHECK {_held('administers')}"
        for table in ("memberships", "alert_settings", "alert_log")
    ),
    # One's own keys, and those of workspaces that one administers.
    "CREATE POLICY api_keys_own ON api_keys TO insightflow_api"
    f" USING (username = current_setting('insightflow.user', true) OR {_held('administers')})"
    f" WITH CHECK (username = current_setting('insightflow.user', true) AND {_held('sees')} OR {_held('administers')})",
    "CREATE POLICY users_read ON users FOR SELECT TO insightflow_api"
    " USING (EXISTS (SELECT FROM memberships AS m WHERE m.username = users.username))",
    "CREATE POLICY users_add ON users FOR INSERT TO insightflow_api"
    " WITH CHECK (coalesce(current_setting('insightflow.administers', true), '') <> '')",
    "CREATE POLICY users_change ON users FOR UPDATE TO insightflow_api USING (insightflow_administers(username))",
    "CREATE POLICY users_remove ON users FOR DELETE TO insightflow_api USING (insightflow_administers(username))",
)


def upgrade() -> None:
    """Make tables, role and policies."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Go back to one role and a list of workspaces a user; the role of the API stays: other databases may use it."""
    op.execute("ALTER TABLE users ADD COLUMN role text, ADD COLUMN workspaces text[]")
    op.execute(
        "UPDATE users SET role = m.role, workspaces = m.names FROM (SELECT username, min(role) AS role,"
        " array_agg(workspace) AS names FROM memberships GROUP BY username) AS m WHERE m.username = users.username"
    )
    op.execute("ALTER FUNCTION note_insight_change() SECURITY INVOKER RESET ALL")
    for table in ("users", "insights", "insight_history"):
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for policy, table in (
        ("users_read", "users"), ("users_add", "users"), ("users_change", "users"), ("users_remove", "users"),
        ("insights_read", "insights"),
        ("insight_history_read", "insight_history"), ("insights_change", "insights"),
    ):  # fmt: skip
        op.execute(f"DROP POLICY {policy} ON {table}")
    op.execute("DROP FUNCTION insightflow_administers")
    op.execute("DROP FUNCTION insight_versions_bump CASCADE")
    for table in (
        "insight_versions",
        "alert_log",
        "alert_settings",
        "uploads",
        "api_keys",
        "refresh_tokens",
        "memberships",
    ):
        op.execute(f"DROP TABLE {table}")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM insightflow_api")
