"""users, keys: who may use the API and the dashboard, and what they may do in which workspace."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from include.cli.output import fail, say, show

if TYPE_CHECKING:
    from include.api.backends import Backends
    from include.api.scope import Role

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Workspace = Annotated[str, typer.Option("--workspace", "-w", help="A workspace, or '*' for every one.")]
RoleName = Annotated[str, typer.Option("--role", "-r", help="viewer, analyst or admin.")]
Username = Annotated[str, typer.Argument(help="The user.")]
Password = Annotated[
    str | None, typer.Option("--password", envvar="INSIGHTFLOW_USER_PASSWORD", help="Without one it is made and shown.")
]

users_app = typer.Typer(no_args_is_help=True, help="Users of the API and the dashboard, and their roles.")
keys_app = typer.Typer(no_args_is_help=True, help="API keys for scripts and assistants.")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(users_app, name="users")
    app.add_typer(keys_app, name="keys")


@users_app.command("list")
def list_users(as_json: Json = False) -> None:
    """All users with their roles by workspace."""
    from include.api.access import users

    with _backends().identity() as connection:
        rows = [dict(row._mapping) for row in users.listed(connection)]
    if not as_json:
        rows = [row | {"roles": ", ".join(f"{w}: {r}" for w, r in sorted(row["roles"].items()))} for row in rows]
    show(rows, as_json, empty="no users")


@users_app.command("add")
def add_user(username: Username, workspace: Workspace, role: RoleName = "viewer", password: Password = None) -> None:
    """A new user with a role in a workspace."""
    from include.api.access import users

    made = password or secrets.token_urlsafe(12)
    with _backends().identity() as connection:
        users.add(connection, username, made, workspace, _role(role))
    say(f"{username} is {role} of {workspace}" + ("" if password else f", password {made}"))
    _say_if_empty(workspace)


@users_app.command("grant")
def grant(username: Username, workspace: Workspace, role: RoleName = "viewer") -> None:
    """Give a user a role in a workspace, in place of any other there."""
    from include.api.access import users

    if _role(role) != "admin":
        _changeable(username, workspace)
    with _backends().identity() as connection:
        users.grant(connection, username, workspace, _role(role))
    say(f"{username} is {role} of {workspace}")
    _say_if_empty(workspace)


@users_app.command("withdraw")
def withdraw(username: Username, workspace: Workspace) -> None:
    """Take a user's role in a workspace."""
    from include.api.access import users

    _changeable(username, workspace)
    with _backends().identity() as connection:
        done = users.withdraw(connection, username, workspace)
    say(f"{username} has no role in {workspace} any more") if done else fail(f"{username} has no role in {workspace}")


@users_app.command("password")
def set_password(username: Username, password: Password = None) -> None:
    """Set a password; every session of the user ends."""
    from include.api.access import sessions, users

    _changeable(username)
    made = password or secrets.token_urlsafe(12)
    with _backends().identity() as connection:
        done = users.set_password(connection, username, made)
        sessions.revoke_sessions(connection, username)
    if not done:
        fail(f"there is no user {username}; `insightflow users list` shows them")
    say(f"{username} has a new password" + ("" if password else f": {made}"))


@users_app.command("disable")
def disable(username: Username) -> None:
    """Refuse a user, who keeps their roles."""
    _disabled(username, True)


@users_app.command("enable")
def enable(username: Username) -> None:
    """Let a user in again."""
    _disabled(username, False)


@users_app.command("remove")
def remove(username: Username) -> None:
    """Delete a user with sessions and keys."""
    from include.api.access import users

    _changeable(username)
    with _backends().identity() as connection:
        done = users.remove(connection, username)
    say(f"{username} is removed") if done else fail(f"there is no user {username}")


@keys_app.command("list")
def list_keys(as_json: Json = False) -> None:
    """All API keys: whose, for what, when last used."""
    from include.api.access import keys

    with _backends().identity() as connection:
        show([dict(row._mapping) for row in keys.listed(connection)], as_json, empty="no keys")


@keys_app.command("create")
def create_key(
    username: Annotated[str, typer.Option("--user", "-u", help="Whose it is.")],
    workspace: Workspace,
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    role: RoleName = "viewer",
    days: Annotated[int | None, typer.Option("--days", min=1, help="Until it expires.")] = None,
) -> None:
    """A new key, shown once."""
    from include.api.access import keys, sessions
    from include.api.scope import EVERY, Caller

    with _backends().identity() as connection:
        owner = Caller.of(username, sessions.grants_of(connection, username))
        # Of every workspace only for who has a role in every one: else it would grow with its owner's roles.
        if owner.role_in(workspace) is None:
            place = "every workspace" if workspace == EVERY else workspace
            fail(f"{username} has no role in {place}; give one with `insightflow users grant`")
        expires = datetime.now(UTC) + timedelta(days=days) if days else None
        _, secret = keys.create(connection, username, name, workspace, _role(role), expires)
    say(secret)


@keys_app.command("revoke")
def revoke_key(
    prefix: Annotated[str, typer.Argument(help="The key's first letters, as `keys list` shows them.")],
) -> None:
    """End a key."""
    from include.api.access import keys

    with _backends().identity() as connection:
        row = keys.revoke(connection, prefix=prefix)
    say(f"{row.prefix} ({row.name}) is revoked") if row else fail(f"there is no key {prefix}")


def _disabled(username: str, disabled: bool) -> None:
    from include.api.access import sessions, users

    with _backends().identity() as connection:
        done = users.set_disabled(connection, username, disabled)
        if disabled:
            sessions.revoke_sessions(connection, username)
    if not done:
        fail(f"there is no user {username}; `insightflow users list` shows them")
    say(f"{username} is {'disabled' if disabled else 'enabled'}")


def _changeable(username: str, workspace: str | None = None) -> None:
    from include.api.access import users
    from include.settings import get_settings

    users.check_changeable(get_settings(), username, workspace)


def _role(name: str) -> Role:
    from include.api.scope import ROLES

    for role in ROLES:
        if role == name:
            return role
    raise typer.BadParameter(f"a role is {', '.join(ROLES)}, not {name}")


def _backends() -> Backends:
    from include.api.backends import Backends

    return Backends()


def _say_if_empty(workspace: str) -> None:
    """Say that nothing has arrived in a workspace: its name may be mistyped. Not where the warehouse is away."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from include.api.scope import EVERY
    from include.cli.look_commands import query

    if workspace == EVERY:
        return
    try:
        there = [row["workspace"] for row in query("SELECT DISTINCT workspace FROM ops.file_ledger ORDER BY workspace")]
    except (ClickHouseError, OSError):
        return
    if workspace not in there:
        known = f"; those with files are {', '.join(there)}" if there else ""
        say(f"note: nothing has arrived in workspace {workspace} yet{known}")
