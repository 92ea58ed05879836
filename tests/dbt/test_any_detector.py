"""What must hold of anomalies and insights whatever the detector.

Units, names, neighbours and the future do not matter: random worlds (seeded), each in variants that are workspaces of
their own, so that one build judges them all. One cause is one insight, up and down the hierarchy and across metrics,
and its evidence shows it: a workspace `grouped` with causes on every level.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from tests.dbt.conftest import Project
from tests.dbt.evidence import ANOMALY_KINDS, assert_proven
from tests.dbt.test_anomalies import DAYS, Campaign, build, day, days_of, generate

pytestmark = pytest.mark.integration

SEEDS = (1, 2, 3)
# Money in another unit. Odd, so that even cents stay even and odd ones odd: that all are even shows a doubled load.
FACTORS = {1: 3.0, 2: 1001.0, 3: 7.0}
TWICE = 45  # account m1 is loaded twice on this day
CUT = 90  # the variant `cut` ends here
MONEY = ("cost", "conversion_value", "cpc", "cpa")
JUDGED_FROM = 30  # a detector needs a past
Row = dict[str, Any]


@dataclass(frozen=True)
class World:
    """A workspace's campaigns; `planted` is the index of a campaign to the days its problem may show."""

    seed: int
    campaigns: list[Campaign]
    planted: dict[int, range]

    def name(self, variant: str) -> str:
        return f"{variant}{self.seed}"


def make_world(seed: int) -> World:
    """Three accounts on two platforms with ten campaigns of 10 to 3,000 clicks, six of them with a problem."""
    rng = np.random.default_rng(seed)
    accounts = [("google_ads", "g1", "USD"), ("meta_ads", "m1", "EUR"), ("meta_ads", "m2", "USD")]
    campaigns, planted = [], {}
    for number in range(10):
        start = int(rng.integers(50, CUT - 8))
        problem = [
            days_of(start, start + 1, 3, 1, 1, 1),
            days_of(start, start + 2, 1, 1, 1, 0),
            days_of(start, start, 1, 0.3, 1, 1),
            days_of(start, start + 1, 1, 1, 2.5, 1),
            days_of(start, DAYS, 2, 1, 1, 1),
            days_of(start, start + 1, 0, 1, 1, 1),
        ]
        change = problem[number] if number < len(problem) else {}
        twice = days_of(TWICE, TWICE, 2, 1, 1, 1) if accounts[number % 3][1] == "m1" else {}
        if change:  # and what it leaves behind in the baselines
            planted[number] = range(start, DAYS if number == 4 else start + 10)
        omitted = frozenset({60}) if accounts[number % 3][1] == "m2" else frozenset()
        clicks = float(np.exp(rng.uniform(np.log(200 if change else 10), np.log(3000))))
        campaigns.append(
            Campaign(
                *accounts[number % 3], f"Campaign {number}", clicks, cvr=float(rng.uniform(0.01, 0.05)),
                aov=float(rng.uniform(20, 120)), change=change | twice, omitted=omitted,
            )
        )  # fmt: skip
    return World(seed, campaigns, planted)


WORLDS = [make_world(seed) for seed in SEEDS]


def renamed(number: str, seed: int) -> str:
    """Another id for a campaign, in another order."""
    return f"x{(int(number[1:]) * 7 + seed) % 10}"


def variants(world: World) -> Iterator[Row]:
    rows = generate(world.campaigns, seed=world.seed, workspace=world.name("base"))
    factor = FACTORS[world.seed]
    crowd = [
        replace(make_world(world.seed + 100 * n).campaigns[n % 10], account=f"crowd{n % 4}", omitted=frozenset())
        for n in range(1, 31)
    ]
    for row in rows:
        yield row
        money = {name: round(row[name] * factor, 6) for name in ("cost", "conversion_value")}
        yield row | money | {"workspace": world.name("scaled")}
        if row["date"] <= day(CUT):
            yield row | {"workspace": world.name("cut")}
        yield row | {"workspace": world.name("crowd")}
    for row in reversed(rows):
        new = renamed(row["campaign_id"], world.seed)
        yield row | {"workspace": world.name("renamed"), "campaign_id": new, "campaign_name": f"Named {new}"}
    for row in generate(crowd, seed=world.seed + 50, workspace=world.name("crowd")):
        yield row | {"campaign_id": f"n{row['campaign_id']}", "campaign_name": f"Next {row['campaign_name']}"}


def grouped() -> list[Campaign]:
    """Two platforms; g1 has one campaign that outweighs the rest, Meta's two accounts have four alike each."""
    google, meta = ("google_ads", "g1", "USD"), [("meta_ads", "m1", "USD"), ("meta_ads", "m2", "USD")]
    common = days_of(75, 75, 1, 1, 2.5, 1)  # a click of all of Meta costs more
    faults = [days_of(70, 70, 1, 0.4, 1, 1) | common, days_of(82, 82, 0.45, 1, 1, 1) | common]
    own = [
        days_of(60, 60, 4, 1, 1, 1),
        days_of(80, 81, 1, 1, 1, 0),
        days_of(84, 84, 1, 1, 1, 2.5),
        {},
    ]
    return [
        *(
            Campaign(*google, f"G {n}", 8000 if n == 0 else 600, cvr=0.05, change=change)
            for n, change in enumerate(own)
        ),
        *(
            Campaign(*account, f"M {n}", 1500, change=fault)
            for account, fault in zip(meta, faults, strict=True)
            for n in range(4)
        ),
    ]


@pytest.fixture(scope="module")
def judged(dbt_warehouse: Project) -> Iterator[Project]:
    """All worlds and variants, judged by one build."""
    dbt_warehouse.clear()
    rows = [row for world in WORLDS for row in variants(world)] + generate(grouped(), workspace="grouped")
    for number in range(0, DAYS, 50):  # a block may touch 100 partitions at most
        wanted = {day(i) for i in range(number, number + 50)}
        dbt_warehouse.stage(row for row in rows if row["date"] in wanted)
    build(dbt_warehouse, full_refresh=True)
    yield dbt_warehouse
    dbt_warehouse.clear()


def anomalies(project: Project, workspace: str) -> dict[tuple[Any, ...], Row]:
    """Rows of marts.anomaly_daily by entity, day and metric."""
    found = project.client.query(
        "SELECT account_id, entity_type, entity_id, date, metric, value, expected, lower, upper, z_score, direction,"
        " kind, severity, toFloat64(impact_reporting) AS impact, baseline_days, event_start, cause_entity_type,"
        " cause_account_id, cause_entity_id FROM marts.anomaly_daily WHERE workspace = {w:String}",
        parameters={"w": workspace},
    )
    keys = ("account_id", "entity_type", "entity_id", "date", "metric")
    rows = list(found.named_results())
    assert len(rows) > 20, "a world has enough to compare"
    return {tuple(row[key] for key in keys): row for row in rows}


def feed(project: Project, workspace: str) -> dict[tuple[Any, ...], Row]:
    """Rows of marts.insight_feed by day, kind, account and entity."""
    found = project.client.query(
        "SELECT account_id, entity_type, entity_id, date_start, date_end, kind, severity, metric, rank, confidence,"
        " toFloat64(impact_amount) AS impact FROM marts.insight_feed WHERE workspace = {w:String}",
        parameters={"w": workspace},
    )
    keys = ("date_end", "kind", "account_id", "entity_type", "entity_id")
    return {tuple(row[key] for key in keys): row for row in found.named_results()}


def assert_same(one: Row, other: Row, factors: Row | None = None, slack: float = 0.0) -> None:
    """Numbers agree to nine digits (times their factor, give or take `slack`), everything else is the same."""
    for name, value in one.items():
        if isinstance(value, float) and other[name] is not None:
            wanted = value * (factors or {}).get(name, 1.0)
            assert math.isclose(other[name], wanted, rel_tol=1e-9, abs_tol=max(1e-9, slack)), f"{name}: {one}, {other}"
        else:
            assert other[name] == value, f"{name}: {one}, {other}"


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: str(world.seed))
def test_money_in_another_unit_has_the_same_scores_and_that_unit(judged: Project, world: World) -> None:
    factor = FACTORS[world.seed]
    base, scaled = anomalies(judged, world.name("base")), anomalies(judged, world.name("scaled"))
    assert scaled.keys() == base.keys()
    for key, row in base.items():
        names = ("value", "expected", "lower", "upper") if key[-1] in MONEY else ()
        # amounts at stake are rounded to cents
        assert_same(row, scaled[key], dict.fromkeys((*names, "impact"), factor), slack=0.02 * (1 + factor))


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: str(world.seed))
def test_names_and_order_of_campaigns_do_not_matter(judged: Project, world: World) -> None:
    def rename(value: Any) -> Any:
        return (
            renamed(value, world.seed) if isinstance(value, str) and value[:1] == "c" and value[1:].isdigit() else value
        )

    for read in (anomalies, feed):
        base, other = read(judged, world.name("base")), read(judged, world.name("renamed"))
        expected = {
            tuple(map(rename, key)): {name: rename(value) for name, value in row.items()} for key, row in base.items()
        }
        assert other.keys() == expected.keys()
        for key, row in expected.items():
            assert_same(row, other[key])


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: str(world.seed))
def test_a_future_day_never_changes_a_past_one(judged: Project, world: World) -> None:
    """The history that ends earlier says the same of its days as the one that went on."""
    for read, when in ((anomalies, "date"), (feed, "date_end")):
        whole = {k: row for k, row in read(judged, world.name("base")).items() if row[when] <= day(CUT)}
        cut = read(judged, world.name("cut"))
        assert cut.keys() == whole.keys()
        for key, row in whole.items():
            assert_same(row, cut[key])


def test_more_campaigns_do_not_raise_the_false_alarms_of_the_same_campaigns(judged: Project) -> None:
    """At most one more flagged day in a thousand where four times as many campaigns are judged beside them."""

    def flagged(world: World, variant: str) -> tuple[int, set[int]]:
        false, found = set(), set()
        for _, entity_type, entity, when, _ in anomalies(judged, world.name(variant)):
            if entity_type != "campaign" or not entity.startswith("c"):
                continue
            number, index = int(entity[1:]), (when - day(0)).days
            if index in world.planted.get(number, ()):
                found.add(number)
            elif index == TWICE:
                continue
            else:
                false.add((number, index))
        return len(false), found

    campaign_days = sum(len(world.campaigns) for world in WORLDS) * (DAYS - JUDGED_FROM)
    alone = [flagged(world, "base") for world in WORLDS]
    beside = [flagged(world, "crowd") for world in WORLDS]
    rates = [1000 * sum(n for n, _ in some) / campaign_days for some in (alone, beside)]
    assert rates[1] <= rates[0] + 1, rates
    recall = [sum(len(found) for _, found in some) for some in (alone, beside)]
    assert recall[1] >= recall[0] - 1, "and what was found is still found"
    assert recall[0] >= 14, "of 18"


# ------------------------------------------------------------------------------------- one cause, one insight

CAUSES = [
    # day, entity type and id of the cause, kinds it may have, what it explains. Campaigns that move as their account
    # does are not flagged themselves, so they need not be in the evidence of a partial load.
    pytest.param(60, ("campaign", "c0"), {"spend_spike"}, {("account", "g1"), ("platform", "google_ads")}, id="up"),
    pytest.param(70, ("account", "m1"), {"ctr_collapse"}, {("campaign", f"c{n}") for n in range(4, 8)}, id="down"),
    pytest.param(
        75, ("platform", "meta_ads"), {"cpc_jump"},
        {("account", "m1"), ("account", "m2"), *(("campaign", f"c{n}") for n in range(4, 12))}, id="from the top",
    ),
    pytest.param(82, ("account", "m2"), {"partial_load"}, {("campaign", f"c{n}") for n in range(8, 12)}, id="load"),
    pytest.param(80, ("campaign", "c1"), {"tracking_break"}, set(), id="metrics"),
]  # fmt: skip


def of_day(project: Project, index: int) -> list[Row]:
    """Insights from anomalies of a day of `grouped`, with the evidence read."""
    rows = project.client.query(
        "SELECT entity_type, entity_id, kind, evidence FROM marts.insight_feed WHERE workspace = 'grouped'"
        " AND date_end = {day:Date} AND kind IN {kinds:Array(String)}",
        parameters={"day": day(index), "kinds": sorted(ANOMALY_KINDS | {"slow_drift"})},
    )
    return [row | {"evidence": json.loads(row["evidence"])} for row in rows.named_results()]


@pytest.mark.parametrize(("index", "entity", "kinds", "explained"), CAUSES)
def test_one_cause_is_one_insight_that_names_what_it_explains(
    judged: Project, index: int, entity: tuple[str, str], kinds: set[str], explained: set[tuple[str, str]]
) -> None:
    insights = of_day(judged, index)
    own = [row for row in insights if (row["entity_type"], row["entity_id"]) == entity]
    assert [row["kind"] for row in own] == [*kinds], insights
    said = {(row["entity_type"], row["entity_id"]) for row in insights} - {entity}
    assert not said & (explained | {("account", "g1"), ("platform", "google_ads")}), "nothing is said twice"
    children = {(child["entity_type"], child["entity_id"]) for child in own[0]["evidence"]["children"]}
    assert children <= explained | {("platform", "meta_ads"), ("account", "g1"), ("platform", "google_ads")}
    if kinds != {"partial_load"}:
        assert len(children & explained) >= 0.7 * len(explained), "most of what it explains is flagged, and in evidence"


def test_a_cause_in_several_metrics_is_one_insight_with_all_of_them(judged: Project) -> None:
    [broken] = [row for row in of_day(judged, 80) if row["entity_id"] == "c1"]
    metrics = {metric["metric"] for metric in broken["evidence"]["metrics"]}
    assert {"conversions", "conversion_value"} <= metrics
    assert metrics & {"cvr", "cpa", "roi"}


def test_a_campaign_whose_tracking_broke_is_neither_waste_nor_a_bad_performer(judged: Project) -> None:
    said = judged.query(
        "SELECT kind, date_end FROM marts.insight_feed WHERE workspace = 'grouped' AND entity_id = 'c1'"
        f" AND kind IN ('waste', 'worst_performer') AND date_end BETWEEN '{day(80)}' AND '{day(86)}'"
    )
    assert said == []


def test_every_kind_of_anomaly_becomes_an_insight_whose_sql_shows_it(judged: Project) -> None:
    seen = assert_proven(judged, "^(base|grouped)")
    assert seen >= ANOMALY_KINDS
