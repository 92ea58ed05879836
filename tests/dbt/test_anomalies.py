"""Anomalies and insights on generated series with planted problems, by real dbt on the embedded ClickHouse."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.dbt.conftest import Project, failures

pytestmark = pytest.mark.integration

FIRST = date(2025, 9, 1)
DAYS = 100
LAST = FIRST + timedelta(DAYS - 1)
PROMOTION = (84, 91)  # workspace `example` in seeds/promotions.csv
MATURITY = (0.80, 0.92, 0.97, 0.99)
WEEK = np.array([1.08, 1.1, 1.05, 1.02, 1.0, 0.85, 0.9])
MODELS = [
    "fct_ad_performance_daily",
    "int_fx_rates_daily",
    "int_export_conversions",
    "mart_campaign_daily",
    "mart_account_daily",
    "mart_platform_daily",
    "mart_ad_daily",
    "mart_ad_group_daily",
    "mart_budget_pacing",
    "path:models/anomalies",
    "path:models/insights",
]
EVENTS = (
    "SELECT date, entity_type, entity_name, kind FROM marts.int_anomaly_events WHERE workspace = 'bench' AND is_cause"
)


def day(index: int) -> date:
    return FIRST + timedelta(index)


@dataclass
class Campaign:
    """Expected clicks a day and rates; `change` says what a day index does to (volume, ctr, cpc, cvr)."""

    platform: str
    account: str
    currency: str
    name: str
    clicks: float
    ctr: float = 0.03
    cpc: float = 0.8
    cvr: float = 0.03
    aov: float = 60.0
    change: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)
    omitted: frozenset[int] = frozenset()


def days_of(start: int, end: int, *factors: float) -> dict[int, tuple[float, float, float, float]]:
    volume, ctr, cpc, cvr = factors
    return dict.fromkeys(range(start, end + 1), (volume, ctr, cpc, cvr))


def planted_campaigns() -> list[Campaign]:
    """Nine campaigns of three accounts; what is planted is in PLANTED."""
    google = ("google_ads", "g-1", "USD")
    meta, social = ("meta_ads", "m-1", "EUR"), ("meta_ads", "m-2", "USD")
    twice = days_of(64, 64, 2, 1, 1, 1)
    return [
        Campaign(*google, "Brand", 2500, cpc=0.5, cvr=0.05, change=days_of(60, 60, 2.8, 1, 1, 0.7)),
        Campaign(*google, "Search, non-brand", 1800, change=days_of(70, 71, 1, 1, 1, 0)),
        Campaign(*google, "Shopping", 1500, ctr=0.012, change=days_of(80, 80, 1, 0.35, 1, 1)),
        Campaign(*google, "Display", 900, ctr=0.006, cvr=0.02, change=days_of(88, DAYS, 1.9, 1, 1, 1)),
        Campaign(*meta, "DE | Prospecting", 2200, omitted=frozenset({50, 66, 67})),
        Campaign(*meta, "DE | Retargeting", 1400, change=days_of(75, 75, 0.85, 1, 2.2, 1), omitted=frozenset({50})),
        Campaign(*meta, "DE | Catalogue", 1200, omitted=frozenset({50})),
        Campaign(*social, "US | Hikes", 1600, change=twice),
        Campaign(*social, "US | Lookalike", 1100, change=twice),
    ]


PLANTED = [
    # kind, entity, first day, days by which it must be named
    ("spend_spike", "Brand", 60, [60]),
    ("tracking_break", "Search, non-brand", 70, [70, 71]),
    ("ctr_collapse", "Shopping", 80, [80]),
    ("level_shift", "Display", 88, [91, 92]),
    ("spend_stop", "DE | Prospecting", 66, [66, 67]),
    ("cpc_jump", "DE | Retargeting", 75, [75]),
    ("duplicate_load", "m-2", 64, [64]),
    ("data_missing", "m-1", 50, [50]),
]


def generate(
    campaigns: Sequence[Campaign], *, days: int = DAYS, seed: int = 7, workspace: str = "bench"
) -> list[dict[str, Any]]:
    """Rows of staging: gamma and count noise, a weekly rhythm; the last days are exported young, conversions are late."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, c in enumerate(campaigns):
        for i in range(days):
            volume, ctr, cpc, cvr = c.change.get(i, (1.0, 1.0, 1.0, 1.0))
            expected = c.clicks * WEEK[day(i).weekday()] * volume * rng.gamma(100, 0.01)
            impressions = int(rng.poisson(expected / c.ctr))
            clicks = int(rng.binomial(impressions, min(c.ctr * ctr * np.exp(rng.normal(0, 0.02)), 1)))
            conversions = int(rng.binomial(clicks, c.cvr * cvr))
            cost = round(clicks * c.cpc * cpc * float(np.exp(rng.normal(0, 0.03))), 2)
            age = min(days - 1 - i, 30)
            if age < len(MATURITY):
                conversions = int(rng.binomial(conversions, MATURITY[age]))
            value = round(conversions * c.aov * float(np.exp(rng.normal(0, 0.03))), 2)
            if i not in c.omitted:
                rows.append(
                    row(workspace, i, number, c.name, impressions, clicks, cost, conversions, value, age)
                    | {
                        "platform": c.platform,
                        "account_id": c.account,
                        "account_name": c.account,
                        "currency": c.currency,
                    }
                )
    return rows


def row(workspace: str, index: int, number: int, name: str, *metrics: float | None) -> dict[str, Any]:
    """A campaign's day; metrics are impressions, clicks, cost, conversions, value, age of the export in days."""
    *numbers, age = metrics
    names = ("impressions", "clicks", "cost", "conversions", "conversion_value")
    exported = datetime.combine(day(index), datetime.min.time(), UTC) + timedelta(int(age or 0))
    return {
        "workspace": workspace, "campaign_id": f"c{number}", "campaign_name": name, "date": day(index),
        "row_number": number, "exported_at": exported, **dict(zip(names, numbers, strict=True)),
    }  # fmt: skip


def trap_rows() -> list[dict[str, Any]]:
    """Series that break naive z-scores, in a workspace of their own; and one with a promotion."""
    rows = []
    for i in range(DAYS):
        factor = 10 if i == 90 else 1
        rows.append(
            row("traps", i, 0, "constant", 1000 * factor, 100 * factor, 50 * factor, 5 * factor, 300 * factor, 30)
        )
        rows.append(row("traps", i, 1, "tiny", 60, 2 + (i * 7) % 3, 1.5, int(i % 9 == 0), 20 * int(i % 9 == 0), 30))
        rows.append(row("traps", i, 2, "silent", 0, 0, 0, 0, 0, 30))
        rows.append(row("traps", i, 3, "no value", 5000, None if i == 80 else 200, 100, None, None, 30))
    promoted = Campaign("google_ads", "e-1", "USD", "Sale", 2000, change=days_of(*PROMOTION, 3, 1, 1, 1))
    return rows + generate([promoted], workspace="example")


def build(project: Project, *dates: date, full_refresh: bool = False) -> None:
    if dates:
        project.request(dates)
    outcome = project.dbt("run", "--select", *MODELS, *(["--full-refresh"] if full_refresh else []))
    assert outcome.success, failures(outcome)


@pytest.fixture(scope="module")
def bench(dbt_warehouse: Project) -> Iterator[Project]:
    """The generated history, scored once."""
    dbt_warehouse.clear()
    rows = generate(planted_campaigns()) + trap_rows()
    for number in range(0, DAYS, 50):  # a block may touch 100 partitions at most
        wanted = {day(i) for i in range(number, number + 50)}
        dbt_warehouse.stage(r for r in rows if r["date"] in wanted)
    build(dbt_warehouse, full_refresh=True)
    yield dbt_warehouse
    dbt_warehouse.clear()


def snapshot(project: Project) -> dict[str, list[str]]:
    kept = ("int_anomaly_scores", "int_anomaly_events", "anomaly_daily", "insight_feed")
    return {table: rows for table, rows in project.snapshot().items() if table in kept}


@pytest.mark.parametrize(("kind", "entity", "start", "days"), PLANTED)
def test_planted_problem_is_found_with_its_kind_on_its_day(
    bench: Project, kind: str, entity: str, start: int, days: list[int]
) -> None:
    found = bench.query(
        f"SELECT date, min(event_start) FROM ({EVENTS.replace('kind FROM', 'kind, event_start FROM')})"
        f" WHERE entity_name = '{entity}' AND kind = '{kind}' GROUP BY date"
    )
    named = dict(found)
    assert {day(i) for i in days} <= set(named), f"{kind} of {entity} found on {sorted(named)}"
    assert named[day(days[-1])] == day(start)


def test_few_false_alarms(bench: Project) -> None:
    """At most 2 events that were not planted, in 9 campaigns, 3 accounts and 2 platforms over 80 scored days."""
    entities = {
        entity: (start, DAYS if kind == "level_shift" else days[-1] + 1) for kind, entity, start, days in PLANTED
    }
    false = [
        event
        for event in bench.query(EVENTS)
        if not any(e == event[2] and day(a) <= event[0] <= day(b) for e, (a, b) in entities.items())
    ]
    assert len(false) <= 2, false


def test_one_cause_is_one_insight_with_its_symptoms_as_evidence(bench: Project) -> None:
    anomalies = "kind NOT IN ('waste', 'top_performer', 'worst_performer') AND workspace = 'bench'"
    (kind, evidence), *others = bench.query(
        f"SELECT kind, evidence FROM marts.insight_feed WHERE date_end = '{day(64)}' AND {anomalies}"
    )
    assert (kind, others) == ("duplicate_load", [])
    children = {child["entity_name"] for child in json.loads(evidence)["children"]}
    assert {"US | Hikes", "US | Lookalike"} <= children

    shifts = bench.query(
        "SELECT insight_key, count(), max(date_end) FROM marts.insight_feed"
        f" WHERE entity_name = 'Display' AND date_end >= '{day(88)}' AND {anomalies} GROUP BY insight_key"
    )
    assert len(shifts) == 1, "a level shift is one insight on all its days"
    assert shifts[0][0] == f"spend_spike|google_ads|g-1|campaign|c3|{day(88)}"
    assert shifts[0][2] < LAST, "and becomes the new normal"


def test_insights_are_ranked_named_and_proven(bench: Project) -> None:
    feed = bench.query(
        "SELECT workspace, date_end, entity_name, title, body, toFloat64(impact_amount) * confidence, evidence"
        " FROM marts.insight_feed ORDER BY workspace, date_end, rank"
    )
    for before, after in itertools.pairwise(feed):
        assert before[:2] != after[:2] or before[5] >= after[5]
    assert all(entity in title for _, _, entity, title, *_ in feed if entity not in ("google_ads", "meta_ads"))
    broken = next(f for f in feed if f[1] == day(71) and f[2] == "Search, non-brand")
    assert "no conversions" in broken[3]
    assert "USD " in broken[4]
    evidence = json.loads(broken[6])
    assert evidence["dates"] == [str(day(70)), str(day(71))]
    assert evidence["value"] == 0 < evidence["lower"] < evidence["expected"]
    shown = bench.query(evidence["sql"])
    assert [r[0] for r in shown] == [day(i) for i in range(56, 72)]


def test_tests_of_the_layers_pass(bench: Project) -> None:
    for layer in ("anomalies", "insights"):
        outcome = bench.dbt("test", "--select", f"path:models/{layer}")
        assert outcome.success, failures(outcome)
        assert "unit_test" in {node["resource_type"] for node in outcome.nodes}


def test_no_score_is_infinite_and_the_day_is_not_in_its_own_baseline(bench: Project) -> None:
    scores = bench.query(
        "SELECT entity_name, metric, date, z_score, is_flagged FROM marts.int_anomaly_scores"
        " WHERE workspace = 'traps' AND entity_type = 'campaign'"
    )
    assert all(np.isfinite(z) for *_, z, _ in scores)
    flagged = {(name, metric, when) for name, metric, when, _, flag in scores if flag}
    assert {name for name, *_ in flagged} == {"constant"}, "tiny, silent and unknown series prove nothing"
    assert {when for *_, when in flagged} == {day(90)}
    z = max(z for name, _, when, z, _ in scores if (name, when) == ("constant", day(90)))
    assert z > np.sqrt(42), "a window that held the day itself could not exceed this"


def test_unknown_is_not_zero(bench: Project) -> None:
    metrics = bench.query(
        "SELECT DISTINCT metric FROM marts.int_anomaly_scores WHERE workspace = 'traps' AND entity_name = 'no value'"
        f" AND date = '{day(80)}'"
    )
    assert {m for (m,) in metrics} == {"impressions", "cost"}, "no score for clicks or conversions of that day"


def test_a_missing_day_is_no_zero(bench: Project) -> None:
    rows = bench.query(
        "SELECT entity_type, count(), countIf(kind = 'data_missing') FROM marts.anomaly_daily"
        f" WHERE date = '{day(50)}' AND workspace = 'bench' GROUP BY entity_type"
    )
    assert rows == [("account", 1, 1)], "neither its campaigns nor its platform are flagged"


def test_young_conversions_are_judged_by_their_age(bench: Project) -> None:
    rows = bench.query(
        "SELECT date, any(maturity), max(is_provisional), countIf(is_flagged) FROM marts.int_anomaly_scores"
        f" WHERE metric IN ('conversions', 'cvr', 'cpa', 'roi') AND date > '{LAST}'::Date - 4 AND workspace = 'bench'"
        " AND entity_type = 'campaign' GROUP BY date ORDER BY date"
    )
    assert [(m, p) for _, m, p, _ in rows] == [(0.99, True), (0.97, True), (0.92, True), (0.8, True)]
    assert sum(flags for *_, flags in rows) == 0


def test_more_volume_in_a_promotion_is_no_anomaly(bench: Project) -> None:
    rows = bench.query(
        "SELECT countIf(z_score >= 3.5), countIf(is_flagged) FROM marts.int_anomaly_scores"
        f" WHERE workspace = 'example' AND date BETWEEN '{day(PROMOTION[0])}' AND '{day(PROMOTION[1])}'"
    )
    assert rows[0][0] > 0
    assert rows[0][1] == 0


def test_running_the_last_days_again_changes_nothing(bench: Project) -> None:
    before = snapshot(bench)
    build(bench, day(97), day(98), day(99))
    assert snapshot(bench) == before


def test_a_restated_day_is_judged_again_with_the_days_after_it(bench: Project) -> None:
    """The spike of day 60 is taken back: it is gone, and the flags are those of a full refresh."""
    corrected = planted_campaigns()
    corrected[0].change = {}
    rows = [r for r in generate(corrected) + trap_rows() if r["date"] == day(60)]
    bench.stage(rows)
    build(bench, day(60))
    flags = "SELECT * EXCEPT (value, expected, lower, upper, z_score, impact_reporting) FROM marts.anomaly_daily ORDER BY ALL"
    keys = "SELECT insight_key, date_end, kind FROM marts.insight_feed ORDER BY ALL"
    incremental = bench.query(flags), bench.query(keys)
    assert not bench.query(f"SELECT 1 FROM marts.anomaly_daily WHERE date = '{day(60)}' AND workspace = 'bench'")
    build(bench, full_refresh=True)
    assert (bench.query(flags), bench.query(keys)) == incremental
