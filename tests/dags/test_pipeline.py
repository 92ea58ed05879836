"""What ends a task at once, and what is tried again."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError

from include.orchestration.pipeline import what_lasts_fails_at_once
from include.quality import QualityError, QualityReport
from include.quality.report import Finding
from include.quality.suite import load_suite
from include.transform.report import BuildError, BuildReport
from include.transform.results import NodeResult


def of_check(*passing: bool) -> QualityError:
    found = [Finding("c", "", "error", False, "1 row", 1, "c: no", passing=gone) for gone in passing]
    found.append(Finding("w", "", "warning", False, "1 row", 1, "w: no"))
    return QualityError(QualityReport("r", "s", (), datetime(2026, 7, 1, tzinfo=UTC), tuple(found), "", 0.0))


def of_build(*statuses: str) -> BuildError:
    nodes = tuple(NodeResult(f"n{i}", "test", status, 1, 0.1, "no") for i, status in enumerate(statuses))
    return BuildError("dbt cannot build", BuildReport("marts", "r", (), False, 1.0, nodes))


@pytest.mark.parametrize(
    "error", [of_check(False), of_check(True, False), of_build("pass", "fail"), of_build("error", "fail")]
)
def test_data_that_fail_a_test_fail_the_task_without_retries(error: Exception) -> None:
    with pytest.raises(AirflowFailException) as caught, what_lasts_fails_at_once():
        raise error
    assert str(caught.value) == str(error)


@pytest.mark.parametrize(
    "error", [of_check(True), of_build("error", "skipped"), BuildError("dbt gave no reason"), ConnectionError("away")]
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    with pytest.raises(type(error)), what_lasts_fails_at_once():
        raise error


@pytest.mark.parametrize("dag_id", ["marketing_daily", "marketing_on_drop"])
@pytest.mark.parametrize("conf", [{"full_refresh": "false"}, {"date": "2026-06-30"}, {"dates": ["2026-06-301"]}])
@pytest.mark.parametrize("task_id", ["discover", "dates"])
def test_a_wrong_configuration_fails_the_run_before_anything_is_done(
    bag: Any, dag_id: str, conf: dict[str, Any], task_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = {"run_id": "r", "dag_run": SimpleNamespace(conf=conf)}
    monkeypatch.setattr("include.orchestration.pipeline.get_current_context", lambda: context)
    with pytest.raises(AirflowFailException):
        bag.dags[dag_id].get_task(task_id).python_callable()


@pytest.mark.parametrize("dag_id", ["marketing_daily", "marketing_on_drop"])
def test_airflow_refuses_wrong_types_when_a_run_is_triggered(bag: Any, dag_id: str) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    # As the scheduler and the API read it.
    params = DagSerialization.from_dict(DagSerialization.to_dict(bag.dags[dag_id])).params
    for good in ({}, {"dates": ["2026-06-30"]}, {"dates": "2026-06-30"}, {"full_refresh": True}):
        params.deep_merge(good).validate()
    for bad in ({"full_refresh": "false"}, {"dates": 20260630}, {"dates": ["2026-06-301"]}):
        with pytest.raises(ParamValidationError):
            params.deep_merge(bad).validate()


def test_rows_that_another_run_stages_meanwhile_are_looked_at_again() -> None:
    assert [check.name for check in load_suite("stg_ad_performance").expectations if check.passing] == [
        "rows_are_conserved"
    ]


@pytest.mark.parametrize("task_id", ["check_staging", "build_marts"])
def test_the_tasks_that_test_data_keep_to_it(bag: Any, task_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise of_check(False)

    monkeypatch.setattr("include.orchestration.pipeline.get_current_context", lambda: {"run_id": "r", "dag_run": None})
    monkeypatch.setattr("include.orchestration.days.wants_full_refresh", lambda context: False)
    monkeypatch.setattr("include.quality.check_staging", fails)
    monkeypatch.setattr("include.transform.build", fails)
    arguments = [{}] if task_id == "check_staging" else ["marts", {}]
    with pytest.raises(AirflowFailException):
        bag.dags["marketing_daily"].get_task(task_id).python_callable(*arguments)
