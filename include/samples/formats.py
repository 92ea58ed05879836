"""Writers of the export formats, one for each, in the platforms' own shapes."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TextIO

import numpy as np

from include.samples.catalog import Account
from include.samples.series import Block
from include.samples.truth import decimal_text

BATCH_ROWS = 1000  # rows in one searchStream batch
_GOOGLE_HEADER = [
    "Day", "Customer ID", "Account", "Campaign ID", "Campaign", "Campaign state", "Currency code", "Cost",
    "Impr.", "Clicks", "CTR", "Search impr. share", "Conversions", "Conv. value",
]  # fmt: skip
_META_HEADER = [
    "Reporting starts", "Reporting ends", "Account ID", "Account name", "Campaign name", "Campaign ID",
    "Campaign delivery", "Impressions", "Link clicks", "Amount spent ({})", "Results", "Result indicator",
    "Purchases", "Purchases conversion value",
]  # fmt: skip


@dataclass(frozen=True)
class Export:
    """What goes into one file: the campaigns' names as of the export, and a block of rows for each day."""

    account: Account
    names: Sequence[str]
    first: date
    last: date
    blocks: Sequence[Block]


class Lines(NamedTuple):
    """Lines that are no data, the header not counted."""

    preamble: int
    totals: int


class Row(NamedTuple):
    """One row to write; cost and value in cents, conversions in the account's units."""

    day: str
    campaign: int
    part: int
    impressions: int
    clicks: int
    cost: int
    conversions: int
    value: int


def rows(export: Export) -> Iterator[Row]:
    """All rows of an export, day by day."""
    for b in export.blocks:
        day = b.day.isoformat()
        columns = (b.campaign, b.part, b.impressions, b.clicks, b.cost, b.conversions, b.value)
        for values in zip(*(c.tolist() for c in columns), strict=True):
            yield Row(day, *values)


def _grouped(units: int, places: int) -> str:
    whole, rest = divmod(units, 10**places)
    return f"{whole:,}.{rest:0{places}d}"


def _long_date(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}%" if whole else " --"


def write_google_ui_csv(out: TextIO, export: Export) -> Lines:
    """Google Ads UI: two lines before the header, thousands separators, `Total:` rows at the end."""
    account, spec = export.account, export.account.spec
    places = spec.conversion_decimals
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Campaign report"])
    writer.writerow([f"{_long_date(export.first)} - {_long_date(export.last)}"])
    writer.writerow(_GOOGLE_HEADER)
    customer = f"{spec.account_id[:3]}-{spec.account_id[3:6]}-{spec.account_id[6:]}"
    labels = [t.label for t in account.types]
    sums = dict.fromkeys(["Campaigns", "Account"], np.zeros(5, dtype=np.int64))
    for b in export.blocks:
        metrics = np.array([b.cost, b.impressions, b.clicks, b.conversions, b.value])
        for group in ("Campaigns", "Account"):
            sums[group] = sums[group] + metrics.sum(axis=1)
        for label in sorted(set(labels)):
            mine = np.array([labels[c] == label for c in b.campaign.tolist()], dtype=bool)
            group = f"{label} campaigns"
            sums[group] = sums.get(group, np.zeros(5, dtype=np.int64)) + metrics[:, mine].sum(axis=1)

    def tail(cost: int, impressions: int, clicks: int, share: str, conversions: int, value: int) -> list[str]:
        return [
            _grouped(cost, 2), f"{impressions:,}", f"{clicks:,}", _percent(clicks, impressions),
            share, _grouped(conversions, places), _grouped(value, 2),
        ]  # fmt: skip

    for r in rows(export):
        share = " --"
        if labels[r.campaign] in ("Search", "Shopping") and r.impressions:
            percent = 5 + (r.impressions * 7 + r.campaign * 31) % 9200 / 100
            share = "< 10%" if percent < 10 else "> 90%" if percent > 90 else f"{percent:.2f}%"
        head = [
            r.day, customer, spec.account_name, account.ids[r.campaign], export.names[r.campaign],
            "Enabled", spec.currency,
        ]  # fmt: skip
        writer.writerow(head + tail(r.cost, r.impressions, r.clicks, share, r.conversions, r.value))
    for group, total in sums.items():
        cost, impressions, clicks, conversions, value = total.tolist()
        head = [f"Total: {group}", *[" --"] * 5, spec.currency]
        writer.writerow(head + tail(cost, impressions, clicks, " --", conversions, value))
    return Lines(2, len(sums))


def write_google_api(out: TextIO, export: Export) -> Lines:
    """Google Ads API searchStream: batches, camelCase, int64 as strings, micros; a zero has no key."""
    account, spec = export.account, export.account.spec
    customer = {
        "resourceName": f"customers/{spec.account_id}",
        "id": spec.account_id,
        "descriptiveName": spec.account_name,
        "currencyCode": spec.currency,
    }
    mask = (
        "customer.id,customer.descriptiveName,customer.currencyCode,campaign.id,campaign.name,"
        "segments.date,segments.device,metrics.impressions,metrics.clicks,metrics.costMicros,"
        "metrics.conversions,metrics.conversionsValue"
    )
    end_of_batch = f'\n],"fieldMask":"{mask}","requestId":"sample"}}'
    out.write("[")
    count = 0
    for count, r in enumerate(rows(export), start=1):
        metrics: dict[str, object] = {"impressions": str(r.impressions)}
        if r.clicks:
            metrics |= {"clicks": str(r.clicks), "costMicros": str(r.cost * 10_000)}
        if r.conversions:
            metrics["conversions"] = r.conversions / 10**spec.conversion_decimals
            metrics["conversionsValue"] = r.value / 100
        cid = account.ids[r.campaign]
        result = {
            "customer": customer,
            "campaign": {
                "resourceName": f"customers/{spec.account_id}/campaigns/{cid}",
                "id": cid,
                "name": export.names[r.campaign],
            },
            "segments": {"date": r.day, "device": spec.parts[r.part]},
            "metrics": metrics,
        }
        if count % BATCH_ROWS == 1:
            out.write((end_of_batch + "," if count > 1 else "") + '{"results":[\n')
        else:
            out.write(",\n")
        out.write(_compact(result))
    out.write(end_of_batch + "]\n" if count else "]\n")
    return Lines(0, 0)


def write_meta_insights(out: TextIO, export: Export) -> Lines:
    """Meta Insights API at ad grain: numbers as strings, the purchase repeated under three names."""
    account, spec = export.account, export.account.spec
    out.write('{"data":[')
    for n, r in enumerate(rows(export)):
        cid = int(account.ids[r.campaign])
        ad_id = cid * 10 + r.part + 1
        item: dict[str, object] = {
            "account_id": spec.account_id,
            "account_name": spec.account_name,
            "account_currency": spec.currency,
            "campaign_id": str(cid),
            "campaign_name": export.names[r.campaign],
            "adset_id": str(cid * 10 + 8 + r.part // 2),
            "adset_name": ("Broad 18-65", "Interessen")[r.part // 2],
            "ad_id": str(ad_id),
            "ad_name": spec.parts[r.part],
            "date_start": r.day,
            "date_stop": r.day,
            "impressions": str(r.impressions),
            "clicks": str(r.clicks + r.clicks * 3 // 8),
            "inline_link_clicks": str(r.clicks),
            "spend": decimal_text(r.cost, 2),
        }
        item |= _meta_actions(r)
        out.write((",\n" if n else "\n") + _compact(item))
    out.write('\n],"paging":{"cursors":{"before":"MAZDZD","after":"MjQZD"}}}\n')
    return Lines(0, 0)


def _meta_actions(r: Row) -> dict[str, object]:
    actions: list[dict[str, str]] = []
    if r.clicks:
        actions.append({"action_type": "link_click", "value": str(r.clicks)})
    if r.clicks > 1:
        actions.append({"action_type": "landing_page_view", "value": str(r.clicks * 4 // 5)})
    if not r.conversions:
        return {"actions": actions} if actions else {}
    views = r.conversions // 5
    names = ("omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase")
    orders = {"value": str(r.conversions), "7d_click": str(r.conversions - views), "1d_view": str(views)}
    actions += [{"action_type": name, **orders} for name in names]
    value = decimal_text(r.value, 2)
    return {"actions": actions, "action_values": [{"action_type": name, "value": value} for name in names]}


def write_meta_manager_csv(out: TextIO, export: Export) -> Lines:
    """Meta Ads Manager: byte order mark, currency in the header, the summary row first, zeros left blank."""
    account, spec = export.account, export.account.spec
    out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name.format(spec.currency) for name in _META_HEADER)
    impressions, clicks, cost, orders, value = (
        sum(int(getattr(b, name).sum()) for b in export.blocks)
        for name in ("impressions", "clicks", "cost", "conversions", "value")
    )
    spent, worth = decimal_text(cost, 2), decimal_text(value, 2)
    writer.writerow(
        [export.first, export.last, *[""] * 5, impressions, clicks, spent, "", "", orders, worth]
    )  # fmt: skip
    purchase = "actions:offsite_conversion.fb_pixel_purchase"
    for r in rows(export):
        found = [r.conversions, purchase, r.conversions, decimal_text(r.value, 2)]
        writer.writerow([
            r.day, r.day, spec.account_id, spec.account_name, export.names[r.campaign],
            account.ids[r.campaign], "active", r.impressions, r.clicks, decimal_text(r.cost, 2),
            *(found if r.conversions else [""] * 4),
        ])  # fmt: skip
    return Lines(0, 1)


def write_generic_ndjson(out: TextIO, export: Export) -> Lines:
    """Canonical names, one JSON object a line."""
    account, spec = export.account, export.account.spec
    for r in rows(export):
        item = {
            "date": r.day,
            "account_id": spec.account_id,
            "account_name": spec.account_name,
            "campaign_id": account.ids[r.campaign],
            "campaign_name": export.names[r.campaign],
            "impressions": r.impressions,
            "clicks": r.clicks,
            "cost": r.cost / 100,
            "conversions": r.conversions,
            "conversion_value": r.value / 100,
            "currency": spec.currency,
        }
        out.write(_compact(item) + "\n")
    return Lines(0, 0)


def _compact(item: dict[str, object]) -> str:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


WRITERS: dict[str, Callable[[TextIO, Export], Lines]] = {
    "google_ads_ui_csv": write_google_ui_csv,
    "google_ads_api": write_google_api,
    "meta_insights_api": write_meta_insights,
    "meta_ads_manager_csv": write_meta_manager_csv,
    "generic_ndjson": write_generic_ndjson,
}
