"""``/api/v1/auth``: a password for a token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.security import OAuth2PasswordRequestForm

from include.api import auth
from include.api.deps import Databases
from include.api.problems import responses
from include.api.schemas import Token

router = APIRouter(prefix="/api/v1/auth", tags=["auth"], responses=responses(401, 422, 503))


@router.post("/token")
def log_in(databases: Databases, response: Response, form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token:
    """Trade user name and password for a token that carries the user's workspaces."""
    if form.username == databases.settings.admin_user:
        # PostgreSQL may have been away, or not migrated yet, when the API started.
        auth.ensure_admin(databases)
    caller = auth.authenticate(databases, form.username, form.password)
    if caller is None:
        raise HTTPException(401, "Wrong user name or password.", {"WWW-Authenticate": "Bearer"})
    response.headers["Cache-Control"] = "no-store"
    return Token(
        access_token=auth.make_token(databases.settings, caller),
        expires_in=auth.TOKEN_SECONDS,
        role=caller.role,
        workspaces=list(caller.workspaces),
    )
