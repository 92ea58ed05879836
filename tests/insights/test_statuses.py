"""How long an insight is open: until it ended, its day was mended, or a person said so."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.insights.publishing import DATA_FAULTS, FAULT_DAYS, LISTED, PATIENCE_DAYS
from tests.support.marts import DAY, feed_row
from tests.support.publishing import Installation

pytestmark = pytest.mark.integration

BEFORE = DAY - timedelta(days=1)
AFTER = DAY + timedelta(days=1)


def test_an_event_that_ended_is_resolved_once_a_later_day_was_judged(site: Installation) -> None:
    site.judged(BEFORE)
    site.feed(feed_row("event", date_start=BEFORE, date_end=BEFORE))
    site.publish(BEFORE)
    assert site.statuses() == {"event": "open"}

    site.judged(DAY, workspace="another")
    site.publish(DAY)
    assert site.statuses() == {"event": "open"}, "nothing is known yet of this account's next day"

    site.judged(DAY)
    assert site.publish(DAY).resolved == 1
    assert site.statuses() == {"event": "resolved"}
    before = site.table()
    site.publish(BEFORE)
    site.publish(BEFORE, DAY)
    assert site.table() == before


def test_what_the_cap_pushed_out_goes_on_and_what_it_never_let_in_is_not_told(site: Installation) -> None:
    site.judged(BEFORE)
    site.judged(DAY)
    beyond = {"date_start": BEFORE, "is_beyond_cap": True, "rank": 21}
    told = feed_row("told", date_start=BEFORE, date_end=BEFORE, is_beyond_cap=False)
    site.feed(told, feed_row("told", **beyond), feed_row("never", **beyond | {"rank": 22}))
    expected = [("told", "open", DAY, 21)]

    def state() -> list[tuple[Any, ...]]:
        return [(r["insight_key"], r["status"], r["date_end"], r["rank"]) for r in site.table()]

    site.publish(BEFORE)
    site.publish(DAY)
    assert state() == expected, "it has not recovered"
    site.sql("TRUNCATE insights")
    site.publish(DAY)
    site.publish(BEFORE)
    assert state() == expected, "in any order"
    site.feed(told)
    assert site.publish(DAY).resolved == 1


@pytest.mark.parametrize("kind", DATA_FAULTS)
def test_a_fault_of_the_data_stays_open_until_the_day_is_mended(site: Installation, kind: str) -> None:
    faulty, later = feed_row("fault", kind=kind), DAY + timedelta(FAULT_DAYS)
    site.feed(faulty, feed_row("spike", rank=2))
    site.judged(DAY)
    site.publish(DAY)
    site.judged(AFTER)
    site.publish(AFTER)
    assert site.statuses() == {"fault": "open", "spike": "resolved"}, "a good day after it mends nothing"
    site.feed()
    assert site.publish(DAY).resolved == 1, "its day came again, whole"
    site.feed(faulty)
    assert site.publish(DAY).reopened == 1
    site.judged(later)
    site.publish(later)
    assert site.statuses()["fault"] == "open"
    site.judged(later + timedelta(1))
    site.publish(later + timedelta(1))
    over = "open" if kind == "missing_rate" else "resolved"
    assert site.statuses()["fault"] == over, "no baseline holds it any more, but a rate does not come by waiting"


@pytest.mark.parametrize("kind", LISTED)
def test_who_slips_over_the_edge_of_a_list_stays_for_some_days(site: Installation, kind: str) -> None:
    told = feed_row("listed", kind=kind, entity_type="campaign", entity_id="c1")
    site.feed(told)
    states = []
    for day in (DAY + timedelta(n) for n in range(PATIENCE_DAYS + 2)):
        site.judged(day)
        site.publish(day)
        states.append(site.statuses()["listed"])
    assert states == ["open"] * (PATIENCE_DAYS + 1) + ["resolved"]
    site.feed()
    assert site.publish(DAY).resolved == 0, "what is taken back is over at once, and was"


@pytest.mark.parametrize("is_silent", [False, True], ids=["judged", "silent"])
@pytest.mark.parametrize(
    ("other", "is_over"),
    [
        ({"kind": "cpc_jump", "entity_type": "campaign", "entity_id": "c1"}, True),
        ({"kind": "cpc_jump", "entity_type": "campaign", "entity_id": "c1", "is_beyond_cap": True}, False),
        ({"kind": "cpc_jump", "entity_type": "campaign", "entity_id": "c2"}, False),
        ({"kind": "worst_performer", "entity_type": "campaign", "entity_id": "c1"}, True),
        ({"kind": "worst_performer", "entity_type": "campaign", "entity_id": "c2"}, False),
        ({"kind": "concentration_risk", "entity_type": "campaign", "entity_id": "c1"}, False),
        ({"kind": "tracking_break", "entity_type": "account", "entity_id": "1"}, True),
        ({"kind": "tracking_break", "entity_type": "account", "entity_id": "2", "account_id": "2"}, False),
        ({"kind": "budget_overrun", "entity_type": "account", "entity_id": "1"}, False),
        ({"kind": "data_missing", "entity_type": "account", "entity_id": "1"}, True),
        ({"kind": "data_missing", "entity_type": "account", "entity_id": "2", "account_id": "2"}, False),
        ({"kind": "data_missing", "entity_type": "account", "entity_id": "1", "workspace": "another"}, False),
        ({"kind": "data_missing", "entity_type": "platform", "entity_id": "google_ads", "account_id": None}, True),
        ({"kind": "budget_shift", "entity_type": "campaign", "entity_id": "c9", "to": "c1"}, True),
        ({"kind": "budget_shift", "entity_type": "campaign", "entity_id": "c9", "to": "c2"}, False),
    ],
)
def test_what_else_is_told_of_the_campaign_takes_its_place(
    site: Installation, other: dict[str, Any], is_over: bool, is_silent: bool
) -> None:
    """Also where the account brings no more data, and only others of its workspace do."""
    in_cap = {"is_beyond_cap": False}
    told = feed_row("listed", kind="worst_performer", entity_type="campaign", entity_id="c1", **in_cap)
    other = dict(other)
    sides = {"giver": "c9", "receiver": other.pop("to", "")}
    evidence = {
        side: {"platform": told["platform"], "account_id": told["account_id"], "campaign_id": campaign}
        for side, campaign in sides.items()
    }
    site.judged(DAY)
    site.judged(AFTER, platform="meta_ads" if is_silent else "google_ads")
    other = in_cap | {"date_start": AFTER, "date_end": AFTER, "evidence": json.dumps(evidence)} | other
    site.feed(told, feed_row("other", **other))

    def listed(*steps: tuple[date, ...]) -> str:
        site.sql("TRUNCATE insights")
        for days in steps:
            site.publish(*days)
        return site.statuses()["listed"]

    expected = "resolved" if is_over else "open"
    assert [listed((DAY,), (AFTER,)), listed((AFTER,), (DAY,)), listed((DAY, AFTER))] == [expected] * 3


def test_what_its_platform_suffers_says_nothing_of_an_account_that_nobody_judged(site: Installation) -> None:
    listed = feed_row("listed", kind="waste", entity_type="campaign", entity_id="c1")
    broken = feed_row("broken", kind="tracking_break", entity_type="platform", entity_id="google_ads", account_id=None)
    site.feed(listed, broken | {"date_start": AFTER, "date_end": AFTER})
    site.judged(DAY)
    site.judged(AFTER, platform="meta_ads")
    site.publish(DAY, AFTER)
    assert site.statuses() == {"listed": "open", "broken": "open"}


def test_last_month_s_are_over_where_the_account_falls_silent_in_any_order(site: Installation) -> None:
    """The account's last day is the 30th; its last 7 days are told for some of the next month, and that it is missing."""
    days = [BEFORE, *(DAY + timedelta(n) for n in range(6))]
    months = {
        "top_performer": ("c3", days[:4]), "waste": ("c4", days[:3]), "worst_performer": ("c6", days[:2]),
        "budget_shift": ("c7", days[:5]), "creative_fatigue": ("c8", days[:3]), "concentration_risk": ("c9", days[:4]),
        "data_missing": ("", days[2:-1]), "tracking_break": ("c10", days[:2]),
    }  # fmt: skip
    sides = {side: {"platform": "google_ads", "account_id": "1", "campaign_id": "c7"} for side in ("giver", "receiver")}
    rows = []
    for kind, (entity, told) in months.items():
        grain = {"entity_type": "campaign" if entity else "account", "entity_id": entity or "1"}
        for day in told:
            key = f"{kind}|{day:%m}"
            rows.append(feed_row(key, kind=kind, date_start=told[0], date_end=day, evidence=json.dumps(sides), **grain))

    def grown(until: date) -> None:
        site.client.command("TRUNCATE TABLE marts.mart_account_daily")
        site.feed(*(row for row in rows if row["date_end"] <= until))
        for day in days:
            if day <= until:
                site.judged(day, platform="meta_ads")
            if day <= min(until, DAY):
                site.judged(day)

    def published(*steps: tuple[date, ...], grows: bool = False) -> dict[str, tuple[str, date]]:
        site.sql("TRUNCATE insights")
        for step in steps:
            grown(max(step) if grows else days[-1])
            site.publish(*step)
        before = site.table()
        for step in reversed(steps):
            site.publish(*step)
        assert site.table() == before, "a repeat writes no row"
        return {row["insight_key"]: (row["status"], row["date_end"]) for row in before}

    found, singly = published(tuple(days)), [(day,) for day in days]
    assert published(*singly) == published(*reversed(singly)) == published(*singly, grows=True) == found
    assert {key for key, (status, _) in found.items() if status == "open"} == {"data_missing|07", "tracking_break|06"}

    # The awaited file comes, and with it a day on which its campaigns were judged: two days of patience.
    site.feed(*(row for row in rows if row["date_end"] <= DAY))
    site.judged(AFTER)
    site.publish(AFTER)
    reopened = {"top_performer|06", "waste|06", "worst_performer|06"}
    assert {key for key, status in site.statuses().items() if status == "open"} == reopened


def test_a_budget_that_lost_its_rate_stays_as_told_until_there_is_one(site: Installation) -> None:
    over, under = "budget_overrun|||workspace|demo|2026-06-01", "budget_underspend|||workspace|demo|2026-06-01"
    told = feed_row(
        over, kind="budget_overrun", date_start=date(2026, 6, 1), date_end=BEFORE, platform="", account_id=None
    )
    site.judged(BEFORE)
    site.budgets(told)
    site.publish(BEFORE)
    [before] = site.table()

    site.judged(DAY)
    site.budgets(unpriced=[over, under])
    report = site.publish(DAY, run_id="unpriced")
    assert (report.updated, report.resolved, report.inserted) == (1, 0, 0)
    [row] = site.table()
    said = {"body": "XTS has no rate. Drop one.", "next_step": "Drop one."}
    unpriced = {"unpriced": {"since": str(DAY), "currencies": ["XTS"]}}
    changed = said | {"evidence": before["evidence"] | unpriced, "run_id": "unpriced"}
    assert {name: row[name] for name in before if name not in ("xmin", "ctid", "last_seen_at")} == {
        name: value for name, value in (before | changed).items() if name not in ("xmin", "ctid", "last_seen_at")
    }
    for days in ((BEFORE,), (DAY,), (BEFORE, DAY)):
        assert site.publish(*days).updated == 0
        assert site.table() == [row], "a repeat writes no row"

    back = told | {"date_end": DAY, "impact_amount": 300}
    site.budgets(back)
    assert site.publish(DAY).updated == 1
    [row] = site.table()
    assert (row["status"], row["impact_amount"], row["body"]) == ("open", Decimal(300), back["body"])
    assert row["evidence"] == json.loads(back["evidence"])
    site.budgets()
    assert site.publish(DAY).resolved == 1, "on track again"
    site.budgets(unpriced=[over, under])
    assert site.publish(DAY).updated == 0, "what had ended stays so"


def test_what_came_and_went_unseen_is_resolved_and_still_news(site: Installation) -> None:
    [start] = site.sql("SELECT clock_timestamp() AS now")
    site.judged(BEFORE)
    site.feed(feed_row("short", date_start=BEFORE, date_end=BEFORE))
    site.publish(BEFORE)
    site.judged(DAY)
    site.publish(DAY)
    net = site.sql("SELECT change, status, impact_amount FROM insight_changes(%s)", start["now"])
    assert [tuple(row.values()) for row in net] == [("new", "resolved", Decimal("120.50"))]


def test_a_state_that_comes_and_goes_in_its_month_is_one_insight_in_any_order(site: Installation) -> None:
    """Best of the 7 days that end on the 1st, on the 28th and 29th; not on the 30th, nor, as restated, after the 1st."""
    first, *rest = days = [date(2026, 6, day) for day in (1, 28, 29, 30)]
    rows = [feed_row("best|2026-06-01", date_start=day - timedelta(6), date_end=day, rank=1) for day in days[:3]]
    for day in days:
        site.judged(day)

    def state() -> list[tuple[Any, ...]]:
        return [(row["status"], row["date_start"], row["date_end"]) for row in site.table()]

    def published(*steps: tuple[list[dict[str, Any]], date]) -> list[tuple[Any, ...]]:
        site.sql("TRUNCATE insights")
        for fed, day in steps:
            site.feed(*fed)
            site.publish(day)
        return state()

    over = [("resolved", rows[2]["date_start"], rows[2]["date_end"])]
    assert published(*((rows, day) for day in days)) == over, "told once, and no more among the three"
    assert published(*((rows, day) for day in reversed(days))) == over
    site.feed(*rows, rows[2] | {"date_start": days[3] - timedelta(6), "date_end": days[3]})
    assert site.publish(days[3]).reopened == 1
    assert state() == [("open", days[3] - timedelta(6), days[3])]

    once = [("resolved", first - timedelta(6), first)]
    assert published((rows, first), (rows[:1], rest[0])) == once, "what was taken back shows the day that is left"
    assert published((rows[:1], first)) == once


@pytest.mark.parametrize(
    ("status", "in_the_end"), [("acknowledged", "resolved"), ("resolved", "resolved"), ("open", "open")]
)
def test_what_a_person_set_stays_while_there_is_something_to_have_in_hand(
    site: Installation, status: str, in_the_end: str
) -> None:
    site.feed(feed_row())
    site.publish()
    site.sql(
        "UPDATE insights SET status = %s, status_by = 'ana', status_at = now(),"
        " resolved_at = CASE WHEN %s = 'resolved' THEN now() END",
        status,
        status,
    )
    site.feed(feed_row(impact_amount=500))
    site.publish()
    [row] = site.table()
    assert (row["status"], row["impact_amount"]) == (status, Decimal("500.00"))
    site.feed()
    site.judged(AFTER)
    site.publish(DAY, AFTER)
    assert site.statuses() == {row["insight_key"]: in_the_end}
    [by] = site.sql("SELECT status_by FROM insights")
    assert by["status_by"] == ("ana" if in_the_end == status else None), "who resolved it is the run"
