"""What routes ask for: the databases, and who is calling."""

from __future__ import annotations

from datetime import date
from typing import Annotated, cast

from fastapi import Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer

from include.api.access.resolve import Resolver
from include.api.access.tokens import BadToken
from include.api.backends import Backends
from include.api.parameters import UnknownName, refuse_unknown
from include.api.scope import EVERY, Caller

CHALLENGE = {"WWW-Authenticate": "Bearer"}
_bearer = OAuth2PasswordBearer(
    tokenUrl="/api/v1/auth/token", refreshUrl="/api/v1/auth/refresh", auto_error=False, scheme_name="token"
)
_key = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key", description="or as Bearer")


async def get_backends(request: Request) -> Backends:
    """The databases of this app. Not blocking: a plain function would cost each request a thread."""
    return cast(Backends, request.app.state.backends)


async def get_resolver(request: Request) -> Resolver:
    """What this app knows of tokens and keys."""
    return cast(Resolver, request.app.state.resolver)


async def get_caller(
    request: Request,
    resolver: Annotated[Resolver, Depends(get_resolver)],
    token: Annotated[str | None, Depends(_bearer)],
    key: Annotated[str | None, Depends(_key)],
) -> Caller:
    """The caller of a valid token or key; 401 otherwise. Who is known is told of parameters that the route has not."""
    secret = key or token
    if not secret:
        raise HTTPException(401, "Log in first: POST /api/v1/auth/token, then send the token as Bearer.", CHALLENGE)
    try:
        caller = resolver.quick(secret)
        if caller is None:
            caller = await run_in_threadpool(resolver.caller, secret)
    except BadToken as error:
        raise HTTPException(401, "The token has expired or is not ours. Log in again.", CHALLENGE) from error
    request.state.caller = caller.name
    refuse_unknown(request)
    return caller


Databases = Annotated[Backends, Depends(get_backends)]
CurrentCaller = Annotated[Caller, Depends(get_caller)]
KnownCallers = Annotated[Resolver, Depends(get_resolver)]


def check_range(date_from: date | None, date_to: date | None) -> None:
    """422 where a range ends before it begins."""
    if date_from and date_to and date_from > date_to:
        raise HTTPException(422, f"date_from {date_from} is after date_to {date_to}.")


def seen_workspace(caller: Caller, workspace: str | None) -> None:
    """404 for a workspace that is not the caller's; whether it exists is not told."""
    if workspace is not None and not caller.sees(workspace):
        raise HTTPException(404, f"There is no workspace {workspace} among yours.")


def refuse_every(backends: Backends, caller: Caller, wanted: str | None) -> None:
    """Raises ``UnknownName`` where all workspaces are asked for at once: their money may be in several currencies."""
    from include.api.summary import visible_workspaces

    if wanted == EVERY:
        names = ", ".join(visible_workspaces(backends, caller)) or "none has data yet"
        raise UnknownName(f"workspace {EVERY} is all of them, whose money is not added; name one of yours: {names}")


def one_workspace(backends: Backends, caller: Caller, wanted: str | None) -> str:
    """The workspace of a question that has one. Raises ``UnknownName``."""
    from include.api.summary import default_workspace, visible_workspaces

    seen_workspace(caller, wanted)
    refuse_every(backends, caller, wanted)
    if wanted is not None:
        return wanted
    if len(caller.workspaces) == 1 and not caller.sees_all:
        return caller.workspaces[0]
    return default_workspace(backends, caller, visible_workspaces(backends, caller))
