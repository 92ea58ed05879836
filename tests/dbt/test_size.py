"""The largest query of the project stays well below the size that the engine takes: beyond it there are no insights at all."""

from __future__ import annotations

from datetime import date

import pytest

from tests.dbt.conftest import Project, failures

pytestmark = pytest.mark.integration

LEAST_LEFT = 0.1


def test_the_query_of_all_kinds_of_insights_leaves_room(project: Project) -> None:
    project.run()
    project.request([date(2026, 6, 30)])
    outcome = project.dbt("run", "--select", "path:models/anomalies", "path:models/insights")
    assert outcome.success, failures(outcome)
    [sql] = [node["sql"] for node in outcome.nodes if node["node"] == "int_insight_candidates"]
    [(limit,)] = project.query("SELECT toUInt64(default) FROM system.settings WHERE name = 'max_ast_elements'")
    # Refused with TOO_BIG_AST where less is left: make a table of a kind of insights, as int_insight_data is.
    project.client.query(f"EXPLAIN AST {sql}", settings={"max_ast_elements": int(limit * (1 - LEAST_LEFT))})
