"""A suite for each workspace and source that has rows on the dates of a run, made from the source's spec.

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

from include.landing.bucket import sql_string
from include.landing.specs import KEYS, METRICS, Source, sources
from include.quality.suite import SUITES, Check, Suite

# Measures, by what they are taken from.
OF_ROWS = (
    "rows_without_entity", "rows_without_metrics", "ids_of_another_form", "currencies", "repeated_rows",
    "rows_with_negatives", "rows_with_more_clicks", "share_with_more_conversions",
)  # fmt: skip
OF_HISTORY = ("days_late", "times_usual_rows", "times_usual_cost")
OF_FILES = ("files_without_columns", "rows_refused", "files_off_their_totals")
HISTORY_DAYS = 28
ENOUGH_DAYS = 7  # of history, before which nothing is usual
NOTHING = 1e12  # times less than usual: a newest day that has nothing
EXAMPLES = 5


class Measured(BaseModel):
    """A check of a measure, as ``suites/sources.yml`` has it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    measure: str
    at_most: float | str
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
    checks = [
        Check.model_validate(
            {
                "name": check.name,
                "severity": check.severity,
                "means": check.means,
                "remedy": check.remedy,
                "type": "expect_column_max_to_be_between",
                "with": {
                    "column": check.measure,
                    "max_value": float(str(check.at_most).replace("{delay}", str(delay))),
                },
            }
        )
        for check in wanted.checks
    ]
    return Suite(suite=suite_name(source), table=table, date_column="", expectations=checks)


@dataclass(frozen=True)
class Failure:
    """Where a check does not hold: how many accounts of the workspace, and the first of them."""

    accounts: int
    observed: str


def failure_of(client: Client, suite: Suite, check: Check) -> Failure:
    """The accounts of the suite's workspace of which a check of its source does not hold."""
    column, most = check.arguments["column"], check.arguments["max_value"]
    shown = f"toString(round({column}, 3))"
    if column.startswith("times_"):
        shown = f"if({column} = {NOTHING}, 'nothing on its newest day', concat(toString(round({column}, 1)), ' times'))"
    named = f"concat(if(account_id = '', 'its files', account_id), ': ', {shown})"
    examples = f"arrayStringConcat(arraySlice(groupArray({named}), 1, {EXAMPLES}), ', ')"
    [[accounts, text]] = client.query(
        f"SELECT count(), {examples} FROM (SELECT * FROM {suite.table} WHERE {column} > {most} ORDER BY account_id)"
    ).result_rows
    return Failure(int(accounts), str(text))


@dataclass(frozen=True)
class SourceOf:
    """A source of a workspace, and the suite over its measures."""

    workspace: str
    suite: Suite


@contextlib.contextmanager
def measured(client: Client, days: Sequence[date]) -> Iterator[list[SourceOf]]:
    """Measure all sources into a table of its own, for the length of a check; a suite over a view for each workspace
    and source."""
    name = f"ops.measured_sources_{uuid.uuid4().hex[:12]}"
    views: list[str] = []
    try:
        client.command(f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY tuple() AS {_measures(days)}")
        present = client.query(f"SELECT DISTINCT workspace, source FROM {name} ORDER BY workspace, source").result_rows
        suites = []
        for workspace, source in ((str(w), str(s)) for w, s in present if s in sources()):
            view = f"{name}_{len(views)}"
            own = f"source = {sql_string(source)} AND workspace = {sql_string(workspace)}"
            client.command(f"CREATE VIEW {view} AS SELECT * FROM {name} WHERE {own}")
            views.append(view)
            suites.append(SourceOf(workspace, suite_of(source, view)))
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
    assumeNotNull(coalesce(r.workspace, h.workspace)) AS workspace,
    assumeNotNull(coalesce(r.platform, h.platform)) AS source,
    assumeNotNull(coalesce(r.account, h.account)) AS account_id,
    {", ".join(f"toFloat64(ifNull({name}, 0)) AS {name}" for name in (*OF_ROWS, *OF_HISTORY))},
    {", ".join(f"toFloat64(0) AS {name}" for name in OF_FILES)}
FROM ({_of_rows(listed)}) AS r
FULL OUTER JOIN ({_of_history(last, listed)}) AS h
    ON r.workspace = h.workspace AND r.platform = h.platform AND r.account = h.account
UNION ALL
SELECT workspace, source, '', {", ".join("toFloat64(0)" for _ in (*OF_ROWS, *OF_HISTORY))},
    {", ".join(f"toFloat64({name})" for name in OF_FILES)}
FROM ({_of_files(listed)})
SETTINGS join_use_nulls = 1"""


def _of_rows(listed: str) -> str:
    keys = ", ".join(f"stg.{key}" for key in KEYS)
    exact = [spec.source for spec in sources().values() if _has_digits(spec)]
    digits = f"stg.platform IN {_texts(exact)}" if exact else "0"
    lowest = ", ".join(f"ifNull(stg.{metric}, 0)" for metric in METRICS)
    return f"""
SELECT workspace, platform, ifNull(stg.account_id, '') AS account,
    toNullable(countIf(coalesce({keys}) IS NULL AND stg.platform NOT IN {_texts(_without_entities())}))
        AS rows_without_entity,
    toNullable(countIf(coalesce({", ".join(METRICS)}) IS NULL)) AS rows_without_metrics,
    toNullable(countIf({digits} AND NOT match(ifNull(stg.account_id, '1'), '^[0-9]+$'))) AS ids_of_another_form,
    toNullable(uniqExact(currency)) AS currencies,
    toNullable(count() - uniqExact(cityHash64(grain, [{", ".join(f"ifNull(stg.{key}, '')" for key in KEYS)}],
        toString(segments), date, file_id))) AS repeated_rows,
    toNullable(countIf(least({lowest}) < 0)) AS rows_with_negatives,
    toNullable(countIf(clicks > impressions)) AS rows_with_more_clicks,
    countIf(conversions > clicks) / nullIf(countIf(clicks > 0 OR conversions > 0), 0) AS share_with_more_conversions
FROM staging.stg_ad_performance AS stg WHERE date IN {listed}
GROUP BY workspace, platform, account"""


def _of_history(last: str, listed: str) -> str:
    """How late an account is on the last day, and how its newest day compares with the four weeks before.

    Rows and cost of a day are those of campaigns where it has them, so that another grain beside does not count twice. A
    cost that is not known is no cost of 0: it is held against nothing.
    """
    return f"""
SELECT workspace, platform, account,
    toNullable(toInt64({last} - any(newest))) AS days_late,
    {_times("n")} AS times_usual_rows,
    {_times("money")} AS times_usual_cost
FROM (
    SELECT workspace, platform, account, date, max(date) OVER (PARTITION BY workspace, platform, account) AS newest,
        if(campaigns > 0, campaigns, rows) AS n, if(campaigns > 0, cost_of_campaigns, cost_of_rows) AS money
    FROM (
        SELECT workspace, platform, ifNull(stg.account_id, '') AS account, date, count() AS rows,
            countIf(grain = 'campaign') AS campaigns, toFloat64(sum(stg.cost)) AS cost_of_rows,
            toFloat64(sumIf(stg.cost, grain = 'campaign')) AS cost_of_campaigns
        FROM staging.stg_ad_performance AS stg
        WHERE date BETWEEN {last} - {HISTORY_DAYS} AND {last}
            AND platform IN (SELECT platform FROM staging.stg_ad_performance WHERE date IN {listed})
        GROUP BY workspace, platform, account, date))
GROUP BY workspace, platform, account"""


def _times(value: str) -> str:
    """How many times more or less than usual the newest day has; nothing where too little is known."""
    value = f"toFloat64({value})"
    newest, usual = f"anyIf({value}, date = newest)", f"nullIf(quantileExactIf(0.5)({value}, date < newest), 0)"
    ratio = f"{newest} / {usual}"
    times = f"if({newest} = 0 AND {usual} > 0, {NOTHING}, greatest({ratio}, 1 / ({ratio})))"
    known = f"count({value}) > {ENOUGH_DAYS} AND isNotNull({newest})"
    return f"if({known}, {times}, NULL)"


def _of_files(listed: str) -> str:
    """Of the files that give the dates their rows."""
    return f"""
SELECT workspace, source,
    toNullable(countIf(arrayExists(wanted -> NOT hasAny(mapKeys(column_map), wanted), {_required()}[shape])))
        AS files_without_columns,
    toNullable(toInt64(sumIf(rows_rejected, repairs = '')) - toInt64(sum(ifNull(again.n, 0)))) AS rows_refused,
    toNullable(countIf(arrayExists(said -> startsWith(said, 'declared total'), warnings))) AS files_off_their_totals
FROM ops.current_loads AS loads
LEFT JOIN (SELECT file_id, count() AS n FROM ops.repaired_rows GROUP BY file_id) AS again ON loads.file_id = again.file_id
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


def _texts(values: Sequence[Any], brackets: str = "()") -> str:
    return brackets[0] + ", ".join(f"'{value}'" for value in values) + brackets[1]
