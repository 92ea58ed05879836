"""workspaces: which there are, and removing one: a client that leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from include.cli.output import fail, say, show, text_of
from include.cli.removal_commands import By, Json, Reason, Yes, user_of_machine
from include.settings import get_settings

if TYPE_CHECKING:
    from include.orchestration.workspaces import Holdings

workspaces_app = typer.Typer(invoke_without_command=True, help="Workspaces, and removing one: a client that leaves.")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(workspaces_app, name="workspaces")


@workspaces_app.callback()
def list_by_default(context: typer.Context) -> None:
    """Workspaces, and removing one: a client that leaves."""
    if context.invoked_subcommand is None:
        list_workspaces()


@workspaces_app.command("list")
def list_workspaces(as_json: Json = False) -> None:
    """The workspaces: files and rows that stand, first and last day, users."""
    from include.orchestration import workspaces
    from include.warehouse.client import connect

    settings = get_settings()
    client = connect(settings)
    try:
        show(workspaces.listed(settings, client), as_json, empty="nothing has arrived yet")
    finally:
        client.close()


@workspaces_app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="The workspace.")],
    yes: Yes = False,
    keep_files: Annotated[
        bool, typer.Option("--keep-files", help="Set its files aside in the bucket instead of deleting them.")
    ] = False,
    reason: Reason = "",
    by: By = None,
) -> None:
    """Remove all of a client: files, rows, insights, rights. Shows only, without --yes."""
    from include.landing.bucket import Bucket
    from include.orchestration import workspaces
    from include.warehouse.client import connect

    settings = get_settings()
    if not name or name[0] in "._*" or "/" in name:
        raise typer.BadParameter(f"{name!r} is no name of a workspace")
    client, bucket = connect(settings), Bucket(settings)
    try:
        there = workspaces.holdings(settings, client, bucket, name)
        begun = any(row["note"] for row in workspaces.listed(settings, client) if row["name"] == name)
        if there.nothing and not begun:
            _say_that_it_is_gone(workspaces.last_removal(settings, name), name)
            return
        _say_what_goes(there, bucket.url, name, keep_files)
        if not yes:
            kept = " --keep-files" if keep_files else ""
            say(f"Nothing was changed. To remove it: bin/insightflow workspaces remove {name} --yes{kept} --reason '…'")
            return
        workspaces.remove(settings, client, bucket, name, by or user_of_machine(), reason, keep_files=keep_files)
    finally:
        client.close()
    say(f"{name} is removed" + (f"; its files are in {bucket.url}/{workspaces.ASIDE}/{name}/" if keep_files else ""))
    for user in there.only_here:
        say(f"{user} has no role left: bin/insightflow users remove {user}")
    if name == settings.workspace:
        say("INSIGHTFLOW_WORKSPACE still names it: what is loaded without --workspace goes there")
    say(f"Stop whatever drops files into {bucket.url}/{name}/: a new file makes the workspace anew.")


def _say_what_goes(there: Holdings, url: str, name: str, keep_files: bool) -> None:
    rows = [{"where": f"ClickHouse {table}", "rows or files": n} for table, n in there.tables.items()]
    rows += [{"where": f"PostgreSQL {table}", "rows or files": n} for table, n in there.postgres.items()]
    if there.files:
        what = "set aside" if keep_files else "deleted"
        rows.append(
            {"where": f"{url}/{name}/ ({text_of(there.size_bytes)} bytes, {what})", "rows or files": there.files}
        )
    show(rows, False, empty="what is left of a removal that was cut off")
    if there.users:
        say(f"users who lose their role in it: {', '.join(there.users)}")
    if there.seeds:
        say(f"lines that stay, for they are yours to remove (dbt_project/seeds): {', '.join(there.seeds)}")


def _say_that_it_is_gone(gone: dict[str, object] | None, name: str) -> None:
    """Nothing is there: it was removed before, or never was."""
    if gone is None:
        from include.api.parameters import unknown
        from include.cli.look_commands import query

        names = {str(row["workspace"]) for row in query("SELECT DISTINCT workspace FROM ops.file_ledger")}
        fail(unknown(name, names, "workspace"))
    why = f": {gone['reason']}" if gone["reason"] else ""
    say(f"there is nothing of {name}: {gone['removed_by']} removed it on {text_of(gone['finished_at'])}{why}")
    say("Nothing was changed.")
