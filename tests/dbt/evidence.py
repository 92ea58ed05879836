"""What every insight must prove: evidence with numbers, dates and keys, and SQL that shows the rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from clickhouse_connect.driver.client import Client

from tests.dbt.conftest import Project

MODELS = Path(__file__).parents[2] / "dbt_project" / "models" / "insights" / "_insights.yml"
# Kinds that anomalies become.
ANOMALY_KINDS = {
    "spend_spike", "spend_stop", "tracking_break", "ctr_collapse", "cpc_jump", "level_shift", "duplicate_load",
    "partial_load", "data_missing", "metric_anomaly",
}  # fmt: skip
MONEY = ("cost", "conversion_value", "cpc", "cpa", "budget")
EACH = 5  # rows of a kind whose SQL is run


def kinds_of_contract() -> set[str]:
    """Every kind that the feed and the budgets may have."""
    models = yaml.safe_load(MODELS.read_text())["models"]
    tests = [test for model in models for test in model.get("data_tests", []) if "insight_is_sound" in test]
    return {kind for test in tests for kind in test["insight_is_sound"]["arguments"]["kinds"]}


def assert_proven(project: Project, workspaces: str) -> set[str]:
    """Run the evidence's SQL of some insights of each kind, check its keys and numbers; return the kinds seen."""
    columns = (
        "workspace, platform, entity_type, entity_id, kind, date_start, date_end, title, impact_currency, evidence"
    )
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
        assert_shown(project.client, row)
        seen.add(row["kind"])
    return seen


def assert_shown(client: Client, row: Mapping[str, Any]) -> None:
    """The evidence's SQL runs and has the figure that the insight tells, in the currency in which it tells it.

    ``row``: of the feed, with kind, date_end, title and evidence.
    """
    evidence = json.loads(row["evidence"]) if isinstance(row["evidence"], str) else row["evidence"]
    result = client.query(evidence["sql"])
    rows = [dict(zip(result.column_names, values, strict=True)) for values in result.result_rows]
    kind, told = row["kind"], f"{row['title']}: {evidence['sql']}"
    assert rows, f"no rows behind {told}"
    if any(name in rows[0] for name in MONEY):
        assert "currency" in rows[0], told
        money = [line for line in rows if any(line.get(name) for name in MONEY)]
        assert all(line["currency"] for line in money), told
        named = {line["currency"] for line in money}
        assert not named or row["impact_currency"] in named, told

    def total(name: str, lines: list[dict[str, Any]] = rows) -> float:
        return float(sum(line[name] or 0 for line in lines))

    if kind in ("waste", "top_performer", "worst_performer", "concentration_risk"):
        assert (total("cost"), total("conversion_value")) == _about(evidence["cost"], evidence["value"] or 0), told
    elif kind == "budget_shift":
        sides = [(evidence[side]["campaign_name"], evidence[side]["cost"]) for side in ("giver", "receiver")]
        assert {name: _about(cost) for name, cost in sides} == {
            line["campaign_name"]: (float(line["cost"]),) for line in rows
        }, told
    elif kind == "creative_fatigue":
        ad, week = evidence["ads"][0], row["date_end"] - timedelta(6)
        recent = [line for line in rows if line["ad_key"] == ad["ad_id"] and line["date"] >= week]
        assert (total("clicks", recent), total("clicks", recent) / total("impressions", recent)) == _about(
            ad["clicks"], ad["ctr_recent"]
        ), told
    elif kind == "missing_rate":
        assert (total("cost"),) == _about(evidence["amount"]), told
    elif kind == "rows_rejected":
        assert len(rows) == sum(evidence["reasons"].values()), told
    elif kind in ("budget_overrun", "budget_underspend"):
        assert (float(rows[0]["budget"]), float(rows[0]["projected_spend"])) == _about(
            evidence["budget"], evidence["projected_spend"]
        ), told
    else:
        last, before = rows[-1], rows[0]
        assert (before["date"], last["date"]) == (row["date_start"] - timedelta(14), row["date_end"]), told
        assert len({line["date"] for line in rows}) == (last["date"] - before["date"]).days + 1, f"a day lacks: {told}"
        keys = evidence["rows"]
        span = client.query(
            "SELECT max(span_days) FROM marts.anomaly_daily WHERE (workspace, platform, entity_type, entity_id, metric, date)"
            " = ({workspace:String}, {platform:String}, {type:String}, {id:String}, {metric:String}, {day:Date})",
            parameters={
                "workspace": keys["workspace"], "platform": keys["platform"], "type": keys["entity_type"],
                "id": keys["entity_id"], "metric": evidence["metric"], "day": row["date_end"],
            },
        ).first_row[0]  # fmt: skip
        if span <= 1:  # what is told of several days is in no single row
            shown = last[evidence["metric"]]
            assert (float(shown or 0),) == _about(evidence["value"] or 0), told


def _about(*values: float) -> Any:
    return pytest.approx(values, rel=1e-4, abs=1e-4)


def numbers(evidence: dict[str, Any]) -> list[float]:
    """The numbers of the evidence's first level and of its maps."""
    flat = [*evidence.values(), *(v for part in evidence.values() if isinstance(part, dict) for v in part.values())]
    return [value for value in flat if isinstance(value, int | float) and not isinstance(value, bool)]
