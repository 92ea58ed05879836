"""Policy: what every DAG must have, and that the bag holds exactly these."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.services import airflow_setup
from include.settings import Settings

REPO = Path(__file__).parents[2]
DAG_IDS = {"marketing_daily", "marketing_on_drop", "maintenance"}
PIPELINE = [
    *("discover", "load", "dates", "build_staging", "check_staging", "build_facts", "build_marts"),
    *("build_anomalies", "build_insights", "publish_insights"),
]


def test_the_bag_holds_exactly_these_dags(bag: Any) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == DAG_IDS


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_every_dag_keeps_the_policy(bag: Any, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert dag.doc_md
    assert dag.doc_md.strip().startswith("###")
    assert "insightflow" in dag.tags
    assert dag.catchup is False
    assert dag.is_paused_upon_creation is False
    assert dag.start_date.isoformat() >= "2024-01-01"
    assert dag.on_failure_callback
    for task in dag.tasks:
        assert task.owner == "insightflow"
        assert task.execution_timeout <= timedelta(hours=2)
        assert task.on_failure_callback
        assert task.doc_md or task.python_callable.__doc__, task.task_id
        if task.task_id != "check_sums":  # sums do not get better by trying again
            assert task.retries == 3
            assert task.retry_exponential_backoff


@pytest.mark.parametrize("dag_id", ["marketing_daily", "marketing_on_drop"])
def test_both_marketing_dags_share_the_pipeline(bag: Any, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert [task.task_id for task in dag.topological_sort()] == PIPELINE
    assert [task.task_id for task in dag.leaves] == ["publish_insights"]
    assert [task.task_id for task in dag.roots] == ["discover"]


@pytest.mark.parametrize("dag_id", ["marketing_daily", "marketing_on_drop"])
def test_pools_limit_loads_and_builds(bag: Any, dag_id: str, settings: Settings) -> None:
    known = airflow_setup.pools(settings)
    pools = {task.task_id: task.pool for task in bag.dags[dag_id].tasks}
    assert pools["load"] == "landing"
    for task_id, pool in pools.items():
        if task_id.startswith("build_") or task_id == "check_staging":
            assert pool == "warehouse_build", task_id
    assert set(pools.values()) <= {*known, "default_pool"}
    assert known["warehouse_build"][0] == settings.build_slots


def test_publishing_runs_after_skipped_but_not_after_failed_tasks(bag: Any) -> None:
    dag = bag.dags["marketing_daily"]
    assert dag.get_task("publish_insights").trigger_rule == "none_failed"
    assert dag.get_task("dates").trigger_rule == "none_failed"
    # A direct follower of the short circuit would be skipped by it.
    assert dag.get_task("publish_insights").upstream_task_ids == {"build_insights"}


def test_the_daily_dag_has_data_intervals_of_a_utc_day(bag: Any) -> None:
    timetable = bag.dags["marketing_daily"].timetable
    assert type(timetable).__name__ == "CronDataIntervalTimetable"
    assert timetable.expression in ("@daily", "0 0 * * *")
    assert str(timetable.timezone) == "UTC"


def test_dag_files_import_quickly_and_touch_no_network(airflow_settings: None) -> None:
    program = """
import runpy, socket, sys, time
import airflow.sdk, airflow.triggers.base

def refuse(*arguments, **named):
    raise AssertionError("a DAG file opens a connection")

socket.socket.connect = refuse
socket.create_connection = refuse
for path in sys.argv[1:]:
    began = time.process_time()
    runpy.run_path(path)
    print(path, time.process_time() - began)
heavy = {"dbt.cli", "great_expectations", "clickhouse_connect", "pandas", "chdb", "include.landing"} & set(sys.modules)
assert not heavy, heavy
"""
    files = sorted(map(str, (REPO / "dags").glob("*.py")))
    assert len(files) == len(DAG_IDS)
    path = f"{REPO}{os.pathsep}{REPO / 'plugins'}"
    done = subprocess.run(
        [sys.executable, "-c", program, *files],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seconds = [float(line.split()[-1]) for line in done.stdout.splitlines() if ".py " in line]
    assert len(seconds) == len(files)
    assert max(seconds) < 1.0
