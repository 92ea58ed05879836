"""Airflow's links: the navigation, a run's page, the publishing task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest


def test_the_navigation_and_each_run_lead_to_the_dashboard(airflow_settings: None) -> None:
    from insightflow_links import InsightFlowLinks

    from include.settings import get_settings

    address = get_settings().public_url
    assert address == f"http://{get_settings().host}:{get_settings().api_port}"
    views = {view["name"]: view for view in InsightFlowLinks.external_views}
    assert {name: view["href"] for name, view in views.items()} == {
        "InsightFlow": f"{address}/",
        "Insights": f"{address}/?view=inbox&status=any&run={{RUN_ID}}",
        "dbt docs": f"{address}/dbt-docs",
        "Insights API": f"{address}/docs",
    }
    # At the top level an entry without a route is a button that leads nowhere.
    assert all(view["url_route"] for view in views.values() if view.get("nav_top_level"))
    assert views["InsightFlow"]["nav_top_level"] and views["dbt docs"]["nav_top_level"]
    assert views["Insights"]["destination"] == "dag_run"
    # An app that a plugin mounts answers anybody.
    assert not InsightFlowLinks.fastapi_apps
    assert not InsightFlowLinks.flask_blueprints


@pytest.mark.parametrize("dag_id", ["marketing_daily", "marketing_on_drop"])
def test_the_publishing_task_links_to_the_insights_of_its_run(bag: Any, dag_id: str) -> None:
    from include.settings import get_settings

    task = bag.dags[dag_id].get_task("publish_insights")
    [link] = task.operator_extra_links
    found = link.get_link(task, ti_key=SimpleNamespace(run_id="scheduled__2026-06-30T00:00:00+00:00"))
    assert found == (
        f"{get_settings().public_url}/?view=inbox&status=any&run=scheduled__2026-06-30T00%3A00%3A00%2B00%3A00"
    )
    linked = [t.task_id for t in bag.dags[dag_id].tasks if link.name in {one.name for one in t.operator_extra_links}]
    assert linked == ["publish_insights"], "no other task has the link"


@pytest.mark.parametrize("dag_id", ["marketing_daily", "marketing_on_drop"])
def test_the_checking_task_links_to_the_results_of_its_run(bag: Any, dag_id: str) -> None:
    from include.settings import get_settings

    task = bag.dags[dag_id].get_task("check_staging")
    [link] = task.operator_extra_links
    found = link.get_link(task, ti_key=SimpleNamespace(run_id="manual__2026-06-30T00:00:00+00:00"))
    assert found == f"{get_settings().public_url}/quality?run=manual__2026-06-30T00%3A00%3A00%2B00%3A00"
