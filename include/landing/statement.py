"""The SQL that takes a file into ``raw``: one INSERT … SELECT in which the engine parses, judges and hashes rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from include.landing.bucket import sql_string
from include.landing.readers import Reader
from include.landing.recognise import Match
from include.landing.specs import COLUMNS, COUNTS, METRICS

RAW_COLUMNS = (
    "workspace", "source", "file_id", "load_id", "row_number", "event_date", "disposition", "row_hash", *COLUMNS,
    "segments", "extra",
)  # fmt: skip

# Values that need no closer look: up to 12 whole digits fit Decimal(18, 6).
PLAIN_COUNT = "^[0-9]{0,12}$"
PLAIN_NUMBER = "^[0-9]{1,12}([.][0-9]+)?$"
NO_DATE = "toDate('1970-01-01')"


@dataclass(frozen=True)
class Statement:
    """One file against one shape. ``marks``: metric → decimal mark, '' where unknown."""

    reader: Reader
    match: Match
    marks: Mapping[str, str]
    date_style: str

    def with_marks(self, marks: Mapping[str, str]) -> Statement:
        """The same with other decimal marks."""
        return replace(self, marks=marks)

    def _cell(self, canonical: str) -> str:
        header = self.match.columns.get(canonical)  # type: ignore[call-overload]
        return f"ifNull({self.reader.cells[header]}, '')" if header else "''"

    def _extra(self) -> str:
        used = {*self.match.columns.values(), *self.match.segments.values()}
        rest = [header for header in self.reader.cells if header not in used]
        return _map({header: self.reader.cells[header] for header in rest})

    def records(self) -> str:
        """Every record with its cells under canonical names (text), segments, the rest, and a hash of all cells."""
        columns = ", ".join(f"{self._cell(name)} AS {name}" for name in COLUMNS)
        segments = _map({name: self.reader.cells[header] for name, header in self.match.segments.items()})
        # A hash of several arguments is NULL where one of them is.
        cells = ", ".join(f"ifNull({cell}, '')" for cell in self.reader.cells.values()) or "''"
        short = f"{self.reader.last_cell} IS NULL" if self.reader.format == "csv" else "0"
        long = f"ifNull({self.reader.overflow}, '') != ''" if self.reader.overflow else "0"
        return (
            f"SELECT row_number, ifNull({self.reader.first_cell}, '') AS first_cell, {short} AS is_short, "
            f"{long} AS is_long, cityHash64([{cells}]) AS row_hash, {columns}, {segments} AS segments, "
            f"{self._extra()} AS extra, {self._raw_text()} AS raw_text FROM ({self.reader.source})"
        )

    def _raw_text(self) -> str:
        cells = self.reader.cells
        if self.reader.format == "csv":
            return (
                f"formatRowNoNewline('CSV', {', '.join(f'ifNull({cell}, {chr(39) * 2})' for cell in cells.values())})"
            )
        return f"toJSONString({_map(cells)})"

    def _judgements(self) -> list[tuple[str, str, str]]:
        """``(condition, disposition, detail)`` in the order in which they are tried; all are SQL."""
        found = []
        for rule in self.match.shape.skip:
            condition = (
                f"match(first_cell, {sql_string(rule.first_cell)})"
                if rule.first_cell is not None
                else " AND ".join(f"{column} = ''" for column in rule.empty)
            )
            found.append((condition, sql_string(rule.reason), "''"))
        cells = len(self.reader.cells)
        found += [
            ("is_short", "'too_few_cells'", f"'the header has {cells} cells, this line has fewer'"),
            ("is_long", "'too_many_cells'", f"'the header has {cells} cells, this line has more'"),
            ("day IS NULL", "'bad_date'", _names("date")),
        ]
        if "date_end" in self.match.columns:
            found.append(
                (
                    f"date_end != date AND ifNull(insightflow_date(date_end, '{self.date_style}') != day, 1)",
                    "'multi_day_row'",
                    "concat('from ', date, ' to ', date_end, ': export one row a day')",
                )
            )
        for name in ("campaign_id", "ad_group_id", "ad_id", "account_id"):
            if name in self.match.columns:
                found.append((f"insightflow_is_damaged_id({name})", "'damaged_id'", _names(name)))
        for name in ("campaign_name", "ad_group_name", "ad_name", "account_name"):
            if name in self.match.columns:
                found.append((f"NOT isValidUTF8({name})", "'bad_encoding'", _names(name)))
        for name in self._verdicts():
            hint = f"if(verdict_{name} = 'ambiguous_number', ': a thousands separator or a decimal mark?', '')"
            found.append((f"verdict_{name} != ''", f"verdict_{name}", f"concat({_names(name)}, {hint})"))
        return found

    def _verdicts(self) -> dict[str, str]:
        """Metric → SQL of its verdict: '' or why its cell is refused. Plain numbers are passed at a glance."""
        found = {}
        for name in METRICS:
            if name not in self.match.columns:
                continue
            mark = self.marks.get(name, "")
            plain = PLAIN_COUNT if name in COUNTS else PLAIN_NUMBER if mark == "." else "^$"
            passed = f"match({name}, '{plain}')"
            if self.match.shape.conversion_tiers and name in ("conversions", "conversion_value"):
                passed += f" OR startsWith({name}, '[')"
            found[name] = f"if({passed}, '', insightflow_verdict({name}, '{mark}', {int(name in COUNTS)}))"
        return found

    def judged(self) -> str:
        """The records with their typed date and the verdict on each metric, from which dispositions follow."""
        verdicts = "".join(f", {verdict} AS verdict_{name}" for name, verdict in self._verdicts().items())
        return f"SELECT *, insightflow_date(date, '{self.date_style}') AS day{verdicts} FROM ({self.records()})"

    def disposition(self) -> str:
        """SQL: 'loaded', or why the record is rejected or skipped."""
        return "multiIf(" + "".join(f"{c}, {d}, " for c, d, _ in self._judgements()) + "'loaded')"

    def detail(self) -> str:
        """SQL: column and value to which the disposition is due."""
        return "multiIf(" + "".join(f"{c}, {text}, " for c, _, text in self._judgements()) + "'')"

    def insert(self, workspace: str, file_id: str, load_id: int) -> str:
        """The INSERT of all records, good and bad."""
        return (
            f"INSERT INTO raw.ad_performance ({', '.join(RAW_COLUMNS)}) "
            f"SELECT {sql_string(workspace)}, {sql_string(self.match.source.source)}, {sql_string(file_id)}, {load_id}, "
            f"row_number, ifNull(day, {NO_DATE}), {self.disposition()}, row_hash, "
            f"{', '.join(COLUMNS)}, segments, extra FROM ({self.judged()}){self.reader.settings_clause()}"
        )

    def insert_rejects(self, workspace: str, file_id: str, load_id: int, reasons: Sequence[str]) -> str:
        """The INSERT of the rejected rows with reason, detail and raw text: a second look at those rows only."""
        rows = (
            f"SELECT row_number FROM raw.ad_performance WHERE load_id = {load_id} AND disposition IN "
            f"({', '.join(map(sql_string, reasons))})"
        )
        return (
            "INSERT INTO ops.load_rejects (load_id, workspace, file_id, row_number, reason, detail, raw_text) "
            f"SELECT {load_id}, {sql_string(workspace)}, {sql_string(file_id)}, row_number, {self.disposition()}, "
            f"{self.detail()}, raw_text FROM ({self.judged()}) WHERE row_number IN ({rows})"
            f"{self.reader.settings_clause(strict=False)}"
        )

    @property
    def skip_reasons(self) -> set[str]:
        """Dispositions that skip a record rather than reject it."""
        return {rule.reason for rule in self.match.shape.skip} | {"exact_duplicate"}


def evidence(statement_source: str, metrics: Sequence[str]) -> str:
    """SQL that shows, for each metric, the decimal marks its cells prove, and the distinct date cells."""
    marks = ", ".join(
        f"arraySort(groupUniqArrayIf(insightflow_mark_of({m}), insightflow_mark_of({m}) != '')) AS {m}_marks"
        for m in metrics
    )
    return f"SELECT groupUniqArray(1000)(date) AS dates{', ' + marks if marks else ''} FROM ({statement_source})"


def decide_marks(proved: Mapping[str, Sequence[str]], fixed: str) -> dict[str, str]:
    """Decimal mark of each metric: the spec's, else what its column proves, else what the rest of the file proves.

    A column that proves both marks proves none, also not for others; nor do columns that contradict each other.
    Ambiguous cells are then rejected.
    """
    if fixed != "auto":
        return dict.fromkeys(proved, fixed)
    of_file = {marks[0] for marks in proved.values() if len(marks) == 1}
    decided = {}
    for metric, marks in proved.items():
        evidence_of = set(marks) or of_file
        decided[metric] = next(iter(evidence_of)) if len(evidence_of) == 1 else ""
    return decided


def decide_date_style(dates: Sequence[str], fixed: str) -> str | None:
    """Date style of the file: the spec's, else the one that its cells show; None where 3/4/2025 stays ambiguous."""
    if fixed != "auto":
        return fixed
    cells = [cell.strip() for cell in dates]
    for style, pattern in (
        ("iso", r"\d{4}-\d\d-\d\d([ T].*)?"),
        ("compact", r"\d{8}"),
        ("ymd_slash", r"\d{4}/\d\d/\d\d"),
    ):
        if any(re.fullmatch(pattern, cell) for cell in cells):
            return style
    parts = [hit for cell in cells if (hit := re.match(r"(\d{1,2})[/.](\d{1,2})[/.]\d{4}", cell))]
    if not parts:
        return "iso"
    day_first = any(int(hit.group(1)) > 12 for hit in parts) or all("." in hit.group(0) for hit in parts)
    month_first = any(int(hit.group(2)) > 12 for hit in parts)
    if day_first == month_first:
        return None
    return "dmy" if day_first else "mdy"


def _map(cells: Mapping[str, str]) -> str:
    """A Map of the cells that hold something."""
    if not cells:
        return "CAST(map(), 'Map(String, String)')"
    pairs = ", ".join(f"{sql_string(name)}, ifNull({cell}, '')" for name, cell in cells.items())
    return f"mapFilter((k, v) -> v != '', map({pairs}))"


def _names(column: str) -> str:
    return f"concat('{column} = ', {column})"
