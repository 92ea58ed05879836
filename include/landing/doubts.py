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
from include.landing.specs import METRICS
from include.landing.statement import ROWS, Statement

FEWEST_DATES = 4  # three may lie a week apart by chance
WEEK = timedelta(days=7)


def note_doubts(client: Client, statement: Statement, attempts: Sequence[Attempt]) -> None:
    """Put what is doubtful in the raw rows of loads on their lines."""
    ids = ", ".join(str(attempt.line.load_id) for attempt in attempts)
    loaded = f"WHERE load_id IN ({ids}) AND disposition = 'loaded'"
    rows = f"SELECT load_id, account_id, date AS day FROM {ROWS} {loaded}"
    found = _spaced(client, statement, rows)
    if _twice(statement.match, list(statement.reader.cells)):
        for load_id, said in _differing(client, statement, f"SELECT * FROM raw.ad_performance {loaded}").items():
            found.setdefault(load_id, []).extend(said)
    for attempt in attempts:
        attempt.line.warnings += found.get(attempt.line.load_id, [])


def doubts_of(client: Client, statement: Statement, judged: str) -> list[str]:
    """The same of one file's judged records, a subquery, before they are loaded."""
    rows = f"SELECT toUInt64(0) AS load_id, * FROM {judged} WHERE disposition = 'loaded'"
    found = _spaced(client, statement, rows).get(0, [])
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
