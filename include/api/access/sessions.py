"""Log-ins: a password for an access and a refresh token; refresh tokens are used once and replaced."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from include.api.access.digest import digest
from include.api.access.passwords import hash_password, verify
from include.api.access.users import check_changeable
from include.api.backends import Backends
from include.api.scope import EVERY, Caller

# Two tabs that refresh at once are no theft: so soon after its use a token is refused, and the log-in goes on.
GRACE_SECONDS = 10


class Refused(Exception):
    """The log-in or the refresh token is not good; the message says no more than a stranger may know."""


def ensure_admin(backends: Backends) -> None:
    """Make the user that the settings name, with the settings' password and the role of admin of every workspace.

    The settings alone decide these: ``users.check_changeable`` refuses what would change them elsewhere. Whether the
    user is disabled is left as it is. Raises ``Unavailable``.
    """
    settings = backends.settings
    password = settings.admin_password.get_secret_value()
    who = {"name": settings.admin_user, "every": EVERY}
    with backends.identity() as connection:
        known = connection.execute(
            text(
                "SELECT u.password_hash, m.role FROM users AS u LEFT JOIN memberships AS m"
                " ON m.username = u.username AND m.workspace = :every WHERE u.username = :name"
            ),
            who,
        ).one_or_none()
    # Hashing takes long on purpose: not while a connection is held.
    same = known is not None and verify(known.password_hash, password)
    if known is not None and same and known.role == "admin":
        return
    made = None if same else hash_password(password)
    with backends.identity() as connection:
        if made is not None:
            connection.execute(
                text(
                    "INSERT INTO users (username, password_hash) VALUES (:name, :hash)"
                    " ON CONFLICT (username) DO UPDATE SET password_hash = excluded.password_hash"
                ),
                who | {"hash": made},
            )
            # Of another password than before: what was logged in by the old one ends, as with any user's change.
            revoke_sessions(connection, settings.admin_user)
        connection.execute(
            text(
                "INSERT INTO memberships (username, workspace, role) VALUES (:name, :every, 'admin')"
                " ON CONFLICT (username, workspace) DO UPDATE SET role = 'admin'"
            ),
            who,
        )


def log_in(backends: Backends, name: str, password: str) -> tuple[Caller, str]:
    """The user and a refresh token of a new log-in. Raises ``Refused``; as slowly for a name that does not exist."""
    with backends.identity() as connection:
        known = connection.execute(
            text("SELECT password_hash FROM users WHERE username = :name AND disabled_at IS NULL"), {"name": name}
        ).scalar()
    # Hashing takes long on purpose: not while a connection is held.
    if not verify(known, password):
        raise Refused("Wrong user name or password.")
    with backends.identity() as connection:
        family = str(uuid.uuid4())
        _forget_old(connection, name)
        return Caller.of(name, grants_of(connection, name), family), _issue(connection, backends, name, family)


def refresh(backends: Backends, token: str) -> tuple[Caller, str]:
    """The user and the next refresh token. One that is used a second time revokes its whole log-in. Raises ``Refused``."""
    with backends.identity() as connection:
        row = connection.execute(
            text(
                "SELECT t.username, t.family, t.revoked_at, u.disabled_at, t.expires_at < now() AS expired,"
                " t.used_at IS NOT NULL AS used, t.used_at < now() - make_interval(secs => :grace) AS stolen"
                " FROM refresh_tokens AS t JOIN users AS u USING (username) WHERE t.token_hash = :hash FOR UPDATE OF t"
            ),
            {"hash": digest(token), "grace": GRACE_SECONDS},
        ).one_or_none()
        if row is None or row.revoked_at or row.expired or row.disabled_at:
            refused = True
        elif row.used:
            refused = True
            if row.stolen:
                revoke_family(connection, str(row.family))
        else:
            refused = False
            connection.execute(
                text("UPDATE refresh_tokens SET used_at = now() WHERE token_hash = :hash"),
                {"hash": digest(token)},
            )
            caller = Caller.of(row.username, grants_of(connection, row.username), str(row.family))
            following = _issue(connection, backends, row.username, str(row.family))
    if refused:
        raise Refused("The session has ended. Log in again.")
    return caller, following


def log_out(backends: Backends, token: str) -> None:
    """Revoke the log-in of a refresh token; one that is not known changes nothing."""
    with backends.identity() as connection:
        family = connection.execute(
            text("SELECT family FROM refresh_tokens WHERE token_hash = :hash"), {"hash": digest(token)}
        ).scalar()
        if family:
            revoke_family(connection, str(family))


def change_password(backends: Backends, name: str, current: str, new: str) -> None:
    """Set one's own password; every log-in of the user ends. Raises ``Refused``, ``OfSettings``."""
    check_changeable(backends.settings, name)
    with backends.identity() as connection:
        known = connection.execute(text("SELECT password_hash FROM users WHERE username = :n"), {"n": name}).scalar()
    if not verify(known, current):
        raise Refused("The current password is wrong.")
    made = hash_password(new)
    with backends.identity() as connection:
        connection.execute(text("UPDATE users SET password_hash = :h WHERE username = :n"), {"h": made, "n": name})
        revoke_sessions(connection, name)


def revoke_family(connection: Connection, family: str) -> None:
    """End one log-in."""
    connection.execute(
        text("UPDATE refresh_tokens SET revoked_at = now() WHERE family = :family AND revoked_at IS NULL"),
        {"family": family},
    )


def revoke_sessions(connection: Connection, name: str) -> None:
    """End every log-in of a user."""
    connection.execute(
        text("UPDATE refresh_tokens SET revoked_at = now() WHERE username = :name AND revoked_at IS NULL"),
        {"name": name},
    )


def end_sessions(backends: Backends, name: str) -> None:
    """End every log-in of a user that an admin has just changed."""
    with backends.identity() as connection:
        revoke_sessions(connection, name)


def grants_of(connection: Connection, name: str) -> dict[str, Any]:
    """Role by workspace."""
    rows = connection.execute(text("SELECT workspace, role FROM memberships WHERE username = :n"), {"n": name})
    return {row.workspace: row.role for row in rows}


def _issue(connection: Connection, backends: Backends, name: str, family: str) -> str:
    token = secrets.token_urlsafe(32)
    connection.execute(
        text(
            "INSERT INTO refresh_tokens (token_hash, family, username, expires_at)"
            " VALUES (:hash, :family, :name, now() + make_interval(days => :days))"
        ),
        {"hash": digest(token), "family": family, "name": name, "days": backends.settings.refresh_token_days},
    )
    return token


def _forget_old(connection: Connection, name: str) -> None:
    connection.execute(
        text("DELETE FROM refresh_tokens WHERE username = :name AND expires_at < now() - interval '1 day'"),
        {"name": name},
    )
