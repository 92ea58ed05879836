"""load, run, backfill, samples: making things happen, through Airflow."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from include.cli import follow
from include.cli.output import say, show
from include.services.airflow_client import AirflowClient
from include.services.errors import ServiceError
from include.settings import Settings, get_settings

NUDGE_AFTER_SECONDS = 20.0


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(load)
    app.command()(run)
    app.command()(backfill)
    app.command()(samples)


def load(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="Exports.")],
    source: Annotated[
        str, typer.Option("--source", "-s", help="Whose export it is; recognised from the content if not given.")
    ] = "inbox",
    workspace: Annotated[str | None, typer.Option("--workspace", "-w", help="The default is the setting.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    timeout: Annotated[int, typer.Option(help="Seconds to wait for the run.")] = 1800,
) -> None:
    """Put files into the bucket and follow them to the end. Exit code 1 unless every file is in.

    One of which every row was rejected is not.
    """
    from include.cli import drop

    settings = get_settings()
    folder = f"{_workspace_folder(workspace or settings.workspace)}/{_known_source(source)}"
    asked_at = _warehouse_now()
    keys: dict[str, bool] = {}
    with AirflowClient(settings) as airflow:
        follow.wait_for_dag(airflow, follow.ON_DROP)
        if airflow.get(f"/dags/{follow.ON_DROP}")["is_paused"]:
            raise ServiceError(
                f"{follow.ON_DROP} is paused: unpause it at {settings.public_airflow_url}/dags/{follow.ON_DROP}, or drop the "
                "files and use `bin/insightflow run`"
            )
        for path in files:
            key = drop.free_key(settings, path, folder)
            keys[key] = drop.drop(settings, path, key)
            if not as_json:
                say(f"{path.name} → {key}" + ("" if keys[key] else " (was there already)"))
        lines = _follow_files(settings, airflow, keys, asked_at, timeout, quiet=as_json)
    inside = all(_is_in(line) for line in lines)
    show([{k: v for k, v in line.items() if k != "skipped"} for line in lines], as_json)
    if not inside:
        raise typer.Exit(1)


def run(
    day: Annotated[str | None, typer.Option("--date", help="A day (2026-06-30); yesterday if not given.")] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Make every table anew from raw.")] = False,
) -> None:
    """Run marketing_daily for a day, through Airflow, and follow it, and what runs beside it."""
    settings = get_settings()
    conf: dict[str, Any] = {"full_refresh": True} if full_refresh else {}
    if day:
        conf["dates"] = [_date(day).isoformat()]
    with AirflowClient(settings) as airflow:
        follow.wait_for_dag(airflow, follow.DAILY)
        run_id = follow.trigger(airflow, follow.DAILY, conf)
        say(f"{follow.DAILY} {run_id}: {settings.public_airflow_url}/dags/{follow.DAILY}/runs/{run_id}")
        follow.follow(airflow, follow.DAILY, [run_id])
        follow.wait_for_others(airflow)


def backfill(
    first: Annotated[str, typer.Option("--from", help="First day.")],
    last: Annotated[str, typer.Option("--to", help="Last day.")],
    reprocess: Annotated[bool, typer.Option("--reprocess", help="Also days whose run was a success.")] = False,
    parallel: Annotated[int, typer.Option(min=1, help="Runs at once.")] = 2,
) -> None:
    """Run marketing_daily for every day of a range, through Airflow, and follow it."""
    days = _date(first), _date(last)
    if days[0] > days[1]:
        raise typer.BadParameter(f"--from {days[0]} is after --to {days[1]}")
    with AirflowClient(get_settings()) as airflow:
        follow.wait_for_dag(airflow, follow.DAILY)
        follow.run_backfill(airflow, *days, reprocess="completed" if reprocess else "failed", parallel=parallel)


def samples(
    folder: Annotated[Path, typer.Argument(help="Where to write; a folder of its own.")],
    days: Annotated[int, typer.Option(min=1, help="Days of history.")] = 120,
    volume: Annotated[float, typer.Option(help="Multiplies clicks and money.")] = 1.0,
    bad_files: Annotated[bool, typer.Option(help="Also files that are wrong.")] = True,
) -> None:
    """Write realistic sample exports of several platforms; the truth about them goes to FOLDER.truth."""
    from dataclasses import replace

    from include.samples import DEMO, generate, write_bad_files, write_extras

    profile = replace(DEMO, days=days, volume=volume, daily_files=min(DEMO.daily_files, days))
    truth = folder.with_name(f"{folder.name}.truth")
    write_extras(folder, generate(folder, profile, truth_dir=truth))
    if bad_files:
        write_bad_files(folder, profile)
    count = sum(1 for path in folder.rglob("*") if path.is_file())
    say(f"{count} files below {folder}; what is true of them is in {truth}")


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2026-06-30") from None
    # An account's day begins up to 14 hours before that of UTC.
    if day > (datetime.now(UTC) + timedelta(hours=14)).date():
        raise typer.BadParameter(f"{day} has not begun")
    return day


def _workspace_folder(workspace: str) -> str:
    """A workspace is a folder of the bucket: another place would be outside it, or one that nobody looks into."""
    if workspace != workspace.strip() or not workspace or workspace[0] in "._" or {"/", "\\"} & set(workspace):
        raise typer.BadParameter(
            f"{workspace!r} is no name of a workspace: a name has no slash and begins with no . or _"
        )
    return workspace


def _known_source(source: str) -> str:
    """The folder of a source, by its name or another name that it has."""
    from include.landing.specs import find_source, sources

    if source == "inbox":
        return source
    if (spec := find_source(source)) is None:
        raise typer.BadParameter(f"there is no source {source!r}; sources are {', '.join(sources())}, or inbox")
    return spec.source


def _warehouse_now() -> Any:
    from include.cli.look_commands import query

    return query("SELECT now64(6, 'UTC') AS now")[0]["now"]


def _is_in(line: dict[str, Any]) -> bool:
    """Whether a file did what it was dropped for. The ledger calls it loaded as well where all its rows were rejected; a
    quiet day's report, and repairs that were taken before, bring no row and lack none."""
    if line["rows_rejected"] and not line["rows_loaded"] and "already_repaired" not in line["skipped"]:
        return False
    return line["status"] in ("loaded", "duplicate")


def _follow_files(
    settings: Settings, airflow: AirflowClient, keys: dict[str, bool], asked_at: Any, timeout: int, *, quiet: bool
) -> list[dict[str, Any]]:
    """Wait until the ledger has a line for each key, then until the runs that wrote them have ended."""
    from include.cli.look_commands import WHY, query

    uris = {f"{settings.bucket.rstrip('/')}/{key}": copied for key, copied in keys.items()}
    begun = time.monotonic()
    nudged = False
    while True:
        lines = query(
            "SELECT uri, status, rows_read, rows_loaded, rows_rejected, rows_skipped, skipped, date_min, date_max,"
            f" {WHY}, run_id, loaded_at FROM ops.file_ledger"
            " WHERE uri IN {uris:Array(String)} ORDER BY loaded_at DESC LIMIT 1 BY uri",
            {"uris": list(uris)},
        )
        # A file that was there already, byte for byte, needs no new line.
        fresh = [line for line in lines if line["loaded_at"] >= asked_at]
        done = {line["uri"] for line in fresh} | {line["uri"] for line in lines if not uris[line["uri"]]}
        if done == set(uris):
            break
        waited = time.monotonic() - begun
        if waited > timeout:
            missing = ", ".join(sorted(set(uris) - done))
            raise ServiceError(f"no run took {missing} within {timeout} s; see bin/insightflow doctor")
        if waited > NUDGE_AFTER_SECONDS and not nudged:
            follow.trigger(airflow, follow.ON_DROP, {})
            nudged = True
        time.sleep(follow.POLL_SECONDS)
    for run_id in sorted({line["run_id"] for line in fresh}):
        for dag_id in (follow.ON_DROP, follow.DAILY):
            found = airflow.get(f"/dags/{dag_id}/dagRuns", run_id_pattern=run_id, limit=1)["dag_runs"]
            if found and not quiet:
                follow.follow(airflow, dag_id, [run_id], timeout)
            elif found:
                _wait(airflow, dag_id, run_id, timeout)
    return [{k: v for k, v in line.items() if k not in ("run_id", "loaded_at")} for line in lines]


def _wait(airflow: AirflowClient, dag_id: str, run_id: str, timeout: int) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        state = airflow.get(f"/dags/{dag_id}/dagRuns/{run_id}")["state"]
        if state == "failed":
            raise follow.RunFailed(f"{dag_id} {run_id} failed; see {airflow.settings.public_airflow_url}")
        if state == "success":
            return
        time.sleep(follow.POLL_SECONDS)
