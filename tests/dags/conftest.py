"""The DAG bag, parsed once as Airflow parses it, without a server."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def airflow_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Airflow's configuration of this repository, its database a file that nobody needs."""
    home = tmp_path_factory.mktemp("airflow")
    values = {
        "AIRFLOW_HOME": str(REPO),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/unused.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "INSIGHTFLOW_HOME": str(home / "insightflow"),
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    sys.path.append(str(REPO / "plugins"))
    yield
    sys.path.remove(str(REPO / "plugins"))
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="session")
def bag(airflow_settings: None) -> Any:
    """All DAGs of the folder ``dags``."""
    from airflow.dag_processing.dagbag import DagBag

    folder = REPO / "dags"
    assert folder.is_dir()
    return DagBag(folder)
