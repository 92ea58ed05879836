"""``/api/v1/auth``: a password for tokens, refreshing and ending a session, one's own password and keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, HTTPException, Path, Query, Request, Response
from fastapi.security import OAuth2PasswordRequestForm

from include.api.access import keys, sessions, users
from include.api.access.schemas import Key, MadeKey, Me, NewKey, PasswordChange, Token
from include.api.access.tokens import make_token
from include.api.backends import Backends
from include.api.deps import CHALLENGE, CurrentCaller, Databases, KnownCallers
from include.api.limits import Limits
from include.api.problems import responses
from include.api.scope import EVERY, ROLES, Caller

router = APIRouter(prefix="/api/v1/auth", tags=["auth"], responses=responses(401, 422, 429, 503))

COOKIE = "insightflow_refresh"
COOKIE_PATH = "/api/v1/auth"
CookieToken = Annotated[str | None, Cookie(alias=COOKIE, include_in_schema=False)]
_TOKEN = {"type": "object", "properties": {"refresh_token": {"type": "string", "maxLength": 200}}}
TOKEN_BODY = {
    "requestBody": {
        "required": False,
        "description": "the refresh token; without a body the one in the cookie",
        "content": {"application/x-www-form-urlencoded": {"schema": _TOKEN}, "application/json": {"schema": _TOKEN}},
    }
}


async def given_token(request: Request) -> str | None:
    """The refresh token of a form, as OAuth2 has it, or of a JSON document; None where there is neither."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    if int(request.headers.get("content-length") or 0) > 4096:
        raise HTTPException(422, "A refresh token is shorter than that.")
    if kind == "application/x-www-form-urlencoded":
        found = (await request.form()).get("refresh_token")
    elif kind == "application/json":
        try:
            document = await request.json()
        except ValueError as error:
            raise HTTPException(422, "The body is not JSON.") from error
        found = document.get("refresh_token") if isinstance(document, dict) else None
    else:
        found = None
    if found is not None and (not isinstance(found, str) or len(found) > 200):
        raise HTTPException(422, "refresh_token is a text of 200 characters at most.")
    return found


GivenToken = Annotated[str | None, Depends(given_token)]
KeyId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.post("/token")
def log_in(
    request: Request,
    databases: Databases,
    response: Response,
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    cookie: Annotated[bool, Query(description="put the refresh token into a cookie, for browsers")] = False,
) -> Token:
    """Trade user name and password for a short-lived access token and a refresh token."""
    limits: Limits = request.app.state.limits
    who = f"{request.client.host if request.client else ''} {form.username}"
    try:
        with limits.log_in(who, wrong=sessions.Refused):
            if form.username == databases.settings.admin_user:
                # PostgreSQL may have been away, or not migrated yet, when the API started.
                sessions.ensure_admin(databases)
            caller, refresh = sessions.log_in(databases, form.username, form.password)
    except sessions.Refused as error:
        raise HTTPException(401, str(error), CHALLENGE) from error
    return _token(databases, response, caller, refresh, cookie)


@router.post("/refresh", openapi_extra=TOKEN_BODY)
def refresh(databases: Databases, response: Response, refresh_token: GivenToken, kept: CookieToken = None) -> Token:
    """Trade a refresh token, from the body or the cookie, for a new pair. Each is good once."""
    token = refresh_token or kept
    try:
        if not token:
            raise sessions.Refused("There is no refresh token. Log in.")
        caller, following = sessions.refresh(databases, token)
    except sessions.Refused as error:
        raise HTTPException(401, str(error), CHALLENGE) from error
    return _token(databases, response, caller, following, cookie=refresh_token is None)


@router.post("/logout", status_code=204, openapi_extra=TOKEN_BODY)
def log_out(databases: Databases, known: KnownCallers, refresh_token: GivenToken, kept: CookieToken = None) -> Response:
    """End the session of a refresh token, its access tokens included."""
    if token := refresh_token or kept:
        sessions.log_out(databases, token)
        known.forget()
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path=COOKIE_PATH)
    return response


@router.get("/me")
def me(caller: CurrentCaller) -> Me:
    """Who the token or key stands for, and the roles by workspace."""
    return Me(username=caller.name, roles=dict(caller.grants), workspaces=list(caller.workspaces))


@router.post("/password", status_code=204, responses=responses(403, 409))
def change_password(
    request: Request, databases: Databases, known: KnownCallers, caller: CurrentCaller, change: PasswordChange
) -> Response:
    """Set one's own password. Every session ends. The settings' own admin has theirs from the settings: 409."""
    if caller.session.startswith("key "):
        raise HTTPException(403, "A key may not change a password. Log in.")
    limits: Limits = request.app.state.limits
    try:
        with limits.log_in(caller.name, wrong=sessions.Refused):
            sessions.change_password(databases, caller.name, change.current_password, change.new_password)
    except users.OfSettings as error:
        raise HTTPException(409, str(error)) from error
    except sessions.Refused as error:
        raise HTTPException(403, str(error)) from error
    known.forget()
    return Response(status_code=204)


@router.get("/keys")
def list_keys(databases: Databases, caller: CurrentCaller) -> list[Key]:
    """One's own API keys, newest first."""
    with databases.postgres(caller) as connection:
        return [Key.model_validate(row) for row in keys.listed(connection, caller.name)]


@router.post("/keys", status_code=201, responses=responses(403))
def create_key(databases: Databases, response: Response, caller: CurrentCaller, wanted: NewKey) -> MadeKey:
    """A new API key for one workspace (``*``: all of one's own), with no more than one's own role there."""
    if caller.session.startswith("key "):
        raise HTTPException(403, "A key may not make keys. Log in.")
    own = max((r for _, r in caller.grants), key=ROLES.index, default=None)
    role = own if wanted.workspace == EVERY else caller.role_in(wanted.workspace)
    if wanted.workspace == EVERY and not caller.sees_all:
        raise HTTPException(403, "Name the workspace of the key: yours are " + ", ".join(caller.workspaces) + ".")
    if role is None or ROLES.index(wanted.role) > ROLES.index(role):
        raise HTTPException(403, f"Your role in {wanted.workspace} is {role or 'none'}: a key may have no more.")
    expires = datetime.now(UTC) + timedelta(days=wanted.expires_in_days) if wanted.expires_in_days else None
    with databases.postgres(caller) as connection:
        row, secret = keys.create(connection, caller.name, wanted.name, wanted.workspace, wanted.role, expires)
    response.headers["Cache-Control"] = "no-store"
    return MadeKey(**Key.model_validate(row).model_dump(), key=secret)


@router.delete("/keys/{key_id}", responses=responses(404))
def revoke_key(databases: Databases, known: KnownCallers, caller: CurrentCaller, key_id: KeyId) -> Key:
    """End one of one's own keys, or of a workspace that one administers."""
    with databases.postgres(caller) as connection:
        row = keys.revoke(connection, key_id)
    if row is None:
        raise HTTPException(404, f"There is no key {key_id} of yours.")
    known.forget()
    return Key.model_validate(row)


def _token(databases: Backends, response: Response, caller: Caller, refresh: str, cookie: bool) -> Token:
    settings = databases.settings
    response.headers["Cache-Control"] = "no-store"
    if cookie:
        response.set_cookie(
            COOKIE, refresh, max_age=settings.refresh_token_days * 86_400, path=COOKIE_PATH, httponly=True,
            samesite="strict", secure=settings.public_url.startswith("https://"),
        )  # fmt: skip
    return Token(
        access_token=make_token(settings, caller),
        expires_in=settings.access_token_minutes * 60,
        refresh_token=None if cookie else refresh,
        role=max((role for _, role in caller.grants), key=ROLES.index, default=None),
        workspaces=list(caller.narrowed(None)),
        roles=dict(caller.grants),
    )
