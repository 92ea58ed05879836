"""What routes ask for: the databases, and who is calling."""

from __future__ import annotations

from datetime import date
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


def check_range(date_from: date | None, date_to: date | None) -> None:
    """422 where a range ends before it begins."""
    if date_from and date_to and date_from > date_to:
        raise HTTPException(422, f"date_from {date_from} is after date_to {date_to}.")


def seen_workspace(caller: Caller, workspace: str | None) -> None:
    """404 for a workspace that is not the caller's; whether it exists is not told."""
    if workspace is not None and not caller.sees(workspace):
        raise HTTPException(404, f"There is no workspace {workspace} among yours.")


def one_workspace(backends: Backends, caller: Caller, wanted: str | None) -> str:
    """The workspace of a question that has one: money of several may be in several currencies."""
    from include.api.summary import default_workspace, visible_workspaces

    seen_workspace(caller, wanted)
    if wanted is not None:
        return wanted
    if len(caller.workspaces) == 1 and not caller.sees_all:
        return caller.workspaces[0]
    return default_workspace(backends, caller, visible_workspaces(backends, caller))
