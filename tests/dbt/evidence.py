"""What every insight must prove: evidence with numbers, dates and keys, and SQL that shows the rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.dbt.conftest import Project

MODELS = Path(__file__).parents[2] / "dbt_project" / "models" / "insights" / "_insights.yml"
# Kinds that anomalies become.
ANOMALY_KINDS = {
    "spend_spike", "spend_stop", "tracking_break", "ctr_collapse", "cpc_jump", "level_shift", "duplicate_load",
    "partial_load", "data_missing", "metric_anomaly",
}  # fmt: skip
EACH = 5  # rows of a kind whose SQL is run


def kinds_of_contract() -> set[str]:
    """Every kind that the feed and the budgets may have."""
    models = yaml.safe_load(MODELS.read_text())["models"]
    tests = [test for model in models for test in model.get("data_tests", []) if "insight_is_sound" in test]
    return {kind for test in tests for kind in test["insight_is_sound"]["arguments"]["kinds"]}


def assert_proven(project: Project, workspaces: str) -> set[str]:
    """Run the evidence's SQL of some insights of each kind, check its keys and numbers; return the kinds seen."""
    columns = "workspace, platform, entity_type, entity_id, kind, date_start, date_end, title, evidence"
    rows = project.client.query(
        f"SELECT {columns} FROM (SELECT {columns} FROM marts.insight_feed UNION ALL SELECT {columns} FROM marts.insight_budgets)"
        f" WHERE match(workspace, {{w:String}}) ORDER BY cityHash64(title, date_end) LIMIT {EACH} BY kind",
        parameters={"w": workspaces},
    ).named_results()
    seen = set()
    for row in rows:
        evidence = json.loads(row["evidence"])
        keys = evidence["rows"]
        assert {name: keys[name] for name in ("workspace", "platform", "entity_type", "entity_id")} == {
            name: row[name] for name in ("workspace", "platform", "entity_type", "entity_id")
        }
        assert str(row["date_end"]) in evidence["dates"], row["title"]
        assert numbers(evidence), row["title"]
        assert project.query(evidence["sql"]), f"no rows behind {row['kind']}: {evidence['sql']}"
        seen.add(row["kind"])
    return seen


def numbers(evidence: dict[str, Any]) -> list[float]:
    """The numbers of the evidence's first level and of its maps."""
    flat = [*evidence.values(), *(v for part in evidence.values() if isinstance(part, dict) for v in part.values())]
    return [value for value in flat if isinstance(value, int | float) and not isinstance(value, bool)]
