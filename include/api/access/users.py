"""Users and their roles, for the command line and the admin's routes: the connection decides whom it sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError, ProgrammingError

from include.api.access.passwords import SHORTEST, hash_password
from include.api.scope import EVERY, Role
from include.settings import Settings

_SELECT = """
SELECT u.username, u.created_at, u.disabled_at,
       coalesce(jsonb_object_agg(m.workspace, m.role) FILTER (WHERE m.workspace IS NOT NULL), '{}') AS roles
FROM users AS u LEFT JOIN memberships AS m USING (username)
WHERE CAST(:name AS text) IS NULL OR u.username = :name
GROUP BY u.username, u.created_at, u.disabled_at ORDER BY u.username LIMIT 1000
"""


class UserError(ValueError):
    """What is asked cannot be done; the message says why, for people."""


class OfSettings(UserError):
    """The user whom the settings name: password, role and place are the settings' to give."""


def check_changeable(settings: Settings, name: str, workspace: str | None = None) -> None:
    """Raises ``OfSettings`` for the settings' own admin; with a workspace only for the role in all of them.

    Each start of the API, and each of their log-ins, makes this user as the settings have it: a change here would be
    confirmed now and undone a moment later. They can be disabled, which stays.
    """
    if name == settings.admin_user and workspace in (None, EVERY):
        raise OfSettings(
            f"{name} is the admin of the settings: set INSIGHTFLOW_ADMIN_PASSWORD, or name somebody else in"
            " INSIGHTFLOW_ADMIN_USER, and start the services again. Until then they can be disabled"
            f" (`insightflow users disable {name}`)."
        )


def listed(connection: Connection, name: str | None = None) -> Sequence[Row[Any]]:
    """Users with their roles by workspace, as far as the connection sees them."""
    return connection.execute(text(_SELECT), {"name": name}).all()


def add(connection: Connection, name: str, password: str, workspace: str, role: Role) -> None:
    """A new user with a first role. Raises ``UserError``."""
    check_password(password)
    try:
        connection.execute(
            text("INSERT INTO users (username, password_hash) VALUES (:name, :hash)"),
            {"name": name, "hash": hash_password(password)},
        )
    except IntegrityError as error:
        raise UserError(
            f"The name {name} is taken. Choose another, or have an admin of theirs give them a role here."
        ) from error
    grant(connection, name, workspace, role)


def grant(connection: Connection, name: str, workspace: str, role: Role) -> None:
    """Give a role in a workspace, in place of any other there. Raises ``UserError``."""
    try:
        connection.execute(
            text(
                "INSERT INTO memberships (username, workspace, role) VALUES (:name, :workspace, :role)"
                " ON CONFLICT (username, workspace) DO UPDATE SET role = excluded.role"
            ),
            {"name": name, "workspace": workspace, "role": role},
        )
    except IntegrityError as error:
        raise UserError(f"There is no user {name}.") from error
    except ProgrammingError as error:  # row-level security
        raise UserError(f"The workspace {workspace} is not yours to administer.") from error


def withdraw(connection: Connection, name: str, workspace: str) -> bool:
    """Take the role in a workspace; False where there was none."""
    done = connection.execute(
        text("DELETE FROM memberships WHERE username = :name AND workspace = :workspace"),
        {"name": name, "workspace": workspace},
    )
    return bool(done.rowcount)


def set_password(connection: Connection, name: str, password: str) -> bool:
    """Set a password; False where the connection may change no such user. Raises ``UserError``."""
    check_password(password)
    done = connection.execute(
        text("UPDATE users SET password_hash = :hash WHERE username = :name"),
        {"name": name, "hash": hash_password(password)},
    )
    return bool(done.rowcount)


def set_disabled(connection: Connection, name: str, disabled: bool) -> bool:
    """Disable a user, who keeps their roles, or enable them again; False where the connection may not."""
    done = connection.execute(
        text(
            "UPDATE users SET disabled_at = CASE WHEN :disabled THEN coalesce(disabled_at, now()) END"
            " WHERE username = :name"
        ),
        {"name": name, "disabled": disabled},
    )
    return bool(done.rowcount)


def remove(connection: Connection, name: str) -> bool:
    """Delete a user with sessions and keys; False where the connection may not."""
    return bool(connection.execute(text("DELETE FROM users WHERE username = :name"), {"name": name}).rowcount)


def check_password(password: str) -> None:
    """Raises ``UserError`` for one that is too short."""
    if len(password) < SHORTEST:
        raise UserError(f"A password has at least {SHORTEST} characters.")
