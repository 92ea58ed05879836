"""Who asks, and what they may do in which workspace. Becomes a condition in ``Warehouse`` and in PostgreSQL's policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["viewer", "analyst", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
EVERY = "*"


@dataclass(frozen=True)
class Caller:
    """A user, or a key of theirs, with a role by workspace; the workspace ``*`` is every one."""

    name: str
    grants: tuple[tuple[str, Role], ...]
    session: str = ""

    @classmethod
    def of(cls, name: str, grants: Mapping[str, Role], session: str = "") -> Caller:
        """A caller with the grants in a fixed order, so that equal rights compare equal."""
        return cls(name, tuple(sorted(grants.items())), session)

    @property
    def workspaces(self) -> tuple[str, ...]:
        """Workspaces whose rows may be shown; ("*",) or with others where it is every one."""
        return tuple(name for name, _ in self.grants)

    def role_in(self, workspace: str) -> Role | None:
        """The strongest role in a workspace, or None."""
        roles = [role for name, role in self.grants if name in (workspace, EVERY)]
        return max(roles, key=ROLES.index, default=None)

    def sees(self, workspace: str) -> bool:
        """Whether rows of the workspace may be shown."""
        return self.role_in(workspace) is not None

    @property
    def sees_all(self) -> bool:
        """Whether rows of every workspace may be shown."""
        return EVERY in self.workspaces

    def may_edit(self, workspace: str) -> bool:
        """Whether the status of an insight may be set, and files be sent."""
        return self.role_in(workspace) in ("analyst", "admin")

    def administers(self, workspace: str) -> bool:
        """Whether users, keys and alerts of the workspace may be changed."""
        return self.role_in(workspace) == "admin"

    def with_role(self, at_least: Role) -> tuple[str, ...]:
        """Workspaces in which the caller has this role or a stronger one."""
        return tuple(name for name, role in self.grants if ROLES.index(role) >= ROLES.index(at_least))

    def narrowed(self, wanted: str | None) -> tuple[str, ...]:
        """The caller's workspaces, or of these only the wanted one; empty when that is not theirs."""
        if wanted is None:
            return (EVERY,) if self.sees_all else self.workspaces
        return (wanted,) if self.sees(wanted) else ()
