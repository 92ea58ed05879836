"""Which workspaces a caller sees, and the one place where that becomes a condition of a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

Role = Literal["viewer", "analyst", "admin"]
EVERY = "*"


@dataclass(frozen=True)
class Caller:
    """Who asks, from a verified token. ``workspaces`` is ("*",) for every workspace."""

    name: str
    role: Role
    workspaces: tuple[str, ...]

    def sees(self, workspace: str) -> bool:
        """Whether rows of the workspace may be shown."""
        return EVERY in self.workspaces or workspace in self.workspaces

    @property
    def sees_all(self) -> bool:
        """Whether rows of every workspace may be shown."""
        return EVERY in self.workspaces

    @property
    def may_edit(self) -> bool:
        """Whether the status of an insight may be set."""
        return self.role in ("analyst", "admin")

    def narrowed(self, wanted: str | None) -> tuple[str, ...]:
        """The caller's workspaces, or of these only the wanted one; empty when that is not theirs."""
        if wanted is None:
            return self.workspaces
        return (wanted,) if self.sees(wanted) else ()


def postgres_scope(caller: Caller, column: ColumnElement[str], wanted: str | None = None) -> ColumnElement[bool]:
    """Condition on a workspace column for SQLAlchemy; false for a workspace of others."""
    from sqlalchemy import true

    allowed = caller.narrowed(wanted)
    return true() if EVERY in allowed else column.in_(allowed)
