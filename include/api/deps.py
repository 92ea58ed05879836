"""What routes ask for: the databases, and who is calling."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer

from include.api.auth import BadToken, read_token
from include.api.backends import Backends
from include.api.scope import Caller

_bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)


def get_backends(request: Request) -> Backends:
    """The databases of this app."""
    return cast(Backends, request.app.state.backends)


def get_caller(
    backends: Annotated[Backends, Depends(get_backends)], token: Annotated[str | None, Depends(_bearer)]
) -> Caller:
    """The caller of a valid token; 401 otherwise."""
    challenge = {"WWW-Authenticate": "Bearer"}
    if not token:
        raise HTTPException(401, "Log in first: POST /api/v1/auth/token, then send the token as Bearer.", challenge)
    try:
        return read_token(backends.settings, token)
    except BadToken as error:
        raise HTTPException(401, "The token has expired or is not ours. Log in again.", challenge) from error


def get_editor(caller: Annotated[Caller, Depends(get_caller)]) -> Caller:
    """A caller who may change things; 403 otherwise."""
    if not caller.may_edit:
        raise HTTPException(403, "A viewer may look only. Ask an admin for the role analyst.")
    return caller


Databases = Annotated[Backends, Depends(get_backends)]
CurrentCaller = Annotated[Caller, Depends(get_caller)]
Editor = Annotated[Caller, Depends(get_editor)]
