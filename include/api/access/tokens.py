"""Access tokens: short-lived JWT (HS256) that name the user, the log-in and the roles by workspace."""

from __future__ import annotations

import time
from typing import Any

from include.api.scope import ROLES, Caller
from include.settings import Settings

ISSUER = "insightflow"
AUDIENCE = "insightflow-api"


class BadToken(Exception):
    """The token is not one of ours, or has expired or been revoked."""


def make_token(settings: Settings, caller: Caller, seconds: int | None = None) -> str:
    """A signed token of the caller, for ``access_token_minutes`` unless told otherwise."""
    import jwt

    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": caller.name,
        "sid": caller.session,
        "grants": dict(caller.grants),
        "iat": now,
        "exp": now + (settings.access_token_minutes * 60 if seconds is None else seconds),
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


def read_token(settings: Settings, token: str) -> tuple[Caller, int]:
    """The caller of a token as it was issued, and when it expires (Unix seconds). Raises ``BadToken``."""
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
        grants = {str(name): role for name, role in claims["grants"].items() if role in ROLES}
        return Caller.of(str(claims["sub"]), grants, str(claims.get("sid", ""))), int(claims["exp"])
    except (jwt.InvalidTokenError, KeyError, TypeError, AttributeError) as error:
        raise BadToken(str(error)) from error
