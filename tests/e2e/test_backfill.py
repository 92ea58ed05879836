"""Backfills by the real scheduler: in any order, over days without data, through a kill of the scheduler."""

from __future__ import annotations

import os
import subprocess
from datetime import date, timedelta
from typing import Any

import psutil
import pytest

from include.services.airflow_client import AirflowClient
from include.settings import REPO
from tests.e2e.conftest import Installation
from tests.support import history
from tests.support.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2400)]

# Days with data, and as many without before them. A month in the long form: INSIGHTFLOW_TEST_BACKFILL_DAYS=31.
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
    files = history.exports(12)
    drop(installation, files)
    before_data = history.LAST - timedelta(days=12 + DAYS - 1)
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
    # Days that do not exist are quick and no error; REST starts them, newest first.
    with AirflowClient(installation.settings) as airflow:
        body = {
            "dag_id": "marketing_daily",
            "from_date": f"{before_data}T00:00:00Z",
            "to_date": f"{before_data + timedelta(days=1)}T00:00:00Z",
            "run_backwards": True,
            "max_active_runs": 2,
        }
        # Airflow notes the end of the backfill before up to half a minute after its last run, and refuses until then.
        wait_until(lambda: airflow.post("/backfills", body), 90, "the backfill is taken", interval=1)
        wait_until(lambda: states(airflow, before_data, 2) == ["success"] * 2, 600, "the empty days are done", 1)
    assert installation.sql(f"SELECT count() AS n FROM marts.mart_account_daily WHERE date < '{before_data + timedelta(days=2)}'")[0]["n"] == 0  # fmt: skip


def states(airflow: AirflowClient, first: date, days: int) -> list[str]:
    runs = airflow.get(
        "/dags/marketing_daily/dagRuns",
        logical_date_gte=f"{first}T00:00:00Z",
        logical_date_lte=f"{first + timedelta(days=days - 1)}T23:59:59Z",
    )["dag_runs"]
    return [run["state"] for run in runs]


def test_reprocessing_completed_runs_changes_nothing(installation: Installation) -> None:
    before = marts(installation)
    installation.cli("backfill", "--from", str(FIRST), "--to", str(LAST), "--reprocess", timeout=1200)
    assert marts(installation) == before


def test_a_full_refresh_gives_the_same_marts(installation: Installation) -> None:
    before = marts(installation)
    assert before["mart_campaign_daily"]
    installation.cli("run", "--full-refresh", timeout=1200)
    assert marts(installation) == before
