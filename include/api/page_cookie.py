"""Cookies that open pages of their own (``/dbt-docs``, ``/quality``): a browser sends no token with a page.

Signed, short-lived, sent with that page alone, and good for nothing else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from include.api.scope import Caller
from include.settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SECONDS = 8 * 3600


@dataclass(frozen=True)
class PageCookie:
    """The cookie of a page and all below it. ``audience`` is not the API's: the cookie is no token, a token no cookie."""

    name: str
    path: str
    audience: str

    def put(self, response: Response, settings: Settings, caller: Caller) -> None:
        """Give the caller's browser the cookie."""
        import jwt

        claims = {
            "aud": self.audience, "sub": caller.name, "sid": caller.session, "grants": dict(caller.grants),
            "exp": int(time.time()) + SECONDS,
        }  # fmt: skip
        value = jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")
        response.set_cookie(
            self.name, value, max_age=SECONDS, path=self.path, httponly=True, samesite="strict",
            secure=settings.public_url.startswith("https://"),
        )  # fmt: skip

    def read(self, settings: Settings, request: Request) -> Caller | None:
        """Who it was given to, as they were then; None where it is not ours or has ended."""
        import jwt

        value = request.cookies.get(self.name)
        if not value:
            return None
        try:
            claims = jwt.decode(
                value, settings.jwt_secret.get_secret_value(), algorithms=["HS256"], audience=self.audience
            )
        except jwt.InvalidTokenError:
            return None
        return Caller.of(claims["sub"], claims.get("grants", {}), claims.get("sid", ""))


DBT_DOCS = PageCookie("insightflow_docs", "/dbt-docs", "insightflow-dbt-docs")
QUALITY = PageCookie("insightflow_quality", "/quality", "insightflow-quality")


def log_in_for(request: Request) -> str:
    """The dashboard's address at which one logs in and comes back to the page that was asked for."""
    page = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/?view=docs&open={quote(page, safe='')}"
