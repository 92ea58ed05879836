"""What publishing reads from the warehouse: the feed's rows, the gate over them, and the days judged since.

A feed row says what was known of an insight on its ``date_end``; an event that goes on has a row a day under one
key. Only the newest row of a key counts, whatever dates a run publishes, so the order of backfills is
irrelevant.
"""

from __future__ import annotations

from datetime import date, timedelta
from io import RawIOBase
from typing import Any, cast

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

COLUMNS = (
    "workspace",
    "insight_key",
    "kind",
    "severity",
    "entity_type",
    "entity_id",
    "entity_name",
    "platform",
    "account_id",
    "metric",
    "date_start",
    "date_end",
    "title",
    "body",
    "next_step",
    "impact_basis",
    "impact_amount",
    "impact_currency",
    "confidence",
    "rank",
    "evidence",
    "is_provisional",
)

# Condition that a row must not meet, and what is wrong with it. `isNull` of a column that cannot be NULL is 0.
REFUSALS = {
    "ifNull(workspace, '') = ''": "no workspace",
    "ifNull(insight_key, '') = ''": "no insight_key",
    "ifNull(kind, '') = ''": "no kind",
    "ifNull(entity_type, '') = ''": "no entity_type",
    "ifNull(title, '') = '' OR ifNull(body, '') = ''": "no title or body",
    "ifNull(severity, '') NOT IN ('critical', 'high', 'medium', 'low')": "an unknown severity",
    "ifNull(next_step, '') = '' OR ifNull(impact_basis, '') = ''": "no next_step or impact_basis",
    "isNull(date_start) OR isNull(date_end) OR date_start > date_end": "a date_start after its date_end",
    "isNull(rank) OR rank < 1": "no rank",
    "NOT ifNull(confidence BETWEEN 0 AND 1, 1)": "a confidence outside 0 to 1",
    "NOT isValidJSON(ifNull(evidence, ''))": "evidence that is not JSON",
    "isNotNull(impact_amount) AND ifNull(impact_currency, '') = ''": "an impact without currency",
}

# What a run may not publish over: query with a count and a text, and what that says. The build's results and the
# quality checks are those of the run itself.
GATE = {
    "SELECT count(), any(detail) FROM ops.quality_results WHERE run_id = {run_id:String} AND severity = 'error' AND NOT success"
    " AND checked_at = (SELECT max(checked_at) FROM ops.quality_results WHERE run_id = {run_id:String})": (
        "{n} quality checks of this run failed, the first says: {text}",
        "Mend the data or the check, and run the task check_staging again",
    ),
    "SELECT toUInt8(maxIf(finished_at, layer = 'marts') > maxIf(finished_at, layer = 'insights')), '' FROM ops.dbt_results"
    " WHERE run_id = {run_id:String} AND resource_type = 'model'": (
        "the marts of this run are newer than its insights",
        "Build the layers anomalies and insights of the run again",
    ),
    "SELECT uniqExact(workspace), arrayStringConcat(groupUniqArray(toString(workspace)), ', ') FROM marts.anomaly_daily"
    " WHERE date IN {dates:Array(Date)} AND severity = 'critical' AND impact_currency IS NOT NULL"
    " AND (workspace, date) NOT IN (SELECT workspace, date_end FROM marts.insight_feed WHERE date_end IN {dates:Array(Date)})": (
        "the feed has nothing on days with critical anomalies in {n} workspaces ({text})",
        "Build the layer insights again for these days",
    ),
}

_NAMES = ", ".join(COLUMNS)
# What is told of days, and the budgets that their month will miss.
_FEED = (
    f"(SELECT {_NAMES}, is_beyond_cap FROM marts.insight_feed"
    f" UNION ALL SELECT {_NAMES}, false FROM marts.insight_budgets)"
)
SCOPE = f"FROM {_FEED} WHERE date_start <= {{last:Date}} AND date_end >= {{low:Date}}"
# Of what the day's cap kept out only what it let in on another day: that goes on, and has not recovered. Days of a key
# lie at most a month before its `date_start`.
TOLD = (
    "(NOT is_beyond_cap OR (workspace, insight_key) IN (SELECT workspace, insight_key FROM marts.insight_feed"
    f" WHERE NOT is_beyond_cap AND date_end >= (SELECT min(date_start) {SCOPE}) - 31 AND date_start <= {{last:Date}}))"
)


class PublishError(RuntimeError):
    """The feed is not fit to be published; nothing was changed. The message names the remedy."""


def check(client: Client, dates: list[date], low: date, run_id: str) -> int:
    """The gate: refuse a feed with faulty rows or repeated keys, one older than its marts or emptier than its
    anomalies, and one of data that failed its quality checks; return the rows that `stream` will give.

    Raises ``PublishError``.
    """
    for query, (fault, remedy) in GATE.items():
        found, text = _rows(client, query, {"run_id": run_id, "dates": dates})[0]
        if found:
            raise PublishError(
                f"marts.insight_feed was not published: {fault.format(n=found, text=text)}. Nothing was changed. "
                f"{remedy}, then run the publishing task again."
            )
    faults = ", ".join(f"countIf({condition})" for condition in REFUSALS)
    counts = _rows(
        client,
        f"SELECT count(), uniqExactIf((workspace, insight_key), {TOLD}), "
        f"count() - uniqExact(workspace, insight_key, date_end), {faults} {SCOPE}",
        {"low": low, "last": max(dates)},
    )[0]
    _, keys, repeated, *faulty = (int(value) for value in counts)
    problems = [f"{n} rows have {what}" for n, what in zip(faulty, REFUSALS.values(), strict=True) if n]
    if repeated:
        problems.insert(0, f"{repeated} rows repeat a (workspace, insight_key, date_end)")
    if problems:
        raise PublishError(
            f"marts.insight_feed was not published: {'; '.join(problems)}. Nothing was changed. Mend the models in "
            "dbt_project/models/insights, build that layer again, then run the publishing task again."
        )
    return keys


def stream(client: Client, dates: list[date], low: date) -> RawIOBase:
    """The newest row of every key that may touch the dates, as ClickHouse CSV (NULL is ``\\N``)."""
    query = f"SELECT {_NAMES} {SCOPE} AND {TOLD} ORDER BY date_end DESC LIMIT 1 BY workspace, insight_key"
    return _stream(client, query, {"low": low, "last": max(dates)})


def affected(client: Client, dates: list[date]) -> list[date]:
    """The dates, and every later day up to the last one in the marts, for a restated day stands in the baseline of the
    days after it; and the days from a workspace's last one with data before them, for what was awaited may be overdue, or
    awaited again."""
    query = (
        "SELECT min(before), maxOrNull(last) FROM ("
        "SELECT maxOrNullIf(date, date < {first:Date}) AS before, max(date) AS last FROM marts.mart_account_daily"
        " WHERE date >= {first:Date} - 28 GROUP BY workspace)"
    )
    before, last = _rows(client, query, {"first": min(dates)})[0]
    first = before or min(dates)
    return [first + timedelta(days=n) for n in range((max(last or first, *dates) - first).days + 1)]


def stream_judged(client: Client, dates: list[date]) -> RawIOBase:
    """The last day that is in the marts, by account: an event that ended before it has recovered."""
    query = (
        "SELECT workspace, platform, coalesce(account_id, account_name, ''), max(date) FROM marts.mart_account_daily"
        " WHERE date >= {first:Date} GROUP BY ALL"
    )
    return _stream(client, query, {"first": min(dates)})


def stream_spoken(client: Client, dates: list[date], low: date) -> RawIOBase:
    """Of whom what is told from the day ``low`` on, and until when: workspace, platform, account, campaign, kind, last day.
    Without a campaign it is the whole account, without an account the whole platform. A shift of budget speaks of two
    campaigns. What the day's cap kept out tells nobody anything."""
    query = (
        "SELECT workspace, tupleElement(who, 1), tupleElement(who, 2), tupleElement(who, 3), kind, max(date_end) FROM ("
        "SELECT workspace, kind, date_end, arrayJoin(if(kind = 'budget_shift', arrayMap(side -> ("
        "JSONExtractString(evidence, side, 'platform'), JSONExtractString(evidence, side, 'account_id'),"
        " JSONExtractString(evidence, side, 'campaign_id')), ['giver', 'receiver']),"
        " [(toString(platform), ifNull(account_id, ''), if(entity_type = 'campaign', ifNull(entity_id, ''), ''))]"
        f")) AS who FROM marts.insight_feed WHERE date_end >= {{low:Date}} AND {TOLD}"
        " AND (entity_type = 'campaign'"
        " OR entity_type IN ('account', 'platform') AND kind IN ('tracking_break', 'spend_stop', 'duplicate_load',"
        " 'partial_load', 'data_missing', 'missing_rate', 'concentration_risk'))) GROUP BY ALL"
    )
    return _stream(client, query, {"low": low, "last": max(dates)})


def stream_unpriced(client: Client) -> RawIOBase:
    """Budgets that cannot be judged for want of a rate: key, body, next step, and what is added to the evidence."""
    query = (
        "SELECT workspace, insight_key, concat(reason, ' ', next_step), next_step, toJSONString(map('unpriced',"
        " CAST((unpriced_since, currencies), 'Tuple(since Date, currencies Array(String))')))"
        " FROM marts.insight_budgets_unpriced"
    )
    return _stream(client, query, {})


def _rows(client: Client, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    try:
        return list(client.query(query, parameters=parameters).result_rows)
    except ClickHouseError as error:
        raise _unreadable(error) from error


def _stream(client: Client, query: str, parameters: dict[str, Any]) -> RawIOBase:
    try:
        return cast(RawIOBase, client.raw_stream(query, parameters=parameters, fmt="CSV"))
    except ClickHouseError as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> PublishError:
    reason = str(error).strip().splitlines()[0]
    return PublishError(
        f"the marts cannot be read: {reason}. Nothing was changed. Build the layers marts and insights first, and "
        "see that ClickHouse answers (bin/insightflow doctor)."
    )
