"""A suite for each source that has rows on the dates of a run, made from its spec.

Great Expectations costs time for every table and column that it looks at. So ClickHouse measures all sources first,
by a few queries, into one small table with a row for each account; the suites are about that table.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Literal

import yaml
from clickhouse_connect.driver.client import Client
from pydantic import BaseModel, ConfigDict

from include.landing.specs import Source, sources
from include.quality.suite import SUITES, Check, Suite

HISTORY_DAYS = 28
ENOUGH_DAYS = 7  # of history, before which nothing is usual
EXAMPLES = 5


class Measured(BaseModel):
    """A check of a measure, as ``suites/sources.yml`` has it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    measure: str
    between: tuple[float | str, float | str]
    severity: Literal["error", "warning"]
    means: str
    remedy: str


class Template(BaseModel):
    """``suites/sources.yml``."""

    model_config = ConfigDict(extra="forbid")

    delay: int
    delays: dict[str, int]
    checks: list[Measured]


@lru_cache(maxsize=1)
def template() -> Template:
    """The checks of all sources. Raises ``pydantic.ValidationError`` where the file is none."""
    return Template.model_validate(yaml.safe_load((SUITES / "sources.yml").read_text()))


def suite_name(source: str) -> str:
    """Name of a source's suite in the results and the data docs."""
    return f"source_{source}"


def suite_of(source: str, table: str) -> Suite:
    """The suite of a source over its measures."""
    wanted = template()
    delay = wanted.delays.get(source, wanted.delay)
    checks = []
    for check in wanted.checks:
        low, high = (float(str(value).replace("{delay}", str(delay))) for value in check.between)
        arguments = {"column": check.measure, "min_value": low, "max_value": high}
        checks.append(
            Check.model_validate(
                {
                    "name": check.name,
                    "severity": check.severity,
                    "means": check.means,
                    "remedy": check.remedy,
                    "type": "expect_column_values_to_be_between",
                    "with": arguments,
                }
            )
        )
    return Suite(suite=suite_name(source), table=table, date_column="", expectations=checks)


@dataclass(frozen=True)
class Failure:
    """Where a check does not hold: a workspace, how many of its accounts, and the first of them."""

    workspace: str
    accounts: int
    observed: str


def failures(client: Client, suite: Suite, check: Check) -> list[Failure]:
    """The workspaces in which a check of a source does not hold."""
    column, low, high = (check.arguments[key] for key in ("column", "min_value", "max_value"))
    examples = f"arrayStringConcat(arraySlice(groupArray(concat(if(account_id = '', 'its files', account_id), ': ', toString({column}))), 1, {EXAMPLES}), ', ')"
    rows = client.query(
        f"SELECT workspace, count(), {examples} FROM {suite.table} WHERE {column} < {low} OR {column} > {high}"
        " GROUP BY workspace ORDER BY workspace"
    ).result_rows
    return [Failure(str(workspace), int(n), str(text)) for workspace, n, text in rows]


@contextlib.contextmanager
def measured(client: Client, days: Sequence[date]) -> Iterator[list[Suite]]:
    """Measure all sources into a table of its own, for the length of a check; a suite over a view for each source."""
    name = f"ops.measured_sources_{uuid.uuid4().hex[:12]}"
    views: list[str] = []
    try:
        client.command(f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY source AS {_measures(days)}")
        present = [str(row[0]) for row in client.query(f"SELECT DISTINCT source FROM {name} ORDER BY source").result_rows]
        suites = []
        for source in (source for source in present if source in sources()):
            view = f"{name}_{source}"
            client.command(f"CREATE VIEW {view} AS SELECT * FROM {name} WHERE source = '{source}'")
            views.append(view)
            suites.append(suite_of(source, view))
        yield suites
    finally:
        for view in views:
            client.command(f"DROP VIEW IF EXISTS {view}")
        client.command(f"DROP TABLE IF EXISTS {name}")


# ------------------------------------------------------------------------------------------------------- measures


def _measures(days: Sequence[date]) -> str:
    """SQL: a row for each account of the dates with its measures, and one for each workspace's files of a source."""
    listed = "(" + ", ".join(f"toDate('{day.isoformat()}')" for day in days) + ")"
    last = f"toDate('{max(days).isoformat()}')"
    return f"""
SELECT
    r.workspace AS workspace, r.source AS source, r.account_id AS account_id,
    r.rows_without_entity AS rows_without_entity, r.rows_without_metrics AS rows_without_metrics,
    r.ids_of_another_form AS ids_of_another_form, r.currencies AS currencies, r.repeated_rows AS repeated_rows,
    r.rows_with_negatives AS rows_with_negatives, r.rows_with_more_clicks AS rows_with_more_clicks,
    r.share_with_more_conversions AS share_with_more_conversions,
    h.days_late AS days_late, h.rows_to_usual AS rows_to_usual, h.cost_to_usual AS cost_to_usual,
    CAST(NULL, 'Nullable(UInt64)') AS files_without_columns, CAST(NULL, 'Nullable(UInt64)') AS rows_refused,
    CAST(NULL, 'Nullable(UInt64)') AS files_off_their_totals
FROM ({_of_rows(listed)}) AS r
LEFT JOIN ({_of_history(last)}) AS h
    ON r.workspace = h.workspace AND r.source = h.source AND r.account_id = h.account_id
UNION ALL
SELECT
    workspace, source, '' AS account_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, files_without_columns, rows_refused, files_off_their_totals
FROM ({_of_files(listed)})
SETTINGS join_use_nulls = 1"""


def _of_rows(listed: str) -> str:
    keys = "account_id, account_name, campaign_id, campaign_name, ad_group_id, ad_group_name, ad_id, ad_name"
    exact = [spec.source for spec in sources().values() if _has_digits(spec)]
    digits = f"platform IN {_texts(exact)}" if exact else "0"
    return f"""
SELECT workspace, platform AS source, ifNull(account_id, '') AS account_id,
    toNullable(countIf(coalesce({keys}) IS NULL AND platform NOT IN {_texts(_without_entities())})) AS rows_without_entity,
    toNullable(countIf(coalesce(impressions, clicks, cost, conversions, conversion_value) IS NULL)) AS rows_without_metrics,
    toNullable(countIf({digits} AND NOT match(ifNull(stg.account_id, '1'), '^[0-9]+$'))) AS ids_of_another_form,
    toNullable(uniqExact(currency)) AS currencies,
    toNullable(count() - uniqExact(cityHash64(grain, {_hashed(keys)}, toString(segments), date, file_id))) AS repeated_rows,
    toNullable(countIf(least(ifNull(impressions, 0), ifNull(clicks, 0), ifNull(cost, 0), ifNull(conversions, 0),
        ifNull(conversion_value, 0)) < 0)) AS rows_with_negatives,
    toNullable(countIf(clicks > impressions)) AS rows_with_more_clicks,
    countIf(conversions > clicks) / nullIf(countIf(clicks > 0 OR conversions > 0), 0) AS share_with_more_conversions
FROM staging.stg_ad_performance AS stg WHERE date IN {listed}
GROUP BY workspace, source, account_id"""


def _of_history(last: str) -> str:
    """How late an account is on the last day, and how its newest day compares with the four weeks before."""
    return f"""
SELECT workspace, source, account_id,
    toNullable(toInt64({last} - max(date))) AS days_late,
    if(count() > {ENOUGH_DAYS}, argMax(n, date) / nullIf(arrayElement(usual_rows, 1), 0), NULL) AS rows_to_usual,
    if(count() > {ENOUGH_DAYS} AND argMax(money, date) IS NOT NULL,
        argMax(money, date) / nullIf(arrayElement(usual_cost, 1), 0), NULL) AS cost_to_usual,
    quantilesExactIf(0.5)(n, date < newest) AS usual_rows,
    quantilesExactIf(0.5)(ifNull(money, 0), date < newest) AS usual_cost
FROM (
    SELECT *, max(date) OVER (PARTITION BY workspace, source, account_id) AS newest FROM (
        SELECT workspace, platform AS source, ifNull(account_id, '') AS account_id, date, count() AS n,
            toFloat64(sumIf(cost, grain = 'campaign')) AS campaigns, toFloat64(sum(cost)) AS all_grains,
            if(campaigns > 0, campaigns, all_grains) AS money
        FROM staging.stg_ad_performance WHERE date BETWEEN {last} - {HISTORY_DAYS} AND {last}
        GROUP BY workspace, source, account_id, date))
GROUP BY workspace, source, account_id"""


def _of_files(listed: str) -> str:
    """Of the files that give the dates their rows."""
    return f"""
SELECT workspace, source,
    toNullable(countIf(arrayExists(wanted -> NOT hasAny(mapKeys(column_map), wanted), {_required()}[shape])))
        AS files_without_columns,
    toNullable(sum(rows_rejected)) AS rows_refused,
    toNullable(countIf(arrayExists(said -> startsWith(said, 'declared total'), warnings))) AS files_off_their_totals
FROM ops.current_loads
WHERE load_id IN (SELECT load_id FROM ops.file_coverage WHERE date IN {listed})
GROUP BY workspace, source"""


def _required() -> str:
    """SQL: a map of each shape to its groups of columns of which one has to be there."""
    pairs = [
        f"'{shape.id}', [{', '.join(_texts(group, '[]') for group in shape.required)}]"
        for spec in sources().values()
        for shape in spec.shapes
    ]
    return f"CAST(map({', '.join(pairs)}), 'Map(String, Array(Array(String)))')"


def _without_entities() -> list[str]:
    """Sources whose rows need no entity (web analytics without a campaign)."""
    return [spec.source for spec in sources().values() if all(len(shape.required) < 2 for shape in spec.shapes)] or [""]


def _has_digits(spec: Source) -> bool:
    return any("account_id" in shape.id_formats for shape in spec.shapes)


def _hashed(keys: str) -> str:
    return ", ".join(f"ifNull({key.strip()}, '')" for key in keys.replace("account_id", "stg.account_id").split(","))


def _texts(values: Sequence[Any], brackets: str = "()") -> str:
    return brackets[0] + ", ".join(f"'{value}'" for value in values) + brackets[1]
