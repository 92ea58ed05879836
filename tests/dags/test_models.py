"""``INSIGHTFLOW_DBT_TASKS=models``: the DAGs with a task a dbt model, parsed as Airflow parses them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import REPO
from include.transform.runner import manifest_file, write_manifest
from tests.support.engines import settings_of

SCRIPT = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag("dags")
dag = bag.dags.get("marketing_daily")
tasks = {t.task_id: sorted(t.upstream_task_ids) for t in dag.tasks} if dag else {}
print(json.dumps({"errors": bag.import_errors, "tasks": tasks, "pools": {t.task_id: t.pool for t in dag.tasks} if dag else {}}))
"""


def parse(home: Path) -> dict[str, dict[str, object]]:
    values = {
        "AIRFLOW_HOME": str(REPO),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/unused.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "INSIGHTFLOW_HOME": str(home),
        "INSIGHTFLOW_DBT_TASKS": "models",
        "PYTHONPATH": f"{REPO}:{REPO / 'plugins'}",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=REPO, env=os.environ | values, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@pytest.mark.integration
def test_every_model_is_a_task_between_the_steps_of_a_run(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert "bin/insightflow up" in str(parse(tmp_path)["errors"]), "says what is missing"
    assert write_manifest(settings)
    assert not write_manifest(settings), "kept while the project is the same"
    manifest = json.loads(manifest_file(settings).read_text())
    models = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["materialized"] != "ephemeral"
    }
    found = parse(tmp_path)
    assert found["errors"] == {}
    tasks = found["tasks"]
    assert models <= {name.split(".")[1].removesuffix("_run") for name in tasks if "." in name}
    assert "check_staging" in {up for task, ups in tasks.items() if task.startswith("marts.") for up in ups}
    assert {pool for task, pool in found["pools"].items() if "producer" in task and "done" not in task} == {
        "dbt_models"
    }
