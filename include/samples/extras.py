"""What lies beside the campaign exports: keywords, search terms, landing pages, web sessions and exchange rates.

All are cut from the truth of a sample set, so that they agree with it: keywords of a campaign have at most its clicks,
sessions come from most of its clicks, and the rates are those of the seed.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from include.samples.truth import CampaignDay, Truth
from include.settings import REPO

KEYWORDS = (
    ("running shoes", "Exact match", 50),
    ("shoes online", "Phrase match", 30),
    ("shoe shop", "Broad match", 15),
)
TERMS = ("red running shoes", "running shoes sale", "buy shoes online", "shoe shop near me")
PAGES = (("https://shop.example.com/sale", 60), ("https://shop.example.com/new?ref=ads", 40))
# Of a hundred clicks so many become sessions; of a hundred conversions that platforms claim, so many key events.
SESSIONS, KEY_EVENTS = 92, 55
ORGANIC = (("google", "organic"), ("(direct)", "(none)"))
UTM = {"google_ads": ("google", "cpc"), "meta_ads": ("facebook", "paid_social")}
RATE_DAYS = 60


@dataclass(frozen=True)
class Extra:
    """One of these files, and how many records it has below its header."""

    path: Path
    rows: int


def write_extras(out_dir: Path, truth: Truth, days: int = 28) -> tuple[Extra, ...]:
    """Write the files of the last ``days`` days into the workspace's folders below ``out_dir``.

    The first Google account brings keywords, search terms and landing pages. Sessions are of all campaigns of Google and
    Meta but the last one of each account, whose links lack UTMs.
    """
    root, last = out_dir / truth.profile.workspace, truth.profile.last_day
    first = max(truth.profile.first_day, last - timedelta(days=days - 1)).isoformat()
    rows = [row for row in truth.rows if row.date >= first]
    google = [row for row in rows if row.platform == "google_ads"]
    account = [row for row in google if row.account_id == google[0].account_id] if google else []
    stamp = f"{last}_exported_{last + timedelta(days=1):%Y%m%d}T0600.csv"
    found = [
        _put(root / f"google_ads/google_keywords_{stamp}", _keywords(account)),
        _put(root / f"google_ads/google_search_terms_{stamp}", _search_terms(account)),
        _put(root / f"google_ads/google_landing_pages_{stamp}", _landing_pages(account)),
        _put(root / f"ga4/ga4_traffic_{stamp}", _sessions(rows)),
        _put(root / "fx_rates/eurofxref-hist.csv", _rates(last)),
    ]
    return tuple(extra for extra in found if extra.rows)


def _put(path: Path, table: list[list[object]]) -> Extra:
    if len(table) > 1:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(table)
        aside = path.with_name(path.name + ".part")
        aside.write_text(text.getvalue(), encoding="utf-8")
        aside.replace(path)
    return Extra(path, len(table) - 1)


def _head(row: CampaignDay) -> list[object]:
    return [row.date, row.account_id, row.campaign_name, row.campaign_id]


def _part(row: CampaignDay, percent: int) -> list[object]:
    """Impressions, clicks and cost of a part of a campaign's day, rounded down."""
    cents = int(row.cost.replace(".", "")) * percent // 100
    return [row.impressions * percent // 100, row.clicks * percent // 100, f"{cents // 100}.{cents % 100:02d}"]


def _keywords(rows: list[CampaignDay]) -> list[list[object]]:
    """Keywords have 95 of a hundred clicks: the rest is what no keyword is shown for."""
    table: list[list[object]] = [
        ["Day", "Customer ID", "Campaign", "Campaign ID", "Ad group", "Ad group ID", "Search keyword",
         "Search keyword match type", "Currency code", "Impr.", "Clicks", "Cost"]
    ]  # fmt: skip
    for row in rows:
        for text, match, percent in KEYWORDS:
            table.append([*_head(row), "Main", f"{row.campaign_id}1", text, match, row.currency, *_part(row, percent)])
    return table


def _search_terms(rows: list[CampaignDay]) -> list[list[object]]:
    """Search terms have 40 of a hundred clicks: rare ones are withheld."""
    table: list[list[object]] = [
        ["Day", "Customer ID", "Campaign", "Campaign ID", "Ad group", "Ad group ID", "Search term", "Match type",
         "Search keyword", "Currency code", "Impr.", "Clicks", "Cost"]
    ]  # fmt: skip
    for row in rows:
        for number, term in enumerate(TERMS):
            keyword, match, _ = KEYWORDS[min(number, len(KEYWORDS) - 1)]
            table.append(
                [*_head(row), "Main", f"{row.campaign_id}1", term, match, keyword, row.currency, *_part(row, 10)]
            )
    return table


def _landing_pages(rows: list[CampaignDay]) -> list[list[object]]:
    table: list[list[object]] = [
        ["Day", "Customer ID", "Campaign", "Campaign ID", "Landing page", "Currency code", "Impr.", "Clicks", "Cost"]
    ]
    for row in rows:
        for page, percent in PAGES:
            mark = "&" if "?" in page else "?"
            url = f"{page}{mark}utm_source=google&utm_medium=cpc&utm_campaign={row.campaign_id}"
            table.append([*_head(row), url, row.currency, *_part(row, percent)])
    return table


def _sessions(rows: list[CampaignDay]) -> list[list[object]]:
    """GA4's flat records. Revenue is in the account's currency of most clicks: USD."""
    table: list[list[object]] = [
        ["property_id", "date", "sessionSource", "sessionMedium", "sessionCampaignId", "sessionCampaignName", "sessions",
         "engagedSessions", "keyEvents", "purchaseRevenue", "currencyCode"]
    ]  # fmt: skip
    without: dict[str, str] = {}
    for row in rows:
        without[row.account_id] = max(without.get(row.account_id, ""), row.campaign_id)
    organic: dict[str, int] = defaultdict(int)
    for row in rows:
        organic[row.date] += row.clicks
        if row.platform in UTM and row.campaign_id != without[row.account_id]:
            sessions = row.clicks * SESSIONS // 100
            events = int(float(row.conversions) * KEY_EVENTS / 100)
            table.append(["314159", row.date.replace("-", ""), *UTM[row.platform], row.campaign_id, row.campaign_name,
                          sessions, sessions * 6 // 10, events, events * 80, "USD"])  # fmt: skip
    for day, clicks in sorted(organic.items()):
        for source, medium in ORGANIC:
            table.append(["314159", day.replace("-", ""), source, medium, "(not set)", "(not set)", clicks // 3, clicks // 5,
                          clicks // 300, clicks // 300 * 80, "USD"])  # fmt: skip
    return table


def _rates(last: date) -> list[list[object]]:
    """The seed's rates of the last days in the ECB's form: a column a currency, newest first, N/A for none."""
    by_day: dict[str, dict[str, str]] = defaultdict(dict)
    with (REPO / "dbt_project" / "seeds" / "fx_rates.csv").open(encoding="utf-8") as seed:
        for row in csv.DictReader(seed):
            if (last - timedelta(days=RATE_DAYS)).isoformat() <= row["date"] <= last.isoformat():
                by_day[row["date"]][row["currency"]] = row["units_per_eur"]
    currencies = sorted({currency for rates in by_day.values() for currency in rates})
    table: list[list[object]] = [["Date", *currencies, ""]]
    for day in sorted(by_day, reverse=True):
        table.append([day, *(by_day[day].get(currency, "N/A") for currency in currencies), ""])
    return table
