"""The page that Airflow's build tasks link to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from include.api.app import create_app
from include.settings import Settings
from include.transform import results
from include.transform.results import NodeResult

LogIn = Callable[[str], dict[str, str]]


@pytest.mark.integration
def test_models_and_tests_of_a_build_with_their_sql(site: Settings, log_in: LogIn) -> None:
    nodes = [
        NodeResult("mart_x", "model", "success", 12, 0.5, "OK", "model.insightflow.mart_x", "select 1 < 2"),
        NodeResult("unique_x", "test", "fail", 3, 0.1, "Got 3 results", "test.insightflow.unique_x", "select 3"),
    ]
    results.keep(site, "run <1>", "marts", nodes)
    address = "/dbt-docs/builds"
    with TestClient(create_app(site)) as browser:
        assert browser.get(address, params={"run": "run <1>"}, follow_redirects=False).status_code == 303
        browser.post("/dbt-docs/session", headers=log_in("vic"))
        shown = browser.get(address, params={"run": "run <1>", "layer": "marts"}).text
        assert "select 1 &lt; 2" in shown and "run &lt;1&gt;" in shown
        assert "<td>mart_x</td><td>model</td><td>success</td><td>12</td><td>0.50</td>" in shown
        assert "<tr class=bad><td>marts</td><td>unique_x</td>" in shown
        assert "nothing was built" in browser.get(address, params={"run": "another"}).text


@pytest.mark.integration
def test_the_summary_names_a_failed_build_until_its_layer_stands_again(site: Settings, log_in: LogIn) -> None:
    node = NodeResult("mart_x", "model", "success", 12, 0.5, "OK", "model.insightflow.mart_x", "")
    for layer in ("facts", "marts"):
        results.keep(site, "run 1", layer, [node])

    def failed() -> dict[str, str] | None:
        with TestClient(create_app(site)) as browser:  # an app of its own remembers no answer
            answer = browser.get("/api/v1/insights/summary", headers=log_in("vic")).json()
        return answer["freshness"]["failed_build"]

    assert failed() is None
    test = replace(node, resource_type="test", status="fail", message="a cell of somebody")
    results.keep(site, "run 2", "facts", [node, test])
    said = failed()
    assert said is not None and (said["run_id"], said["layer"], set(said)) == ("run 2", "facts", {"run_id", "layer", "finished_at"})  # fmt: skip
    results.keep(site, "run 2", "facts", [node])
    assert failed() is None
