"""Start runs through Airflow's REST API and follow them on the screen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from include.cli.output import say
from include.services.airflow_client import AirflowClient, AirflowRefusal, lies_ahead
from include.services.errors import ServiceError

DAILY = "marketing_daily"
ON_DROP = "marketing_on_drop"
FINAL = ("success", "failed")
POLL_SECONDS = 0.7


class RunFailed(ServiceError):
    """A run ended otherwise than well; the message names the task and where to read on."""


def wait_for_dag(airflow: AirflowClient, dag_id: str, deadline: float = 90.0) -> None:
    """Wait until Airflow has read the DAG. Raises ``ServiceError`` with the import error, if there is one."""
    end = time.monotonic() + deadline
    while True:
        try:
            airflow.get(f"/dags/{dag_id}")
            return
        except AirflowRefusal as refusal:
            if refusal.status != 404:
                raise
        broken = airflow.get("/importErrors")["import_errors"]
        if broken:
            last = broken[0]["stack_trace"].strip().splitlines()[-1]
            raise ServiceError(f"{broken[0]['filename']} cannot be imported: {last}")
        if time.monotonic() > end:
            raise ServiceError(f"Airflow does not know {dag_id}; see `bin/insightflow doctor`")
        time.sleep(0.5)


def trigger(airflow: AirflowClient, dag_id: str, conf: dict[str, Any]) -> str:
    """Start one run with a configuration; return its id."""
    run = airflow.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
    return str(run["dag_run_id"])


def backfill(airflow: AirflowClient, first: date, last: date, reprocess: str, parallel: int) -> list[str]:
    """Start a backfill of the daily DAG; return the ids of the runs that it made or started again.

    Raises ``ServiceError`` when Airflow refuses, for example because another backfill is at work.
    """
    before = {run["dag_run_id"]: run["queued_at"] for run in runs_between(airflow, first, last)}
    body = {
        "dag_id": DAILY,
        "from_date": f"{first}T00:00:00Z",
        "to_date": f"{last}T00:00:00Z",
        "reprocess_behavior": reprocess,
        "max_active_runs": parallel,
    }
    # Airflow notes the end of a backfill up to half a minute after its last run.
    retry = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, AirflowRefusal) and error.status == 409),
        stop=stop_after_delay(45),
        wait=wait_fixed(1),
        reraise=True,
    )
    try:
        retry(airflow.post, "/backfills", body)
    except AirflowRefusal as refusal:
        if refusal.status == 409:
            raise ServiceError(
                f"another backfill of {DAILY} is at work; wait for it, or cancel it in the Airflow UI"
            ) from refusal
        raise
    after = runs_between(airflow, first, last)
    return [run["dag_run_id"] for run in after if before.get(run["dag_run_id"]) != run["queued_at"]]


def runs_between(airflow: AirflowClient, first: date, last: date) -> list[dict[str, Any]]:
    """Runs of the daily DAG for days, oldest day first."""
    found: list[dict[str, Any]] = []
    while True:
        page = airflow.get(
            f"/dags/{DAILY}/dagRuns",
            logical_date_gte=f"{first}T00:00:00Z",
            logical_date_lte=f"{last}T23:59:59Z",
            order_by="logical_date",
            limit=100,
            offset=len(found),
        )
        found += page["dag_runs"]
        if len(found) >= page["total_entries"] or not page["dag_runs"]:
            return found


def settle(airflow: AirflowClient, first_run_within: float = 15.0) -> None:
    """Wait until no run of either DAG is under way, telling what they do.

    A new installation's scheduler makes one run for yesterday; it is waited for, if it comes in time.
    """
    end = time.monotonic() + first_run_within
    while not airflow.get(f"/dags/{DAILY}/dagRuns", limit=1)["dag_runs"] and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    while active := _active(airflow):
        for dag_id in (DAILY, ON_DROP):
            if run_ids := [run_id for name, run_id in active if name == dag_id]:
                follow(airflow, dag_id, run_ids)


def wait_for_others(airflow: AirflowClient) -> None:
    """Wait for the runs that are at work now, of either DAG; their failure is told and is not the caller's.

    The dates of files that another run loaded are left to that run, so what was in the bucket when a run began is
    published when these have ended, too.
    """
    for dag_id, run_id in _active(airflow, states=("running",)):
        say(f"waiting for {dag_id} {run_id}, which may have loaded a part of the files")
        try:
            follow(airflow, dag_id, [run_id])
        except RunFailed as failure:
            say(str(failure))


def _active(airflow: AirflowClient, states: Sequence[str] = ("running", "queued")) -> list[tuple[str, str]]:
    """DAG and id of the runs of both DAGs that are in one of the states, but for those whose day has not come."""
    return [
        (dag_id, run["dag_run_id"])
        for dag_id in (DAILY, ON_DROP)
        for state in states
        for run in airflow.get(f"/dags/{dag_id}/dagRuns", state=state, limit=100)["dag_runs"]
        if not lies_ahead(run)
    ]


def follow(airflow: AirflowClient, dag_id: str, run_ids: list[str], deadline: float = 24 * 3600) -> None:
    """Print each task as it ends until all runs have. Raises ``RunFailed`` when one failed."""
    told: set[tuple[str, str, int, str]] = set()
    states: dict[str, str] = {}
    begun = time.monotonic()
    while len([s for s in states.values() if s in FINAL]) < len(run_ids):
        if time.monotonic() - begun > deadline:
            raise RunFailed(
                f"{dag_id} still runs after {deadline / 60:.0f} minutes; see {airflow.settings.public_airflow_url}"
            )
        for run_id in run_ids:
            if states.get(run_id) in FINAL:
                continue
            run = airflow.get(f"/dags/{dag_id}/dagRuns/{run_id}")
            label = _label(run) if len(run_ids) > 1 else ""
            _tell_tasks(airflow, dag_id, run_id, label, told)
            states[run_id] = run["state"]
            if run["state"] in FINAL:
                seconds = f" in {run['duration']:.0f} s" if run.get("duration") else ""
                say(f"{label}{dag_id} {run['state']}{seconds}")
        time.sleep(POLL_SECONDS)
    failed = [run_id for run_id, state in states.items() if state == "failed"]
    if failed:
        raise RunFailed(_explain(airflow, dag_id, failed))


def _tell_tasks(
    airflow: AirflowClient, dag_id: str, run_id: str, label: str, told: set[tuple[str, str, int, str]]
) -> None:
    tasks = airflow.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100)["task_instances"]
    for ti in sorted(tasks, key=lambda t: (t["end_date"] or "9", t["map_index"])):
        state = ti["state"]
        if state not in ("success", "failed", "up_for_retry", "upstream_failed", "skipped"):
            continue
        key = (run_id, ti["task_id"], ti["map_index"], f"{state}{ti['try_number']}")
        if key in told:
            continue
        told.add(key)
        chunk = f" {ti['rendered_map_index'] or ti['map_index']}" if ti["map_index"] >= 0 else ""
        seconds = f"{ti['duration']:5.1f} s" if ti.get("duration") else "       "
        marks = {"success": "✓", "skipped": "–", "up_for_retry": "↻"}
        word = "" if state in ("success", "skipped") else f"  {state}"
        say(f"{label}{marks.get(state, '✗')} {seconds}  {ti['task_id']}{chunk}{word}")


def _label(run: dict[str, Any]) -> str:
    day = (run.get("data_interval_start") or run.get("logical_date") or run["run_after"])[:10]
    return f"{day}  "


def _explain(airflow: AirflowClient, dag_id: str, run_ids: list[str]) -> str:
    lines = []
    for run_id in run_ids:
        tasks = airflow.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", state="failed", limit=20)
        for ti in tasks["task_instances"]:
            lines.append(f"{ti['task_id']}: {_reason(airflow, ti)}")
        where = f"{airflow.settings.public_airflow_url}/dags/{dag_id}/runs/{run_id}"
        lines.append(f"its logs are at {where}")
    return f"{dag_id} failed\n  " + "\n  ".join(lines)


def _reason(airflow: AirflowClient, ti: dict[str, Any]) -> str:
    """The last error line of a task's log."""
    path = f"/dags/{ti['dag_id']}/dagRuns/{ti['dag_run_id']}/taskInstances/{ti['task_id']}/logs/{ti['try_number']}"
    try:
        content = airflow.get(path, map_index=ti["map_index"], full_content=True).get("content", [])
    except ServiceError:
        return "no log"
    for line in reversed(content):
        if isinstance(line, dict) and line.get("level") in ("error", "critical"):
            details = line.get("error_detail") or []
            if details:
                return f"{details[0].get('exc_type')}: {' '.join(str(details[0].get('exc_value')).split())[:800]}"
    return "see its log"


def run_day(airflow: AirflowClient, day: date) -> None:
    """Run the daily DAG for one day and follow it. A day that is done is left, one that failed is run again.

    Days one after the other go quicker so than as backfills: Airflow refuses a second one until it has noted the end of
    the first.
    """
    if runs := runs_between(airflow, day, day):
        if all(run["state"] == "success" for run in runs):
            # A backfill with nothing to do would hold up the next one all the same.
            say(f"{day}: already done")
        else:
            run_backfill(airflow, day, day, reprocess="failed", parallel=1)
        return
    midnight = f"{day}T00:00:00Z"
    interval = {"data_interval_start": midnight, "data_interval_end": f"{day + timedelta(days=1)}T00:00:00Z"}
    run = airflow.post(f"/dags/{DAILY}/dagRuns", {"logical_date": midnight, "conf": {}, **interval})
    follow(airflow, DAILY, [str(run["dag_run_id"])])


def run_backfill(airflow: AirflowClient, first: date, last: date, reprocess: str, parallel: int) -> int:
    """Backfill a range, follow it and what runs beside it; return how many runs there were. What is done is left."""
    started = backfill(airflow, first, last, reprocess, parallel)
    total = (last - first).days + 1
    if not started:
        # Runs that are under way already are followed all the same.
        active = [r for r in runs_between(airflow, first, last) if r["state"] not in FINAL]
        started = [r["dag_run_id"] for r in active]
    if not started:
        say(f"{first} … {last}: already done ({total} days); --reprocess does them again")
        return 0
    say(f"{len(started)} of {total} days to run")
    follow(airflow, DAILY, started)
    wait_for_others(airflow)
    return len(started)
