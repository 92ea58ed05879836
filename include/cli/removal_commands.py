"""remove: taking back a file that should never have been loaded."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from include.cli.output import counted, fail, say, show
from include.settings import get_settings

if TYPE_CHECKING:
    from include.landing.removal import Export

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it; without, it is only shown.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
By = Annotated[str | None, typer.Option("--by", help="Who, for the record; the user of this machine if not given.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(remove)


def remove(
    file: Annotated[str, typer.Argument(help="A file_id, a URI, a file name, or the folder of several files.")],
    yes: Yes = False,
    reason: Reason = "",
    by: By = None,
    as_json: Json = False,
) -> None:
    """Take back an export that should never have been loaded; what stood before it stands again. Shows only, without --yes."""
    from include.landing import removal
    from include.landing.bucket import Bucket
    from include.warehouse.client import connect

    settings = get_settings()
    client = connect(settings)
    try:
        export = _found(client, file)
        effects, dates = removal.effects(client, export), removal.covered_dates(client, export)
        done = None
        if yes:
            done = removal.remove(client, Bucket(settings), settings, export, by or user_of_machine(), reason)
    finally:
        client.close()
    if as_json:
        show([_summary(export, effects, dates, bool(done and done.lines))], True)
        return
    if not export.standing and not (done and done.lines):
        _say_that_it_is_gone(export)
        return
    _say_what_goes(export, effects)
    if done is None:
        say(f"Nothing was changed. To take it back: bin/insightflow remove {export.file_id} --yes --reason '…'")
        return
    for old, new in done.moved.items():
        say(f"taken back; {old} is now {new}")
    if not done.moved:
        say("taken back; no file was set aside: the bucket has none of it, or another export that stands rests on it")
    if dates:
        say(
            f"{len(dates)} dates ({dates[0]} to {dates[-1]}) wait for the next run: it starts by itself while the services are"
            " up, or by bin/insightflow run"
        )
    say("Dropped again, the same file is loaded again.")


def _found(client: Any, file: str) -> Export:
    """The export of a name; a name of none or several ends the command with what there is."""
    from include.cli.look_commands import must_have_arrived
    from include.landing.removal import Ambiguous, NeverLoaded, find

    try:
        return find(client, file)
    except Ambiguous as error:
        show([_candidate(export) for export in error.exports], False)
        fail(f"{len(error.exports)} exports are called {file}; name one by its file_id")
    except NeverLoaded as error:
        must_have_arrived(file)
        fail(f"{error}; there is nothing to take back")


def _candidate(export: Export) -> dict[str, Any]:
    line = export.lines[0]
    return {
        "file_id": export.file_id,
        "file": export.name,
        "loaded_at": line.loaded_at,
        "from": line.date_min,
        "to": line.date_max,
        "rows": sum(one.rows_loaded for one in export.lines if one.status == "loaded"),
        "status": "loaded" if export.standing else "removed",
    }


def _summary(export: Export, effects: Any, dates: Any, done: bool) -> dict[str, Any]:
    return {
        "file_id": export.file_id,
        "file": export.name,
        "workspace": export.lines[0].workspace,
        "status": "removed" if done or not export.standing else "loaded",
        "changed": done,
        "removed_before": export.removed.error if export.removed and not export.standing else "",
        "rows": sum(line.rows_loaded for line in export.standing),
        "dates": dates,
        "effects": [asdict(effect) for effect in effects],
    }


def _say_that_it_is_gone(export: Export) -> None:
    gone = export.removed
    if gone is None:
        fail(f"{export.name} does not count: another load of the same lines came first; there is nothing to take back")
    say(f"{export.name} does not stand: on {gone.loaded_at:%Y-%m-%d %H:%M} UTC it was {gone.error}")
    say("Nothing was changed.")


def _say_what_goes(export: Export, effects: Any) -> None:
    line = export.lines[0]
    rows = sum(one.rows_loaded for one in export.standing)
    say(
        f"{export.name} (file_id {export.file_id}), {line.source} of workspace {line.workspace}, loaded"
        f" {line.loaded_at:%Y-%m-%d %H:%M} UTC: {counted(rows, 'row')}"
    )
    repairs = [one.uri for one in export.standing if one.repairs and one.repairs != one.file_id and not line.repairs]
    if repairs:
        say(f"with it go the repairs of its rows: {', '.join(repairs)}")
    if not effects:
        say("it covers no days of ads; exchange rates of before it are in effect again" if rows else "it has no rows")
        return
    show(
        [
            {
                "account": effect.account_id or "(none named)",
                "grain": effect.grain,
                "from": effect.first,
                "to": effect.last,
                "days": effect.days,
                "rows": effect.rows,
                "cost": effect.cost,
                "currency": effect.currency,
                "afterwards": effect.then,
            }
            for effect in effects
        ],
        False,
    )


def user_of_machine() -> str:
    """The log-in name of whoever runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
