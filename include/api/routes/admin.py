"""``/api/v1/admin``: users, roles and keys of the workspaces that the caller administers. PostgreSQL holds the scope."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Response

from include.api.access import keys, sessions, users
from include.api.access.schemas import Key, Membership, NewUser, User, UserChange
from include.api.backends import Backends
from include.api.deps import CurrentCaller, Databases, KnownCallers
from include.api.problems import responses
from include.api.scope import EVERY, Caller


async def get_admin(caller: CurrentCaller) -> Caller:
    """A caller who is admin somewhere; 403 otherwise."""
    if not caller.with_role("admin"):
        raise HTTPException(403, "Only an admin may do this.")
    return caller


Admin = Annotated[Caller, Depends(get_admin)]
Username = Annotated[str, Path(min_length=1, max_length=100)]
Workspace = Annotated[str, Path(min_length=1, max_length=100)]

router = APIRouter(prefix="/api/v1/admin", tags=["admin"], responses=responses(401, 403, 422, 503))


@router.get("/users")
def list_users(databases: Databases, caller: Admin) -> list[User]:
    """Users of the workspaces that one administers."""
    with databases.postgres(caller) as connection:
        return [User.model_validate(row) for row in users.listed(connection)]


@router.post("/users", status_code=201, responses=responses(409))
def add_user(databases: Databases, caller: Admin, wanted: NewUser) -> User:
    """A new user with a role in one workspace."""
    _administers(caller, wanted.workspace)
    try:
        with databases.postgres(caller) as connection:
            users.add(connection, wanted.username, wanted.password, wanted.workspace, wanted.role)
            return User.model_validate(users.listed(connection, wanted.username)[0])
    except users.UserError as error:
        raise HTTPException(409, str(error)) from error


@router.patch("/users/{username}", responses=responses(404, 409))
def change_user(
    databases: Databases, known: KnownCallers, caller: Admin, username: Username, change: UserChange
) -> User:
    """Set a password, disable or enable: of a user all of whose workspaces one administers."""
    with databases.postgres(caller) as connection:
        _found(users.listed(connection, username), username)
        if change.password is not None:
            _changeable(databases, username)
        done = change.password is None or users.set_password(connection, username, change.password)
        done = done and (change.disabled is None or users.set_disabled(connection, username, change.disabled))
        if not done:
            raise HTTPException(403, f"{username} has roles in workspaces that are not yours to administer.")
        changed = User.model_validate(users.listed(connection, username)[0])
    if change.password is not None or change.disabled:
        sessions.end_sessions(databases, username)
    known.forget()
    return changed


@router.delete("/users/{username}", status_code=204, responses=responses(404, 409))
def remove_user(databases: Databases, known: KnownCallers, caller: Admin, username: Username) -> Response:
    """Delete a user with sessions and keys: one all of whose workspaces one administers."""
    with databases.postgres(caller) as connection:
        _found(users.listed(connection, username), username)
        _changeable(databases, username)
        if not users.remove(connection, username):
            raise HTTPException(403, f"{username} has roles in workspaces that are not yours to administer.")
    known.forget()
    return Response(status_code=204)


@router.put("/users/{username}/workspaces/{workspace}", responses=responses(404, 409))
def grant_role(
    databases: Databases,
    known: KnownCallers,
    caller: Admin,
    username: Username,
    workspace: Workspace,
    membership: Membership,
) -> User:
    """Give a user a role in a workspace, in place of any other there.

    Only the installation's admin brings in a user who has no role in any workspace that the caller administers.
    """
    _administers(caller, workspace)
    if membership.role != "admin":
        _changeable(databases, username, workspace)
    try:
        with databases.postgres(caller) as connection:
            if not caller.administers(EVERY):  # whether such a user is elsewhere is not theirs to learn
                _found(users.listed(connection, username), username)
            users.grant(connection, username, workspace, membership.role)
            changed = User.model_validate(users.listed(connection, username)[0])
    except users.UserError as error:
        raise HTTPException(404, str(error)) from error
    known.forget()
    return changed


@router.delete("/users/{username}/workspaces/{workspace}", status_code=204, responses=responses(404, 409))
def withdraw_role(
    databases: Databases, known: KnownCallers, caller: Admin, username: Username, workspace: Workspace
) -> Response:
    """Take a user's role in a workspace."""
    _administers(caller, workspace)
    _changeable(databases, username, workspace)
    with databases.postgres(caller) as connection:
        if not users.withdraw(connection, username, workspace):
            raise HTTPException(404, f"{username} has no role in {workspace}.")
    known.forget()
    return Response(status_code=204)


@router.get("/keys")
def list_keys(databases: Databases, caller: Admin) -> list[Key]:
    """API keys of the workspaces that one administers, and one's own; never their secrets."""
    with databases.postgres(caller) as connection:
        return [Key.model_validate(row) for row in keys.listed(connection)]


@router.delete("/keys/{key_id}", responses=responses(404))
def revoke_key(
    databases: Databases, known: KnownCallers, caller: Admin, key_id: Annotated[int, Path(ge=1, le=2**63 - 1)]
) -> Key:
    """End a key of a workspace that one administers."""
    with databases.postgres(caller) as connection:
        row = keys.revoke(connection, key_id)
    if row is None:
        raise HTTPException(404, f"There is no key {key_id} in your workspaces.")
    known.forget()
    return Key.model_validate(row)


def _administers(caller: Caller, workspace: str) -> None:
    if not caller.administers(workspace):
        raise HTTPException(403, f"You are not an admin of {workspace}.")


def _changeable(databases: Backends, username: str, workspace: str | None = None) -> None:
    try:
        users.check_changeable(databases.settings, username, workspace)
    except users.OfSettings as error:
        raise HTTPException(409, str(error)) from error


def _found(rows: object, username: str) -> None:
    if not rows:
        raise HTTPException(404, f"There is no user {username} in your workspaces.")
