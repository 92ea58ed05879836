"""Passwords (argon2) and short-lived tokens (JWT, HS256)."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from include.api.backends import Backends
from include.api.scope import EVERY, Caller
from include.settings import Settings

if TYPE_CHECKING:
    from argon2 import PasswordHasher

TOKEN_SECONDS = 8 * 3600
ISSUER = "insightflow"
AUDIENCE = "insightflow-api"


class BadToken(Exception):
    """The token is not one of ours, or has expired."""


def ensure_admin(backends: Backends) -> None:
    """Make the user that the settings name, or give it the settings' password. Raises ``Unavailable``."""
    from sqlalchemy import text

    settings = backends.settings
    password = settings.admin_password.get_secret_value()
    with backends.postgres() as connection:
        known = connection.execute(
            text("SELECT password_hash FROM users WHERE username = :name"), {"name": settings.admin_user}
        ).scalar()
        if known is not None and _verify(known, password):
            return
        connection.execute(
            text(
                "INSERT INTO users (username, password_hash, role, workspaces)"
                " VALUES (:name, :hash, 'admin', ARRAY[:every])"
                " ON CONFLICT (username) DO UPDATE SET password_hash = excluded.password_hash"
            ),
            {"name": settings.admin_user, "hash": hash_password(password), "every": EVERY},
        )


def authenticate(backends: Backends, name: str, password: str) -> Caller | None:
    """The user of this name and password, or None. Takes as long for a name that does not exist."""
    from sqlalchemy import text

    with backends.postgres() as connection:
        row = connection.execute(
            text(
                "SELECT username, password_hash, role, workspaces FROM users"
                " WHERE username = :name AND disabled_at IS NULL"
            ),
            {"name": name},
        ).one_or_none()
    if row is None:
        _verify(_nobody(), password)
        return None
    if not _verify(row.password_hash, password):
        return None
    return Caller(row.username, row.role, tuple(row.workspaces))


def make_token(settings: Settings, caller: Caller, seconds: int = TOKEN_SECONDS) -> str:
    """A signed token that says who the caller is and which workspaces they see."""
    import jwt

    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": caller.name,
        "role": caller.role,
        "workspaces": list(caller.workspaces),
        "iat": now,
        "exp": now + seconds,
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


def read_token(settings: Settings, token: str) -> Caller:
    """The caller of a token. Raises ``BadToken``."""
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            settings.jwt_secret.get_secret_value(),
            algorithms=["HS256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "sub", "iss", "aud"]},
        )
        return Caller(str(claims["sub"]), claims["role"], tuple(str(name) for name in claims["workspaces"]))
    except (jwt.InvalidTokenError, KeyError, TypeError) as error:
        raise BadToken(str(error)) from error


def hash_password(password: str) -> str:
    """Argon2id hash with its salt and parameters."""
    return _hasher().hash(password)


def _verify(known: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(known, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hash_password("nobody has this password")
