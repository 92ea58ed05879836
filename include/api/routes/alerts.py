"""``/api/v1/admin/alerts``: what a workspace wants to hear of, and where. Off until an admin turns it on."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from include.alerts import notify, store, targets
from include.api.backends import Backends
from include.api.deps import Databases
from include.api.problems import responses
from include.api.routes.admin import Admin, Workspace
from include.api.schemas import Money, Severity
from include.api.scope import Caller

router = APIRouter(prefix="/api/v1/admin/alerts", tags=["admin"], responses=responses(401, 403, 404, 422, 429, 503))

Target = Annotated[str, Field(min_length=5, max_length=1000)]


class AlertChange(BaseModel):
    """Settings to be set; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool | None = None
    targets: list[Target] | None = Field(
        None, max_length=10, description="as Apprise writes them: mailto://, slack://, json://"
    )
    min_impact: Annotated[Decimal, Field(ge=0, max_digits=16, decimal_places=2)] | None = None
    min_severity: Severity | None = None
    quiet_minutes: int | None = Field(None, ge=0, le=43_200, description="in which an entity is not told of again")
    digest: bool | None = Field(None, description="a summary of the last day, once a day")


class AlertSettings(BaseModel):
    """What a workspace hears of; targets without their secrets."""

    workspace: str
    enabled: bool
    targets: list[str]
    min_impact: Money
    min_severity: Severity
    quiet_minutes: int
    digest: bool


class Sent(BaseModel):
    """A test message was taken."""

    sent: int = Field(description="targets that took it")


@router.get("/{workspace}")
def read_alerts(databases: Databases, caller: Admin, workspace: Workspace) -> AlertSettings:
    """The settings of a workspace that one administers."""
    _held(caller, workspace)
    with databases.postgres(caller, workspace) as connection:
        return _shown(databases, store.wish(connection, workspace))


@router.put("/{workspace}")
def change_alerts(databases: Databases, caller: Admin, workspace: Workspace, change: AlertChange) -> AlertSettings:
    """Set what the workspace hears of, and where."""
    _held(caller, workspace)
    given = change.model_dump(exclude_none=True)
    try:
        with databases.postgres(caller, workspace) as connection:
            known = store.wish(connection, workspace)
            if change.targets is not None:
                given["targets"] = store.keep_targets(connection, known, change.targets, databases.settings)
            wanted = store.Wish(**{**known.__dict__, **given})
            store.save(connection, wanted, caller.name)
        return _shown(databases, wanted)
    except targets.BadTarget as error:
        raise HTTPException(422, str(error)) from error


@router.post("/{workspace}/test", responses=responses(409))
def test_alerts(databases: Databases, caller: Admin, workspace: Workspace) -> Sent:
    """Send a test message to every target."""
    _held(caller, workspace)
    with databases.postgres(caller, workspace) as connection:
        known = store.wish(connection, workspace)
    try:
        results = notify.try_out(workspace, targets.opened(known.targets, databases.settings), databases.settings)
    except targets.BadTarget as error:
        raise HTTPException(422, str(error)) from error
    if not results:
        raise HTTPException(409, "Not sent: no targets are set.")
    if failed := [why for _, why in results if why]:
        raise HTTPException(409, f"Sent to {len(results) - len(failed)} of {len(results)}: {' '.join(failed)}")
    return Sent(sent=len(results))


def _held(caller: Caller, workspace: str) -> None:
    if not caller.sees(workspace):
        raise HTTPException(404, f"There is no workspace {workspace} among yours.")
    if not caller.administers(workspace):
        raise HTTPException(403, f"You are not an admin of {workspace}.")


def _shown(databases: Backends, wanted: store.Wish) -> AlertSettings:
    try:
        listed = targets.shown(targets.opened(wanted.targets, databases.settings))
    except targets.BadTarget as error:
        listed = [str(error)]
    return AlertSettings.model_validate({**wanted.__dict__, "targets": listed})
