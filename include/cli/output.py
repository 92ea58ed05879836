"""How the command line speaks: tables for people, JSON for machines, errors in one line."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NoReturn

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

# A pipe has no width: tables are cut for a screen only where there is one.
console = Console(highlight=False, width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "160")))
errors = Console(stderr=True, highlight=False, soft_wrap=True)


# Columns of prose; all others stay on one line where there is room.
PROSE = {"title", "body", "why", "detail", "raw_text", "problem", "remedy", "headers, best first"}
LONG = 24  # characters of a column that may be folded


def say(text: str) -> None:
    """One line of progress."""
    console.print(escape(text), soft_wrap=True)


def fail(text: str, code: int = 1) -> NoReturn:
    """Say what is wrong and exit."""
    errors.print(f"[red]error:[/red] {escape(text)}")
    sys.exit(code)


def fits(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether a table of the rows has room for every column, long ones folded."""
    if not rows:
        return True
    widths = [max(len(name), *(min(len(text_of(row[name])), LONG) for row in rows)) for name in rows[0]]
    return sum(widths) + 2 * (len(widths) - 1) <= console.width


def show(
    rows: Sequence[dict[str, Any]],
    as_json: bool,
    *,
    title: str = "",
    empty: str = "nothing found",
    vertical: bool = False,
) -> None:
    """Rows as a table, with each value on a line of its own (``vertical``), or as a JSON array."""
    if as_json:
        print(json.dumps(_finite(list(rows)), default=plain, ensure_ascii=False, indent=1, allow_nan=False))
        return
    if not rows:
        say(empty)
        return
    if vertical:
        widest = max(map(len, rows[0]))
        for number, row in enumerate(rows, 1):
            say(f"row {number}:")
            for name, value in row.items():
                say(f"  {name + ':':<{widest + 1}} {text_of(value)}")
        return
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for name in rows[0]:
        number = all(isinstance(row[name], int | float | Decimal) or row[name] is None for row in rows)
        # Where the screen is too narrow long names are folded: what may not wrap is cut, the short columns first.
        wraps = name in PROSE or max(len(text_of(row[name])) for row in rows) > LONG
        table.add_column(
            name.replace("_", " "),
            justify="right" if number else "left",
            no_wrap=not wraps,
            overflow="fold" if wraps else "ellipsis",
            min_width=30 if name in PROSE and any(row[name] for row in rows) else None,
        )
    for row in rows:
        table.add_row(*(escape(text_of(value)) for value in row.values()))
    console.print(table)


def counted(n: int, noun: str) -> str:
    """1 row, 2 rows, 12,345 rows."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def text_of(value: Any) -> str:
    """A cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}" if value == value.to_integral() else f"{value:,.2f}"
    return str(value)


def _finite(value: Any) -> Any:
    """With null for numbers that JSON has not: NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def plain(value: Any) -> Any:
    """For JSON: dates as ISO text, money as text (it is no float)."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return str(value)
