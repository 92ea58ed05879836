"""A reader of the sample files, written apart from the generator, so that the tests check what files say."""

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

NAME = re.compile(
    r"^[a-z_]+_(?P<first>\d{4}-\d\d-\d\d)(_(?P<last>\d{4}-\d\d-\d\d))?"
    r"_exported_(?P<exported>\d{8}T\d{4})\.(csv|json|ndjson)$"
)


class Row(NamedTuple):
    account_id: str
    campaign_id: str
    campaign_name: str
    date: str
    impressions: int
    clicks: int
    cost: Decimal
    conversions: Decimal
    value: Decimal
    currency: str


def exported(path: Path) -> str:
    match = NAME.match(path.name)
    assert match, path.name
    return match["exported"]


def read(path: Path) -> list[Row]:
    text = path.read_text(encoding="utf-8")
    if text.startswith("Campaign report"):
        return list(_google_ui(text))
    if text.startswith("\ufeffReporting starts"):
        return list(_meta_manager(text))
    if text.startswith("[{"):
        return list(_google_api(text))
    if text.startswith('{"data"'):
        return list(_meta_insights(text))
    return list(_generic(text))


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", "") or "0")


def _google_ui(text: str) -> Iterator[Row]:
    for r in csv.DictReader(io.StringIO(text.split("\n", 2)[2])):
        if not r["Day"].startswith("Total"):
            yield Row(
                r["Customer ID"].replace("-", ""), r["Campaign ID"], r["Campaign"], r["Day"],
                int(_number(r["Impr."])), int(_number(r["Clicks"])), _number(r["Cost"]),
                _number(r["Conversions"]), _number(r["Conv. value"]), r["Currency code"],
            )  # fmt: skip


def _meta_manager(text: str) -> Iterator[Row]:
    for r in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))):
        if r["Campaign name"]:
            assert r["Reporting starts"] == r["Reporting ends"]
            yield Row(
                r["Account ID"], r["Campaign ID"], r["Campaign name"], r["Reporting starts"],
                int(r["Impressions"]), int(r["Link clicks"]), _number(r["Amount spent (USD)"]),
                _number(r["Purchases"]), _number(r["Purchases conversion value"]), "USD",
            )  # fmt: skip


def _google_api(text: str) -> Iterator[Row]:
    for batch in json.loads(text, parse_float=Decimal):
        for r in batch["results"]:
            m = r["metrics"]
            yield Row(
                r["customer"]["id"], r["campaign"]["id"], r["campaign"]["name"], r["segments"]["date"],
                int(m["impressions"]), int(m.get("clicks", 0)), Decimal(m.get("costMicros", 0)) / 1_000_000,
                Decimal(m.get("conversions", 0)), Decimal(m.get("conversionsValue", 0)),
                r["customer"]["currencyCode"],
            )  # fmt: skip


def _meta_insights(text: str) -> Iterator[Row]:
    def omni(items: list[dict[str, str]]) -> Decimal:
        return Decimal(next((i["value"] for i in items if i["action_type"] == "omni_purchase"), "0"))

    for r in json.loads(text)["data"]:
        assert r["date_start"] == r["date_stop"]
        yield Row(
            r["account_id"], r["campaign_id"], r["campaign_name"], r["date_start"], int(r["impressions"]),
            int(r["inline_link_clicks"]), Decimal(r["spend"]), omni(r.get("actions", [])),
            omni(r.get("action_values", [])), r["account_currency"],
        )  # fmt: skip


def _generic(text: str) -> Iterator[Row]:
    for line in text.splitlines():
        r = json.loads(line, parse_float=Decimal)
        yield Row(
            r["account_id"], r["campaign_id"], r["campaign_name"], r["date"], r["impressions"], r["clicks"],
            Decimal(r["cost"]), Decimal(r["conversions"]), Decimal(r["conversion_value"]), r["currency"],
        )  # fmt: skip


def by_campaign_day(rows: list[Row]) -> dict[tuple[str, str, str], Row]:
    """Devices and ads summed away."""
    found: dict[tuple[str, str, str], Row] = {}
    for r in rows:
        key = (r.account_id, r.campaign_id, r.date)
        old = found.get(key)
        if old is None:
            found[key] = r
            continue
        found[key] = r._replace(
            impressions=old.impressions + r.impressions,
            clicks=old.clicks + r.clicks,
            cost=old.cost + r.cost,
            conversions=old.conversions + r.conversions,
            value=old.value + r.value,
        )
    return found


def final_state(paths: list[Path]) -> dict[tuple[str, str, str], Row]:
    """Load all files by export time; for an account and date the newest export stands whole."""
    standing: dict[tuple[str, str], list[Row]] = {}
    for path in sorted(paths, key=exported):
        mine: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for r in read(path):
            mine[r.account_id, r.date].append(r)
        standing.update(mine)
    return by_campaign_day([r for rows in standing.values() for r in rows])
