"""What ClickHouse needs to read files: a FROM clause that gives each record its place and its cells as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from include.landing.bucket import sql_string
from include.landing.specs import Format

# (format, structure) → the table function that reads the files.
Files = Callable[[str, str], str]

# ClickHouse takes columns that a query does not read for unknown.
LENIENT: dict[str, str | int] = {
    "input_format_skip_unknown_fields": 1,
    "input_format_json_ignore_unknown_keys_in_named_tuple": 1,
}


@dataclass(frozen=True)
class Reader:
    """Files of one form. ``source``: a subquery with ``path`` (of the file, as the server names it), ``row_number``
    and what ``cells`` (header as sent → SQL of its text, Nullable(String)) are made of.

    ``context``: headers that belong to the document around the records; ``overflow``: expression of cells beyond the
    header; ``blank``: condition of a blank line; ``records``: path of the JSON list that holds the records;
    ``natives``: header → (SQL, type as ClickHouse has it) where the file's column is typed.
    """

    format: Format
    source: str
    cells: dict[str, str]
    settings: dict[str, str | int] = field(default_factory=dict)
    context: frozenset[str] = frozenset()
    overflow: str = ""
    blank: str = ""
    records: str = ""
    natives: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def first_cell(self) -> str:
        """Expression of the first cell of a record."""
        return next(iter(self.cells.values()), "''")

    @property
    def last_cell(self) -> str:
        """Expression of the last cell; NULL where a CSV record is too short."""
        return list(self.cells.values())[-1] if self.cells else "''"

    def settings_clause(self, *, strict: bool = True) -> str:
        """``SETTINGS …`` or nothing. A query that does not read every column must not be ``strict`` about keys."""
        settings = self.settings if strict else {**self.settings, **LENIENT}
        pairs = [
            f"{name} = {value if isinstance(value, int) else sql_string(value)}" for name, value in settings.items()
        ]
        return " SETTINGS " + ", ".join(pairs) if pairs else ""


def identifier(name: str) -> str:
    """A quoted ClickHouse identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def unique(headers: Sequence[str]) -> list[str]:
    """Headers with the repeated ones numbered: ``Clicks``, ``Clicks #2``."""
    seen: dict[str, int] = {}
    result = []
    for header in headers:
        seen[header] = seen.get(header, 0) + 1
        result.append(header if seen[header] == 1 else f"{header} #{seen[header]}")
    return result
