"""The cookie that opens ``/dbt-docs``: signed, short-lived, sent with that page alone, and good for nothing else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from include.settings import Settings

if TYPE_CHECKING:
    from starlette.responses import Response

    from include.api.scope import Caller

COOKIE = "insightflow_docs"
PATH = "/dbt-docs"
SECONDS = 8 * 3600
# Not the API's audience: the cookie is no token, and a token is no cookie.
AUDIENCE = "insightflow-dbt-docs"


def put(response: Response, settings: Settings, caller: Caller) -> None:
    """Give the caller's browser the cookie."""
    import jwt

    claims = {"aud": AUDIENCE, "sub": caller.name, "exp": int(time.time()) + SECONDS}
    value = jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")
    response.set_cookie(
        COOKIE, value, max_age=SECONDS, path=PATH, httponly=True, samesite="strict",
        secure=settings.public_url.startswith("https://"),
    )  # fmt: skip


def is_valid(settings: Settings, value: str | None) -> bool:
    """Whether the cookie is ours and has not ended."""
    import jwt

    if not value:
        return False
    try:
        jwt.decode(value, settings.jwt_secret.get_secret_value(), algorithms=["HS256"], audience=AUDIENCE)
    except jwt.InvalidTokenError:
        return False
    return True
