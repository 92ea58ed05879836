"""alerts, mcp: telling people, and answering assistants."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from include.cli.output import fail, say, show
from include.settings import get_settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

Workspace = Annotated[str, typer.Option("--workspace", "-w", help="The workspace.")]

alerts_app = typer.Typer(no_args_is_help=True, help="Alerts on new insights, and the daily digest.")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(alerts_app, name="alerts")
    app.command()(mcp)


@alerts_app.command("show")
def show_alerts(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """What each workspace hears of, and where."""
    from include.alerts import store, targets

    with _connection() as connection:
        wanted = store.wishes(connection, only_enabled=False)
    rows = [
        w.__dict__ | {"targets": ", ".join(targets.shown(targets.opened(w.targets, get_settings())))} for w in wanted
    ]
    show(rows, as_json, empty="no workspace has alerts; `insightflow alerts set` turns them on")


@alerts_app.command("set")
def set_alerts(
    workspace: Workspace,
    target: Annotated[
        list[str] | None, typer.Option(help="As Apprise writes it: mailto://…, slack://…, json://…")
    ] = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Whether alerts are sent.")] = None,
    min_impact: Annotated[float | None, typer.Option(min=0, help="Least money at stake.")] = None,
    min_severity: Annotated[str | None, typer.Option(help="low, medium, high or critical.")] = None,
    quiet_minutes: Annotated[int | None, typer.Option(min=0, help="In which an entity is not told of again.")] = None,
    digest: Annotated[bool | None, typer.Option("--digest/--no-digest", help="A summary once a day.")] = None,
) -> None:
    """Set what a workspace hears of; what is left out stays."""
    from include.alerts import store

    if min_severity is not None and min_severity not in store.SEVERITIES:
        raise typer.BadParameter(f"a severity is {', '.join(store.SEVERITIES)}, not {min_severity}")
    given: dict[str, Any] = {
        "enabled": enabled, "min_severity": min_severity, "quiet_minutes": quiet_minutes, "digest": digest,
        "min_impact": None if min_impact is None else Decimal(str(min_impact)),
    }  # fmt: skip
    with _connection() as connection:
        known = store.wish(connection, workspace)
        if target is not None:
            given["targets"] = store.keep_targets(connection, known, target, get_settings())
        wanted = store.Wish(**(known.__dict__ | {name: value for name, value in given.items() if value is not None}))
        store.save(connection, wanted, "command line")
    say(f"alerts of {workspace} are {'on' if wanted.enabled else 'off'}")


@alerts_app.command("test")
def test_alerts(workspace: Workspace) -> None:
    """Send a test message to each target of a workspace."""
    from include.alerts import notify, store, targets

    settings = get_settings()
    with _connection() as connection:
        known = store.wish(connection, workspace)
    listed = targets.opened(known.targets, settings)
    if not listed:
        fail(f"{workspace} has no targets; `insightflow alerts set --target …` sets them")
    failed = []
    for name, why in notify.try_out(workspace, listed, settings):
        if why:
            failed.append(why)
        else:
            say(f"sent: {name}")
    if failed:
        fail(" ".join(failed))


@alerts_app.command("send")
def send_alerts() -> None:
    """Send what is due now, as the end of a run does."""
    from include.alerts import after_publishing

    counts = after_publishing()
    say(", ".join(f"{name}: {count}" for name, count in counts.items()))
    if counts["failed"]:
        fail("some were not sent; see the log")


def mcp(
    key: Annotated[
        str, typer.Option("--key", envvar="INSIGHTFLOW_API_KEY", help="`insightflow keys create` makes one.")
    ],
) -> None:
    """Answer an assistant by MCP on standard input and output, read-only, in the scope of an API key."""
    from include.api.access.tokens import BadToken
    from include.api.assistant import run_stdio

    try:
        run_stdio(key)
    except BadToken:
        fail("the key is not one of ours, or was revoked; `insightflow keys create` makes one")


def _connection() -> AbstractContextManager[Connection]:
    from include.insights.database import make_engine

    return make_engine(get_settings()).begin()
