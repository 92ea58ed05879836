"""Backfills by the real scheduler: by every door, over days without data, through a kill of the scheduler."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import psutil
import pytest
from playwright.sync_api import sync_playwright

from include.services.airflow_client import AirflowClient
from include.settings import REPO
from tests.e2e.conftest import Installation
from tests.support import airflow_ui, history
from tests.support.browser import launched
from tests.support.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2400)]

# Days of data, the newest of which are backfilled; a month in the long form: INSIGHTFLOW_TEST_BACKFILL_DAYS=31.
HISTORY = 12
DAYS = int(os.environ.get("INSIGHTFLOW_TEST_BACKFILL_DAYS", "3"))
FIRST, LAST = history.LAST - timedelta(days=DAYS - 1), history.LAST


def marts(place: Installation) -> dict[str, list[dict[str, Any]]]:
    """Every row of every mart."""
    names = place.sql("SELECT name FROM system.tables WHERE database = 'marts' AND engine LIKE '%MergeTree' ORDER BY 1")
    return {
        row["name"]: place.sql(f"SELECT toString(tuple(*)) AS row FROM marts.{row['name']} ORDER BY 1") for row in names
    }


def drop(place: Installation, files: list[history.Export]) -> None:
    folder = place.bucket / "month" / "generic"
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        part = folder / f".{file.name}.tmp"
        part.write_text(file.text)
        part.rename(folder / file.name)


def pause(place: Installation, dag_id: str, paused: bool) -> None:
    with AirflowClient(place.settings) as airflow:
        wait_until(lambda: airflow.get(f"/dags/{dag_id}"), 120, f"Airflow knows {dag_id}", interval=1)
        airflow.patch(f"/dags/{dag_id}", {"is_paused": paused})


def kill_with_children(process: psutil.Process) -> None:
    """End a process and all below it at once, as an out-of-memory killer or a power cut does."""
    family = [*process.children(recursive=True), process]
    for member in reversed(family):
        member.kill()


def scheduler(place: Installation) -> psutil.Process:
    for process in place.processes():
        if process.environ().get("INSIGHTFLOW_SERVICE") == "airflow-scheduler" and "include.services.scheduler" in (
            process.cmdline()
        ):
            return process
    raise LookupError("no scheduler runs")


def test_a_backfill_goes_on_after_the_scheduler_and_its_tasks_are_killed(installation: Installation) -> None:
    pause(installation, "marketing_on_drop", True)  # the backfill is what loads and builds here
    files = history.exports(HISTORY)
    drop(installation, files)
    backfill = subprocess.Popen(
        [str(REPO / "bin" / "insightflow"), "backfill", "--from", str(LAST - timedelta(days=DAYS - 1)), "--to", str(LAST)],
        env=installation.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    wait_until(
        lambda: installation.sql(
            "SELECT count() AS n FROM system.tables WHERE database = 'marts' AND name = 'mart_account_daily'"
        )[0]["n"],
        900,
        "a build is in the middle of the marts",
        interval=0.2,
    )
    kill_with_children(scheduler(installation))
    output, _ = backfill.communicate(timeout=1200)
    assert backfill.returncode == 0, output
    found = {
        (row["account_id"], row["campaign_id"], row["date"]): int(row["clicks"])
        for row in installation.sql(
            "SELECT account_id, campaign_id, toString(date) AS date, clicks FROM marts.mart_campaign_daily"
            " WHERE workspace = 'month'"
        )
    }
    assert found == {key: int(sums["clicks"]) for key, sums in history.truth(files).items()}


def empty_days(door: int) -> tuple[date, date]:
    """Two days before all data, others for each door."""
    last = history.LAST - timedelta(days=max(HISTORY, DAYS) + 2 * door)
    return last - timedelta(days=1), last


def runs(airflow: AirflowClient, first: date, last: date) -> dict[str, dict[str, Any]]:
    """The daily DAG's runs for days, by the day."""
    found = airflow.get(
        "/dags/marketing_daily/dagRuns",
        logical_date_gte=f"{first}T00:00:00Z",
        logical_date_lte=f"{last}T23:59:59Z",
    )["dag_runs"]
    return {run["logical_date"][:10]: run for run in found}


def ended_well(airflow: AirflowClient, first: date, last: date) -> bool:
    """Whether both days have a run and it is a success."""
    states = [run["state"] for run in runs(airflow, first, last).values()]
    return states == ["success"] * 2


def no_backfill_is_active(airflow: AirflowClient) -> bool:
    listed = airflow.get("/backfills", dag_id="marketing_daily", limit=100)["backfills"]
    return all(backfill["completed_at"] for backfill in listed)


def by_rest(place: Installation, airflow: AirflowClient) -> tuple[date, date]:
    """Newest day first."""
    first, last = empty_days(0)
    body = {
        "dag_id": "marketing_daily",
        "from_date": f"{first}T00:00:00Z",
        "to_date": f"{last}T00:00:00Z",
        "run_backwards": True,
        "max_active_runs": 2,
    }
    airflow.post("/backfills", body)
    return first, last


def by_airflow_s_command_line(place: Installation, airflow: AirflowClient) -> tuple[date, date]:
    """With the defaults of all that can be left out."""
    first, last = empty_days(1)
    place.cli(
        *("airflow", "backfill", "create", "--dag-id", "marketing_daily"),
        *("--from-date", str(first), "--to-date", str(last)),
    )
    return first, last


def by_airflow_s_pages(place: Installation, airflow: AirflowClient) -> tuple[date, date]:
    """A day of which nothing is known, and one that was a success: the dialog tells them apart, and runs both."""
    done, _ = empty_days(1)
    first = done - timedelta(days=1)
    [before] = runs(airflow, first, done).values()
    one, both = "1 run will be triggered.", "2 runs will be triggered."
    choices = [("Missing Runs", one), ("All Runs", both), ("Missing and Errored Runs", one), ("All Runs", both)]
    with sync_playwright() as playwright, launched(playwright) as browser:
        airflow_ui.backfill(browser, place.settings, first, done, choices)
    again = runs(airflow, first, done)[str(done)]
    assert again["dag_run_id"] == before["dag_run_id"]
    assert again["queued_at"] > before["queued_at"]
    return first, done


@pytest.mark.parametrize("door", [by_rest, by_airflow_s_command_line, by_airflow_s_pages])
def test_days_without_data_are_quick_and_change_nothing_by_every_door(
    installation: Installation, door: Callable[[Installation, AirflowClient], tuple[date, date]]
) -> None:
    before = marts(installation)
    assert before["mart_campaign_daily"]
    with AirflowClient(installation.settings) as airflow:
        # Airflow notes the end of a backfill up to half a minute after its last run, and refuses another until then.
        wait_until(lambda: no_backfill_is_active(airflow), 90, "the backfill before is noted as done", interval=0.5)
        days = door(installation, airflow)
        wait_until(lambda: ended_well(airflow, *days), 300, "the empty days are done", interval=0.5)
    assert marts(installation) == before


def test_reprocessing_completed_runs_changes_nothing(installation: Installation) -> None:
    before = marts(installation)
    installation.cli("backfill", "--from", str(FIRST), "--to", str(LAST), "--reprocess", timeout=1200)
    assert marts(installation) == before


def test_a_full_refresh_gives_the_same_marts(installation: Installation) -> None:
    before = marts(installation)
    assert before["mart_campaign_daily"]
    installation.cli("run", "--full-refresh", timeout=1200)
    assert marts(installation) == before


def test_a_run_ahead_of_its_day_keeps_nobody_waiting(installation: Installation) -> None:
    """Airflow takes it, calls it running for years, and starts nothing."""
    with AirflowClient(installation.settings) as airflow:
        run = airflow.post("/dags/marketing_daily/dagRuns", {"logical_date": "2199-01-01T00:00:00Z"})
        path = f"/dags/marketing_daily/dagRuns/{run['dag_run_id']}"
        wait_until(lambda: airflow.get(path)["state"] == "running", 60, "the run counts as running", interval=0.5)
        assert "success" in installation.cli("run", "--date", str(LAST)).stdout
        assert airflow.get(path)["state"] == "running"
    told = {finding["what"]: finding for finding in installation.cli_json("doctor")}
    assert run["dag_run_id"] in told["runs ahead of their day"]["detail"]
