"""Exports of any size: one CSV a day at ad grain, the same bytes in each call."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

LAST = date(2026, 6, 30)
HEADER = (
    "date,account_id,account_name,campaign_id,campaign_name,ad_group_id,ad_group_name,ad_id,ad_name,"
    "impressions,clicks,cost,conversions,conversion_value,currency\n"
)
ADS_A_CAMPAIGN = 50


def write_day(folder: Path, day: date, rows: int, version: int = 0) -> Path:
    """One day's export; ``version`` 1 is a restatement that came a day later."""
    folder.mkdir(parents=True, exist_ok=True)
    exported = day + timedelta(days=1 + version)
    path = folder / f"ads_{day:%Y%m%d}_exported_{exported:%Y%m%d}T060000Z.csv"
    shift = day.toordinal() * 37 + version * 11
    with path.open("w") as file:
        file.write(HEADER)
        for ad in range(rows):
            campaign = ad // ADS_A_CAMPAIGN
            impressions = 500 + (ad * 7919 + shift) % 4000
            clicks = impressions // 30
            conversions = clicks // 15
            file.write(
                f"{day},a{campaign % 5},Account {campaign % 5},c{campaign},Campaign {campaign} of the year,"
                f"g{ad // 10},Ad group {ad // 10},ad{ad},Ad number {ad},{impressions},{clicks},"
                f"{clicks * (60 + ad % 70) / 100:.2f},{conversions},{conversions * 40},USD\n"
            )
    return path


def days(count: int, last: date = LAST) -> list[date]:
    """The ``count`` days that end with the last, oldest first."""
    return [last - timedelta(days=back) for back in range(count - 1, -1, -1)]
