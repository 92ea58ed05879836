"""Profiles: what is refused, and how a size is spread."""

from datetime import date
from typing import Any

import pytest

from include.samples import DEMO, Profile
from include.samples.catalog import ACCOUNTS, Account


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": 0},
        {"campaigns": (1, 2, 3)},
        {"campaigns": (0, 0, 0, 0, 0)},
        {"daily_files": 121},
        {"restatement_days": 0},
        {"volume": 0},
        {"workspace": "a/b"},
    ],
)
def test_impossible_profiles_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Profile(**wrong)


def test_demo_dates_are_frozen() -> None:
    assert (DEMO.first_day, DEMO.day(119), DEMO.last_day) == (
        date(2026, 3, 3),
        date(2026, 6, 30),
        date(2026, 6, 30),
    )


def test_sized_spreads_campaigns_evenly() -> None:
    profile = Profile.sized(days=2, campaigns=1003)
    assert profile.campaigns == (201, 201, 201, 200, 200)
    assert profile.daily_files == 2


def test_there_is_an_account_for_each_count() -> None:
    assert len(ACCOUNTS) == len(DEMO.campaigns)


def test_campaigns_are_spread_from_tiny_to_big() -> None:
    levels = [float(v) for i, n in enumerate(DEMO.campaigns) for v in Account(i, n, DEMO.seed, 1.0).level]
    assert sum(v < 10 for v in levels) == 3
    assert 6500 < max(levels) < 9500
    assert sum(20 < v < 1000 for v in levels) > 10
    assert len({i for n in range(5) for i in Account(n, 500, 7, 1.0).ids}) == 2500
