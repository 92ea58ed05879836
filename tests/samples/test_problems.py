"""The planted problems: where they may be, and that the numbers show them."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

import pytest

from include.samples import DEMO, CampaignDay, Problem, Profile, Truth, generate
from include.samples.problems import KINDS, QUIET_DAYS, make_plans
from tests.samples.conftest import Demo

LAST_THREE = date(2026, 6, 28)


def totals(rows: list[CampaignDay]) -> dict[str, float]:
    """Sums and ratios of some campaign days; a ratio without its base is left out."""
    cost, conversions = (float(sum(Decimal(getattr(r, n)) for r in rows)) for n in ("cost", "conversions"))
    clicks, impressions = sum(r.clicks for r in rows), sum(r.impressions for r in rows)
    found = {"clicks": float(clicks), "cost": cost, "conversions": conversions}
    if clicks:
        found |= {"ctr": clicks / impressions, "cpc": cost / clicks}
    return found


def change(demo: Demo, p: Problem, metric: str, day: date) -> float:
    """A day's value over the median of the same weekday in the five weeks before the problem."""
    by_day = defaultdict(list)
    for r in demo.truth.rows:
        if r.account_id == p.account_id and p.campaign_id in (None, r.campaign_id):
            by_day[r.date].append(r)
    weeks = [day - timedelta(weeks=w) for w in range(1, 14)]
    past = [w for w in weeks if w < p.date_start][:5]
    return totals(by_day[str(day)]).get(metric, 0.0) / median(totals(by_day[str(w)])[metric] for w in past)


def pick(demo: Demo, kind: str) -> list[Problem]:
    found = [p for p in demo.truth.problems if p.kind == kind]
    assert found
    return found


def days(p: Problem) -> list[date]:
    return [p.date_start + timedelta(days=n) for n in range((p.date_end - p.date_start).days + 1)]


def test_every_kind_is_planted(demo: Demo) -> None:
    assert {p.kind for p in demo.truth.problems} == set(KINDS)


def test_the_last_three_days_hold_the_strongest(demo: Demo) -> None:
    late = [p for p in demo.truth.problems if p.date_start >= LAST_THREE]
    assert {p.kind for p in late} == {
        "tracking_break",
        "spend_spike",
        "spend_stop",
        "cpc_jump",
        "ctr_collapse",
    }
    assert sum(p.date_end == date(2026, 6, 30) for p in late) >= 2
    assert all(float(p.money_at_stake) > 1000 for p in late)


@pytest.mark.parametrize("profile", [DEMO, Profile.sized(days=150, campaigns=200)])
def test_no_two_at_a_time_on_a_campaign_and_none_early(profile: Profile) -> None:
    taken: set[tuple[int, int, int]] = set()
    for p in make_plans(profile):
        assert QUIET_DAYS <= p.start <= p.end < profile.days
        ranks = range(profile.campaigns[p.account]) if p.campaign is None else [p.campaign]
        cells = {(p.account, c, d) for c in ranks for d in range(p.start, p.end + 1)}
        assert not cells & taken
        taken |= cells


def test_big_sets_get_more() -> None:
    plans = make_plans(Profile.sized(days=150, campaigns=200))
    assert 40 < len(plans) < 120
    assert {p.kind for p in plans} == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "metric", "low", "high"),
    [
        ("spend_spike", "cost", 1.9, 4.2),
        ("spend_stop", "cost", 0.0, 0.0),
        ("tracking_break", "conversions", 0.0, 0.0),
        ("tracking_break", "clicks", 0.6, 1.7),
        ("ctr_collapse", "ctr", 0.28, 0.43),
        ("cpc_jump", "cpc", 1.8, 2.6),
        ("duplicate_load", "clicks", 1.5, 2.8),
        ("duplicate_load", "cost", 1.5, 2.8),
        ("partial_load", "clicks", 0.33, 0.6),
        ("partial_load", "cost", 0.33, 0.6),
    ],
)
def test_problem_shows_in_the_numbers(demo: Demo, kind: str, metric: str, low: float, high: float) -> None:
    for p in pick(demo, kind):
        for day in days(p):
            assert low <= change(demo, p, metric, day) <= high, (p.note, day)


def test_level_shift_holds_to_the_end(demo: Demo) -> None:
    (p,) = pick(demo, "level_shift")
    assert p.date_end == DEMO.last_day
    changes = [change(demo, p, "cost", day) for day in days(p)]
    assert 1.5 < median(changes[:14]) < 2.4 and 1.5 < median(changes[-14:]) < 2.4


def test_slow_drift_creeps(demo: Demo) -> None:
    (p,) = pick(demo, "slow_drift")
    changes = [change(demo, p, "cpc", day) for day in days(p)]
    assert median(changes[:5]) < 1.25 < median(changes[12:18]) < 1.6 < median(changes[-5:])


def test_one_spend_stop_omits_rows_and_one_has_zeros(demo: Demo) -> None:
    assert sorted(stops(demo.truth)) == ["no rows", "rows with zeros"]


def test_spend_stops_of_big_sets_are_as_their_notes_say(tmp_path: Path) -> None:
    profile = Profile(days=120, campaigns=(120, 20, 0, 0, 0), history_days=30)
    found = stops(generate(tmp_path, profile))
    assert min(found.count("no rows"), found.count("rows with zeros")) >= 3


def stops(truth: Truth) -> list[str]:
    """How each spend stop shows, after checking that its note says so."""
    days_of: dict[tuple[str, str], dict[str, tuple[int, int, str]]] = defaultdict(dict)
    for r in truth.rows:
        days_of[r.account_id, r.campaign_id][r.date] = (r.impressions, r.clicks, r.cost)
    found = []
    for p in (p for p in truth.problems if p.kind == "spend_stop"):
        listed = [days_of[p.account_id, str(p.campaign_id)].get(str(day)) for day in days(p)]
        assert set(listed) in ({None}, {(0, 0, "0.00")}), p.note
        found.append("rows with zeros" if listed[0] else "no rows")
        assert found[-1] in p.note
    return found


def test_problems_say_what_a_reader_needs(demo: Demo) -> None:
    rows = {(r.account_id, r.campaign_id): r.campaign_name for r in demo.truth.rows}
    for p in demo.truth.problems:
        assert (p.campaign_name or p.account_name) in p.note and str(p.date_start) in p.note
        assert Decimal(p.money_at_stake) > 0 and p.direction in ("up", "down")
        assert (p.campaign_id is None) == (p.kind in ("duplicate_load", "partial_load"))
        if p.campaign_id is not None:
            assert rows[p.account_id, p.campaign_id] == p.campaign_name


def test_switched_off_nothing_is_planted(tmp_path: Path) -> None:
    truth = generate(tmp_path, replace(DEMO, days=40, problems=False))
    assert truth.problems == ()
    big = {r.campaign_id for r in truth.rows if r.clicks > 1000}
    assert all(Decimal(r.conversions) > 0 for r in truth.rows if r.campaign_id in big)
