"""API keys: shown once, stored as a hash, each for one workspace with a role of its own."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection, Row

from include.api.access.digest import digest
from include.api.scope import EVERY, ROLES, Caller, Role

MARK = "ifk_"
COLUMNS = "id, prefix, name, username, workspace, role, created_at, expires_at, last_used_at, revoked_at"


def is_key(secret: str) -> bool:
    """Whether a bearer's text is an API key rather than a token."""
    return secret.startswith(MARK)


def create(
    connection: Connection, username: str, name: str, workspace: str, role: Role, expires_at: datetime | None = None
) -> tuple[Row[Any], str]:
    """A new key and its secret, which nobody sees again."""
    secret = MARK + secrets.token_urlsafe(32)
    prefix = secret[: len(MARK) + 8]
    row = connection.execute(
        text(
            "INSERT INTO api_keys (prefix, key_hash, name, username, workspace, role, expires_at)"
            f" VALUES (:prefix, :hash, :name, :username, :workspace, :role, :expires) RETURNING {COLUMNS}"
        ),
        {
            "prefix": prefix, "hash": digest(secret), "name": name, "username": username, "workspace": workspace,
            "role": role, "expires": expires_at,
        },
    ).one()  # fmt: skip
    return row, secret


def listed(connection: Connection, username: str | None = None) -> Sequence[Row[Any]]:
    """Keys that the connection may see, of one user or all, newest first."""
    return connection.execute(
        text(
            f"SELECT {COLUMNS} FROM api_keys WHERE CAST(:name AS text) IS NULL OR username = :name ORDER BY id DESC LIMIT 1000"
        ),
        {"name": username},
    ).all()


def revoke(connection: Connection, key_id: int | None = None, prefix: str | None = None) -> Row[Any] | None:
    """End a key; None where the connection sees none of that id or prefix."""
    return connection.execute(
        text(
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())"
            f" WHERE id = CAST(:id AS bigint) OR prefix = CAST(:prefix AS text) RETURNING {COLUMNS}"
        ),
        {"id": key_id, "prefix": prefix},
    ).one_or_none()


def caller_of(connection: Connection, secret: str) -> Caller | None:
    """Who a key stands for: its role, never more than its owner has there now. Notes the use, at most once a minute."""
    row = connection.execute(
        text(
            "SELECT k.id, k.prefix, k.username, k.workspace, k.role, k.last_used_at < now() - interval '1 minute' AS old,"
            " k.last_used_at IS NULL AS unused FROM api_keys AS k JOIN users AS u USING (username)"
            " WHERE k.key_hash = :hash AND k.revoked_at IS NULL AND u.disabled_at IS NULL"
            " AND (k.expires_at IS NULL OR k.expires_at > now())"
        ),
        {"hash": digest(secret)},
    ).one_or_none()
    if row is None:
        return None
    owner = connection.execute(
        text("SELECT workspace, role FROM memberships WHERE username = :name"), {"name": row.username}
    )
    grants = granted(Caller.of(row.username, {r.workspace: r.role for r in owner}), row.workspace, row.role)
    if not grants:
        return None
    if row.old or row.unused:
        connection.execute(text("UPDATE api_keys SET last_used_at = now() WHERE id = :id"), {"id": row.id})
    return Caller.of(row.username, grants, f"key {row.prefix}")


def granted(owner: Caller, workspace: str, role: Role) -> dict[str, Role]:
    """What a key of this workspace and role may do: the weaker of its role and its owner's, by workspace."""
    if workspace == EVERY:
        return {name: min(role, its, key=ROLES.index) for name, its in owner.grants}
    its_role = owner.role_in(workspace)
    return {workspace: min(role, its_role, key=ROLES.index)} if its_role else {}
