"""What the routes of log-in, keys and users give and take."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from include.api.access.passwords import LONGEST, SHORTEST
from include.api.scope import Role


def _plain(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("a name without control characters, and without spaces at its ends")
    return name


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain)]
Password = Annotated[str, Field(min_length=SHORTEST, max_length=LONGEST)]


class Token(BaseModel):
    """OAuth2 token response."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="seconds")
    refresh_token: str | None = Field(description="to be used once; null where it went into a cookie")
    role: Role | None = Field(description="the strongest of all workspaces")
    workspaces: list[str] = Field(description='["*"] is every workspace')
    roles: dict[str, Role] = Field(description="by workspace")


class Me(BaseModel):
    """Who the token or key stands for."""

    username: str
    roles: dict[str, Role]
    workspaces: list[str]


class PasswordChange(BaseModel):
    """One's own password."""

    model_config = ConfigDict(extra="forbid")

    current_password: str = Field(max_length=LONGEST)
    new_password: Password


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="what it is for")
    workspace: Name
    role: Role = "viewer"
    expires_in_days: int | None = Field(None, ge=1, le=3650)


class Key(BaseModel):
    """A key without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    prefix: str
    name: str
    username: str
    workspace: str
    role: Role
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None = Field(description="to the minute")
    revoked_at: dt.datetime | None


class MadeKey(Key):
    """A new key; `key` is shown this once."""

    key: str


class NewUser(BaseModel):
    """A user to be made, with a first role."""

    model_config = ConfigDict(extra="forbid")

    username: Name
    password: Password
    workspace: Name
    role: Role = "viewer"


class UserChange(BaseModel):
    """What an admin of all of a user's workspaces may set."""

    model_config = ConfigDict(extra="forbid")

    password: Password | None = None
    disabled: bool | None = None


class Membership(BaseModel):
    """A role in a workspace."""

    model_config = ConfigDict(extra="forbid")

    role: Role


class User(BaseModel):
    """A user and the roles in those workspaces that the caller administers."""

    model_config = ConfigDict(from_attributes=True)

    username: str
    roles: dict[str, Role]
    created_at: dt.datetime
    disabled_at: dt.datetime | None
