"""What loads as it stands, but may not be meant so: said in the ledger and by ``inspect``, and never corrected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from clickhouse_connect.driver.client import Client

from include.landing.bucket import sql_string
from include.landing.forms import Attempt
from include.landing.ledger import LedgerLine
from include.landing.recognise import Match, normal
from include.landing.specs import COUNTS, METRICS
from include.landing.statement import ROWS, Statement
from include.landing.values import NAMES

FEWEST_DATES = 4  # three may lie a week apart by chance
WEEK = timedelta(days=7)
TOTAL = (
    r"(?i)\b(totals?|all|sum|gesamt|summe|totale|totaal|suma|razem)\b"  # of two equal rows, the one that is called so
)
ROUNDING = 0.05  # what a total of money may be off from parts that were rounded each
# Of a group's metrics that are not zero, and there is one, the largest number is half of the sum.
ALL_HALF = (
    " AND ".join(
        f"ifNull(abs(toFloat64(2 * most_{m} - all_{m})) <= {0 if m in COUNTS else ROUNDING}, 1)" for m in METRICS
    )
    + f" AND ({' OR '.join(f'ifNull(most_{m}, 0) > 0' for m in METRICS)})"
)


def note_doubts(client: Client, statement: Statement, attempts: Sequence[Attempt]) -> None:
    """Put what is doubtful in the raw rows of loads on their lines."""
    ids = ", ".join(str(attempt.line.load_id) for attempt in attempts)
    loaded = f"WHERE load_id IN ({ids}) AND disposition = 'loaded'"
    rows = f"SELECT load_id, account_id, date AS day FROM {ROWS} {loaded}"
    found = _spaced(client, statement, rows)
    for load_id, total in _like_totals(client, f"SELECT * FROM {ROWS} {loaded}", "").items():
        found.setdefault(load_id, []).append(total)
    if _twice(statement.match, list(statement.reader.cells)):
        for load_id, said in _differing(client, statement, f"SELECT * FROM raw.ad_performance {loaded}").items():
            found.setdefault(load_id, []).extend(said)
    for attempt in attempts:
        attempt.line.warnings += found.get(attempt.line.load_id, [])


def doubts_of(client: Client, statement: Statement, judged: str) -> list[str]:
    """The same of one file's judged records, a subquery, before they are loaded."""
    rows = f"SELECT toUInt64(0) AS load_id, * FROM {judged} WHERE disposition = 'loaded'"
    found = _spaced(client, statement, rows).get(0, [])
    values = ", ".join(f"value_{name} AS {name}" for name in ("date", *NAMES, *METRICS))
    typed = f"SELECT load_id, row_number, {values} FROM ({rows})"
    found += _like_totals(client, typed, statement.reader.settings_clause(strict=False)).values()
    return found + _differing(client, statement, rows).get(0, [])


def spacing(dates: Sequence[date]) -> str:
    """'week' or 'month' where sorted dates all lie one apart, else ''."""
    if len(dates) < FEWEST_DATES:
        return ""
    if all(after - before == WEEK for before, after in pairwise(dates)):
        return "week"
    months = [day.year * 12 + day.month for day in dates]
    in_turn = months == list(range(months[0], months[0] + len(months)))
    same_day = len({day.day for day in dates}) == 1 or all((day + timedelta(days=1)).day == 1 for day in dates)
    return "month" if in_turn and same_day else ""


def say_if_nothing_was_taken(line: LedgerLine) -> None:
    """Put it before all else that is told of a load of no rows, with the reason: its status alone reads as if all were well."""
    if line.status != "loaded" or line.rows_loaded:
        return
    counts = [f"{n} {reason}" for reason, n in (line.rejected | line.skipped).items()]
    said = f"nothing was taken: {', '.join(counts) or 'the file has no rows'}"
    if line.error:
        line.error = f"{said}; {line.error}"
    else:
        line.warnings.insert(0, f"{said}. If it should have numbers, export them with a row for each day")


def _spaced(client: Client, statement: Statement, rows: str) -> dict[int, list[str]]:
    """load_id → of its first account whose days lie a week or a month apart, a warning."""
    if statement.match.shape.rates:
        return {}
    seen = client.query(
        f"SELECT load_id, account_id, arraySort(groupUniqArray(day)) AS days FROM ({rows}) GROUP BY load_id, account_id"
        f" ORDER BY load_id, account_id{statement.reader.settings_clause(strict=False)}"
    ).result_rows
    found: dict[int, list[str]] = {}
    for load_id, account_id, days in seen:
        step = spacing(days)
        if step and load_id not in found:
            several = sum(other == load_id for other, _, _ in seen) > 1
            whose = f"the dates of account {account_id}" if several else "its dates"
            found[load_id] = [
                f"{whose} lie a {step} apart ({days[0]}, {days[1]}, … {days[-1]}) and the days between have nothing: if a "
                f"row is the sum of a {step}, export by day and drop the file again; if it is so, nothing is to be done"
            ]
    return found


def _like_totals(client: Client, rows: str, settings: str) -> dict[int, str]:
    """load_id → a warning where the rows of an account, campaign or ad hold the sums of all others: totals with an id.

    ``rows``: a subquery of loaded rows, typed. The others are those of the account's day, of the day, or of the file.
    """
    suspects = client.query(
        f"SELECT DISTINCT load_id FROM ({_groups(rows, '', '')}) WHERE {ALL_HALF}{settings}"
    ).result_rows
    if not suspects:
        return {}
    rows = f"SELECT * FROM ({rows}) WHERE load_id IN ({', '.join(str(load_id) for (load_id,) in suspects)})"
    candidates = _halves(rows)
    told = client.query(
        f"SELECT load_id, min(row_number) AS line, count() AS n, argMin(date, row_number), max(others), min(of_level),"
        f" arrayFilter(name -> name != '', [{', '.join(NAMES)}]) AS names"
        f" FROM ({rows}) AS r LEFT JOIN ({candidates}) AS c ON r.load_id = c.load_id AND r.row_number = c.row_number"
        f" WHERE {' OR '.join(f'ifNull({m}, 0) != 0' for m in METRICS)} GROUP BY load_id, {', '.join(NAMES)}"
        f" HAVING min(others) > 1 OR (min(others) = 1 AND arrayExists(name -> match(name, {sql_string(TOTAL)}), names))"
        f" ORDER BY load_id, line{settings}"
    ).result_rows
    found: dict[int, str] = {}
    for load_id, line, n, day, others, level, names in told:
        whose = {1: f"of {day} in this account", 2: f"of {day}", 3: "of the file"}[level]
        rest = f" (its {n} rows are all like that)" if n > 1 else ""
        found.setdefault(
            load_id,
            f"line {line} looks like a total that counts besides its parts: {', '.join(names)} has what the other {others} "
            f"row{'s' if others > 1 else ''} {whose} sum to{rest}. If it is a total, take it out of the export and drop the "
            "file again; if not, nothing is to be done",
        )
    return found


def _groups(rows: str, inner: str, outer: str) -> str:
    """SQL of sums and largest numbers of each metric, by load_id and level: account and day, day, file.

    ``inner`` and ``outer``: what else to take of rows, and of an account's days; ``{m}`` stands for each metric.
    """
    inner = "".join((", sum({m}) AS {m}_1, max({m}) AS {m}_2" + inner).format(m=m) for m in METRICS)
    outer = "".join((", sum({m}_1) AS all_{m}, max({m}_2) AS most_{m}" + outer).format(m=m) for m in METRICS)
    days = f"SELECT load_id, account_id AS account, date AS day{inner} FROM ({rows}) GROUP BY load_id, account, day"
    return (
        f"SELECT load_id, level, if(level = 1, account, '') AS its_account, if(level < 3, day, toDate(0)) AS its_day{outer}"
        f" FROM ({days}) ARRAY JOIN [1, 2, 3] AS level GROUP BY load_id, level, its_account, its_day"
    )


def _halves(rows: str) -> str:
    """SQL of load_id, row_number, of_level, others: of a group's rows, the one whose numbers are the sums of ``others`` others.

    All metrics that are not zero have to agree, of which two at least; levels are those of ``_groups``.
    """
    groups = _groups(
        rows,
        ", countIf({m} != 0) AS {m}_3, argMax(row_number, ({m}, row_number)) AS {m}_4",
        ", sum({m}_3) AS rows_{m}, argMax({m}_4, ({m}_2, {m}_4)) AS at_{m}",
    )
    of_metrics = ", ".join(f"(rows_{m}, at_{m})" for m in METRICS)
    return (
        "SELECT load_id, those[1].2 AS row_number, min(level) AS of_level, argMin(those[1].1, level) - 1 AS others FROM ("
        f"SELECT load_id, level, arrayFilter(m -> m.1 > 0, [{of_metrics}]) AS those FROM ({groups}) WHERE {ALL_HALF})"
        " WHERE length(those) > 1 AND arrayAll(m -> m.2 = those[1].2 AND m.1 > 1, those) GROUP BY load_id, row_number"
    )


def _twice(match: Match, headers: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    """Metric → its header, and further columns that are headed the same."""
    names = {header: normal(re.sub(r" #\d+$", "", header)) for header in headers}
    found = {}
    for metric in METRICS:
        place = match.columns.get(metric)  # type: ignore[call-overload]  # names are checked by the spec
        if place and place.made is None:
            own = place.headers[0]
            if others := [h for h in headers if h != own and names[h] == normal(own)]:
                found[metric] = (own, others)
    return found


def _differing(client: Client, statement: Statement, rows: str) -> dict[int, list[str]]:
    """load_id → a warning for each further column of a metric's name whose numbers are not those that count."""
    found: dict[int, list[str]] = {}
    for metric, (own, others) in _twice(statement.match, list(statement.reader.cells)).items():
        mark = sql_string(statement.marks.get(metric, ""))
        for other in others:
            cell = f"extra[{sql_string(other)}]"
            same = f"{cell} = {metric} OR insightflow_number({cell}, {mark}) = insightflow_number({metric}, {mark})"
            firsts = client.query(
                f"SELECT load_id, count(), min(row_number), argMin({metric}, row_number), argMin({cell}, row_number)"
                f" FROM ({rows}) WHERE NOT insightflow_is_null({cell}) AND NOT ifNull({same}, 0) GROUP BY load_id"
                f"{statement.reader.settings_clause(strict=False)}"
            ).result_rows
            for load_id, n, line, counts, beside in firsts:
                found.setdefault(load_id, []).append(
                    f"{metric} is there twice, and the columns {own} and {other} differ in {n} row{'s' if n > 1 else ''}, "
                    f"first in line {line}: {counts or 'nothing'} and {beside}. {own} counts; if that is wrong, take the "
                    "other column out of the export, or rename it, and drop the file again"
                )
    return found
