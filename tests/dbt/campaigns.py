"""Hand-made histories of campaigns and ads, a workspace for each thing that an insight may say."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from tests.dbt.refused import LAST, OLD

DAYS = 40
FIRST = LAST - timedelta(DAYS - 1)

BUDGET_COLUMNS = ("workspace", "platform", "account_id", "campaign_id", "month", "budget", "currency")
APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)
EMPTY = "It's 50 % \\ 'off'"  # a name that SQL would trip over
NAN = "NAN Optipro, null & inf"  # names are no numbers
# About 2,800 a day are spent in `shop`, 900 of them by Display; 1,300 in `single`.
BUDGETS = [
    ("shop", "", "", "", MAY, 70_000, "USD"),
    ("shop", "google_ads", "", "", MAY, 72_000, "USD"),
    ("shop", "google_ads", "a1", "Display", MAY, 12_000, "USD"),
    ("shop", "google_ads", "a1", "Shopping", MAY, 21_700, "USD"),
    ("shop", "google_ads", "a1", "Shopping", APRIL, 10_000, "USD"),
    ("single", "", "", "", MAY, 60_000, "USD"),
    ("single", "google_ads", "a1", "Second", MAY, 9_000, "USD"),
    ("single", "google_ads", "a1", "Third", MAY, 9_000, "USD"),
    ("foreign", "", "", "", MAY, 60_000, "USD"),
]


def history(workspace: str, campaign: str, clicks: float, *, cvr: float = 0.04, aov: float = 50.0, **more: Any) -> list:
    """A campaign of clicks a day at 1 a click; ``aov`` sets its return."""
    rng = np.random.default_rng(abs(hash_of(workspace + campaign)))
    rows = []
    for i in range(DAYS):
        n = int(rng.poisson(clicks))
        events = int(rng.binomial(n, cvr))
        rows.append(
            {
                "workspace": workspace, "campaign_id": campaign, "campaign_name": campaign, "date": FIRST + timedelta(i),
                "impressions": n * 40, "clicks": n, "cost": n, "conversions": events, "conversion_value": events * aov,
                "exported_at": OLD, "row_number": i,
            }
            | more
        )  # fmt: skip
    return rows


def hash_of(text: str) -> int:
    return int.from_bytes(text.encode()[-6:], "big")


def ad_history(name: str, ctr: list[float], campaign: str = "Prospecting") -> list:
    """An ad of 20,000 impressions a day in account ``m1``; the last rates of ``ctr`` stay."""
    rng = np.random.default_rng(hash_of(name))
    rows = []
    for i in range(DAYS):
        rate = ctr[min(i * len(ctr) // DAYS, len(ctr) - 1)]
        clicks = int(rng.binomial(20_000, rate))
        rows.append(
            {
                "workspace": "creative", "platform": "meta_ads", "grain": "ad", "account_id": "m1", "account_name": "Social",
                "campaign_id": campaign, "campaign_name": campaign, "ad_id": name, "ad_name": name,
                "date": FIRST + timedelta(i), "impressions": 20_000, "clicks": clicks, "cost": clicks * 0.5,
                "conversions": clicks // 20, "conversion_value": clicks // 20 * 30, "exported_at": OLD, "row_number": i,
            }
        )  # fmt: skip
    return rows


def rows() -> list[dict[str, Any]]:
    tired = [0.02] * 4 + [0.016, 0.0125, 0.0115, 0.0100]
    return [
        *history("shop", "Brand | exact", 300, aov=250),
        *history("shop", "Search, non-brand", 600, aov=90),
        *history("shop", "Display", 900, aov=14),
        *history("shop", "Shopping", 700, aov=40),
        *history("shop", "Video", 300, aov=45),
        *ad_history("UGC 1", tired),
        *ad_history("UGC 2", [0.02]),
        *ad_history("Static", [0.015]),
        *ad_history("Carousel", [0.02] * 7 + [0.012], campaign="Retargeting"),
        *ad_history("Story", [0.02] * 7 + [0.012], campaign="Retargeting"),
        *history("single", "Hero", 900, aov=80),
        *history("single", "Second", 200, aov=40),
        *history("single", "Third", 200, aov=40),
        *history("foreign", "Test", 100, currency="XTS"),
        # Something is wrong with the two that bring back most: clicked a third as often, and at an end.
        *(fallen(row) for row in history("ailing", "Fallen", 600, aov=200)),
        *(stopped(row) for row in history("ailing", "Stopped", 600, aov=200)),
        *history("ailing", "Sound", 600, aov=60),
        *history("ailing", "Weak", 900, aov=14),
        *history("abroad", "Test", 100, platform="generic", currency="EUR"),
        *history("wasteful", EMPTY, 90, cvr=0),
        *history("wasteful", "Little", 12, cvr=0),
        *history("wasteful", "Earns", 400, aov=60),
        *history("wasteful", "Earns too", 300, aov=60),
        # What broke says nothing of what campaigns usually bring back, and what takes no more money is no measure.
        *(untracked(row) for row in history("untracked", "Silent", 600, aov=200)),
        *history("untracked", "Brand | sound", 600, aov=90),
        *history("untracked", "Steady", 6000, aov=30),
        *history("untracked", NAN, 900, aov=14),
        *history("young", "Steady", 600, aov=30),
        *history("young", "Five days", 600, aov=200, account_id="a5")[-5:],
        *history("young", "Two days", 900, aov=300, account_id="a2")[-2:],
        # The newest file of one account has not come yet, another account has ended.
        *history("late", "Search, non-brand", 600, aov=90),
        *history("late", "Display", 900, aov=14, account_id="a2")[:-1],
        *history("late", "Ended", 900, aov=7, account_id="a3")[:-5],
        # What has no conversions, no value or no clicks at all must not keep the others' insights from being told.
        *history("fruitless", "Clicks", 300, cvr=0),
        *history("fruitless", "More clicks", 300, cvr=0),
        *history("unvalued", "Brand", 300, conversions=None, conversion_value=None),
        *history("unvalued", "Search", 300, conversions=20, conversion_value=None),
        *(row | {"clicks": 0} for row in history("unclicked", "Reach", 300)),
        *(row | {"clicks": None} for row in history("unclicked", "Frequency", 300)),
    ]


def fallen(row: dict[str, Any]) -> dict[str, Any]:
    names = ("clicks", "cost", "conversions", "conversion_value")
    return row | {name: row[name] // 3 for name in names} if row["date"] == LAST else row


def untracked(row: dict[str, Any]) -> dict[str, Any]:
    return row | ({"conversions": 0, "conversion_value": 0} if LAST - row["date"] < timedelta(3) else {})


def stopped(row: dict[str, Any]) -> dict[str, Any]:
    names = ("impressions", "clicks", "cost", "conversions", "conversion_value")
    return row | dict.fromkeys(names, 0) if row["date"] == LAST else row
