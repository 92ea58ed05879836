"""A history as it comes in: an export a day that restates the days before, late, renamed, vanishing and new entities.

Small, without any clock, the same in each call. ``exports`` gives the files, ``truth`` what must come out of them by
plain Python over the files: for an account and day the newest export stands, whole.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zlib import crc32

LAST = date(2026, 6, 30)
RESTATED = 3
METRICS = ("impressions", "clicks", "cost", "conversions", "conversion_value")
ENTITIES = ("account_id", "account_name", "campaign_id", "campaign_name", "ad_group_id", "ad_group_name")
HEADER = ("date", *ENTITIES, *METRICS, "currency")


@dataclass(frozen=True)
class Export:
    """A file of the bucket: ``name`` below its folder, ``day`` of arrival, and its text."""

    name: str
    day: date
    text: str


def exports(days: int, last: date = LAST) -> list[Export]:
    """Exports of ``days`` days, in the order in which they arrive."""
    first = last - timedelta(days=days - 1)
    late = first + timedelta(days=days // 2)
    found = []
    for n in range(days):
        day = first + timedelta(days=n)
        span = [day - timedelta(days=back) for back in range(min(RESTATED, n + 1))]
        found.append(_export("alpha", day, [row for of in span for row in _alpha(of, (day - of).days, first, days)]))
        if day >= late:  # nothing of this account came before; then all of it at once
            since = first if day == late else day - timedelta(days=1)
            of_beta = [since + timedelta(days=k) for k in range((day - since).days + 1)]
            found.append(
                _export("beta", day, [row for of in of_beta for row in _beta(of, (day - of).days, first, days)])
            )
    return found


def truth(files: list[Export]) -> dict[tuple[str, str, str], dict[str, Decimal]]:
    """(account, campaign, ISO date) → sums of the rows of the newest export of each account and day."""
    newest: dict[tuple[str, str], str] = {}
    for file in files:
        for row in rows(file):
            key = row["account_id"], row["date"]
            newest[key] = max(newest.get(key, ""), file.day.isoformat())
    sums: dict[tuple[str, str, str], dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(METRICS, Decimal(0)))
    for file in files:
        for row in rows(file):
            if newest[row["account_id"], row["date"]] == file.day.isoformat():
                of_key = sums[row["account_id"], row["campaign_id"], row["date"]]
                for metric in METRICS:
                    of_key[metric] += Decimal(row[metric])
    return dict(sums)


def rows(file: Export) -> Iterator[Mapping[str, str]]:
    """Records of a file by column."""
    return csv.DictReader(io.StringIO(file.text))


def _export(account: str, day: date, rows: list[dict[str, object]]) -> Export:
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    arrived = day + timedelta(days=1)
    return Export(f"{account}_exported_{arrived:%Y%m%d}T060000Z.csv", day, text.getvalue())


def _alpha(day: date, age: int, first: date, days: int) -> Iterator[dict[str, object]]:
    """Campaign rows in USD: one campaign is renamed twice, one begins, one ends, one loses its row when restated."""
    n = (day - first).days
    for campaign in range(5):
        if (campaign == 1 and n < days // 4) or (campaign == 2 and n >= 3 * days // 4):
            continue
        if campaign == 4 and age and n % 9 == 4:
            continue
        name = f"Brand {campaign}" if campaign else f"Brand, named {n // max(1, days // 3)}"
        spike = 6 if campaign == 3 and n in (days * 2 // 3, days - 2) else 1
        yield _row("a1", "Alpha", f"c{campaign}", name, day, age, spike) | {"currency": "USD"}


def _beta(day: date, age: int, first: date, days: int) -> Iterator[dict[str, object]]:
    """Ad group rows in GBP; a break in conversions near the end."""
    for campaign in range(2):
        for group in range(2):
            row = _row("b1", "Beta", f"b{campaign}", f"Generic {campaign}", day, age, 1, f"g{campaign}{group}")
            if (day - first).days == days - 3:
                row |= {"conversions": "0", "conversion_value": "0"}
            yield row | {"currency": "GBP"}


def _row(
    account: str, name: str, campaign: str, campaign_name: str, day: date, age: int, spike: int, group: str = ""
) -> dict[str, object]:
    noise = crc32(f"{campaign}{group}{day}".encode()) % 200
    impressions = (4000 + 10 * noise + 100 * day.weekday()) * spike + 7 * age
    clicks = impressions // 25 + age
    conversions = clicks // 12 + age
    return {
        "date": day.isoformat(),
        "account_id": account,
        "account_name": name,
        "campaign_id": campaign,
        "campaign_name": campaign_name,
        "ad_group_id": group,
        "ad_group_name": f"Group {group}" if group else "",
        "impressions": impressions,
        "clicks": clicks,
        "cost": f"{clicks * (90 + noise % 9) / 100:.2f}",
        "conversions": conversions,
        "conversion_value": f"{conversions * 37.5:.2f}",
    }
