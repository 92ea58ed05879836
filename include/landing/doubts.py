"""What loads as it stands, but may not be meant so: said in the ledger and by ``inspect``, and never corrected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from clickhouse_connect.driver.client import Client

from include.landing.forms import Attempt
from include.landing.statement import ROWS, Statement

FEWEST_DATES = 4  # three may lie a week apart by chance
WEEK = timedelta(days=7)


def note_doubts(client: Client, statement: Statement, attempts: Sequence[Attempt]) -> None:
    """Put what is doubtful in the raw rows of loads on their lines."""
    ids = ", ".join(str(attempt.line.load_id) for attempt in attempts)
    loaded = f"WHERE load_id IN ({ids}) AND disposition = 'loaded'"
    rows = f"SELECT load_id, account_id, date AS day FROM {ROWS} {loaded}"
    found = _spaced(client, statement, rows)
    for attempt in attempts:
        attempt.line.warnings += found.get(attempt.line.load_id, [])


def doubts_of(client: Client, statement: Statement, judged: str) -> list[str]:
    """The same of one file's judged records, a subquery, before they are loaded."""
    rows = f"SELECT toUInt64(0) AS load_id, * FROM {judged} WHERE disposition = 'loaded'"
    return _spaced(client, statement, rows).get(0, [])


def spacing(dates: Sequence[date]) -> str:
    """'week' or 'month' where sorted dates all lie one apart, else ''."""
    if len(dates) < FEWEST_DATES:
        return ""
    if all(after - before == WEEK for before, after in zip(dates, dates[1:], strict=False)):
        return "week"
    months = [day.year * 12 + day.month for day in dates]
    in_turn = months == list(range(months[0], months[0] + len(months)))
    same_day = len({day.day for day in dates}) == 1 or all((day + timedelta(days=1)).day == 1 for day in dates)
    return "month" if in_turn and same_day else ""


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
