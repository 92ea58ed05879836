"""The SQL that takes files into ``raw``: one INSERT … SELECT in which the engine parses, judges and hashes rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from include.landing import natives
from include.landing.bucket import sql_string
from include.landing.cells import cell_text
from include.landing.measures import judgements_of_measures
from include.landing.natives import kind_of
from include.landing.readers.base import Reader
from include.landing.recognise import Match
from include.landing.salvage import MALFORMED
from include.landing.specs import COLUMNS, KEYS, METRICS, SkipRule
from include.landing.values import NAMES, TYPED_COLUMNS, Typing, few, is_digits

ROWS = "raw.ad_performance_rows"
ROW_COLUMNS = (
    "workspace", "source", "file_id", "load_id", "row_number", "disposition", "row_hash", *TYPED_COLUMNS, "segments",
    "extra",
)  # fmt: skip
MAIN_EVENT = "purchase"
NOTHING = "''"
# What a spreadsheet shows in place of a value that it cannot compute; #N/A says that there is none.
ERRORS = "'#REF!', '#NAME?', '#VALUE!', '#DIV/0!', '#NULL!', '#NUM!'"
# Names of dispositions that skip a record, beside those of a spec's own rules.
SKIPPED = {
    "exact_duplicate",
    "blank_row",
    "footer_rows",
    "repeated_header",
    "deleted_row",
    "no_rate",
    "already_repaired",
}
# As the quality suite has it: no later day has begun in any time zone.
LAST_DAY = "toDate(now('UTC')) + 1"
FUTURE = ": this day has not come; correct the date, or see in the spec's date_style which of day and month is first"
# Online advertising is hardly older; a day before is a slip, and a chart from it to today would be empty.
FIRST_DAY = "toDate('2000-01-01')"
PAST = ": days before 2000 are not taken; correct the year"
DELETED = "_fivetran_deleted"  # what the source no longer has, Fivetran marks and keeps


@dataclass(frozen=True)
class Target:
    """Where a file's rows go."""

    workspace: str
    file_id: str
    load_id: int


@dataclass(frozen=True)
class Statement:
    """Files of one form against one shape. ``targets``: path as the server names it → where its rows go.

    ``marks``: metric → decimal mark, '' where unknown. ``ends``: path → row from which on it holds no data.
    """

    reader: Reader
    match: Match
    targets: Mapping[str, Target] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    date_style: str = "iso"
    ends: Mapping[str, int] = field(default_factory=dict)
    also: Sequence[tuple[str, str, str]] = ()
    """Judgements of these files alone, before those of their cells: ``(condition, disposition, detail)`` in SQL."""

    # ------------------------------------------------------------------------------------------------- the records

    def records(self) -> str:
        """Every record with its cells under canonical names (text), segments, the rest, and a hash of all cells."""
        reader, columns = self.reader, self.match.columns
        texts = [
            # Ignored: names are checked by the spec.
            f"{cell_text(found, reader.cells) if (found := columns.get(name)) else NOTHING} AS {name}"  # type: ignore[call-overload]
            for name in COLUMNS
        ]
        segments = _map({name: cell_text(found, reader.cells) for name, found in self.match.segments.items()})
        short = f"{reader.last_cell} IS NULL" if reader.format == "csv" else "0"
        long = f"ifNull({reader.overflow}, '') != ''" if reader.overflow else "0"
        where = f" WHERE {self._after_end('path')} OR NOT ({reader.blank})" if reader.blank else ""
        if reader.natives:
            texts.append(" AND ".join(f"ifNull({cell}, '') = ''" for cell in reader.cells.values()) + " AS all_empty")
        texts += [f"{reader.natives[self._typed_header(name)][0]} AS native_{name}" for name in self._natives()]
        return (
            f"SELECT path, row_number, ifNull({reader.first_cell}, '') AS first_cell, {short} AS is_short, "
            f"{long} AS is_long, {self._row_hash()} AS row_hash, {', '.join(texts)}, {segments} AS segments, "
            f"{self._extra()} AS extra, {self._raw_text()} AS raw_text FROM ({reader.source}){where}"
        )

    def _typed_header(self, column: str) -> str:
        """The header of the typed column that is a canonical column as it stands; '' where none is."""
        found = self.match.columns.get(column)  # type: ignore[call-overload]  # names are checked by the spec
        return found.headers[0] if found and found.made is None and found.headers[0] in self.reader.natives else ""

    def _natives(self, columns: Sequence[str] = ("date", *METRICS)) -> dict[str, str]:
        """Canonical column → type of the file's own column."""
        headers = {name: self._typed_header(name) for name in columns}
        return {name: self.reader.natives[header][1] for name, header in headers.items() if header}

    def _native_type(self, column: str) -> str:
        """Type of the file's own column, '' where it has none."""
        header = self._typed_header(column)
        return self.reader.natives[header][1] if header else ""

    def _row_hash(self) -> str:
        parts = []
        for header, cell in self.reader.cells.items():
            sql, type_ = self.reader.natives.get(header, ("", ""))
            parts += natives.hashed(sql, type_, cell)
        return f"cityHash64({', '.join(parts) or NOTHING})"

    def _is_blank(self) -> str:
        """SQL over the records: whether all cells are empty."""
        if self.reader.natives:
            return "first_cell = '' AND all_empty"
        cells = ", ".join([NOTHING] * len(self.reader.cells)) or NOTHING
        return f"first_cell = '' AND row_hash = cityHash64({cells})"

    def _extra(self) -> str:
        """What the spec does not name, and the cells that a made value or a segment was taken out of."""
        return _map({header: f"ifNull({self.reader.cells[header]}, '')" for header in self._rest()})

    def _rest(self) -> list[str]:
        found = [*self.match.columns.values(), *self.match.segments.values()]
        whole = {header for place in found if place.made is None for header in place.headers}
        return [h for h in self.reader.cells if h not in whole and h not in self.reader.context]

    def _raw_text(self) -> str:
        cells = {header: f"ifNull({sql}, '')" for header, sql in self.reader.cells.items()}
        if self.reader.format == "csv":
            return f"formatRowNoNewline('CSV', {', '.join(cells.values())})"
        record = f"toJSONString({_map({h: sql for h, sql in cells.items() if h not in self.reader.context})})"
        malformed = cells.get(MALFORMED)
        return f"if({malformed} != '', {malformed}, {record})" if malformed else record

    def _after_end(self, path: str) -> str:
        """SQL: whether a row lies behind the end of its file's data."""
        if not self.ends:
            return "0"
        return f"row_number >= {_by_key(path, self.ends, 2**62)}"

    def find_ends(self) -> str:
        """SQL of ``path, row_number`` of the first blank line of each file; a spreadsheet writes one with delimiters."""
        blank = " AND ".join(f"ifNull({cell}, '') = ''" for cell in self.reader.cells.values())
        return (
            f"SELECT path, min(row_number) FROM ({self.reader.source}) WHERE {blank} GROUP BY path"
            f"{self.reader.settings_clause(strict=False)}"
        )

    # ----------------------------------------------------------------------------------------------- the judgement

    def _judgements(self) -> list[tuple[str, str, str]]:
        """``(condition, disposition, detail)`` in the order in which they are tried; all are SQL."""
        found = []
        cells = len(self.reader.cells)
        if MALFORMED in self.reader.cells:
            found.append((f"extra[{sql_string(MALFORMED)}] != ''", "'malformed_line'", "'not a JSON object'"))
        if self.ends:
            found.append((self._after_end("path"), "'footer_rows'", "''"))
        found += [(self._skips(rule), sql_string(rule.reason), "''") for rule in self.match.shape.skip]
        if self.reader.format == "csv":  # files that were pasted together
            names = f"cityHash64({', '.join(sql_string(header) for header in self.reader.cells)})"
            found.append((f"row_hash = {names}", "'repeated_header'", "''"))
        if DELETED in self.reader.cells:
            found.append((f"lower(extra[{sql_string(DELETED)}]) IN ('true', '1', 't')", "'deleted_row'", "''"))
        found += [
            (self._is_blank(), "'blank_row'", "''"),
            *self.also,
            ("is_short", "'too_few_cells'", f"'the header has {cells} cells, this line has fewer'"),
            ("is_long", "'too_many_cells'", f"'the header has {cells} cells, this line has more'"),
            (
                "day IS NULL AND match(date, '^[3-6][0-9]{4}([.,][0-9]+)?$')",
                "'damaged_date'",
                "concat('date = ', date, ': the day number of a spreadsheet; export the dates as text')",
            ),
            (
                "day IS NULL AND match(date, '^\\\\s*(0?[1-9]|1[0-2])[/-](0?[1-9]|1[0-2])[/-][0-9]{2}')",
                "'ambiguous_date'",
                f"concat({_names('date')}, ': day or month first?')",
            ),
            (
                "day IS NULL AND insightflow_is_range(date)",
                "'multi_day_row'",
                "concat('date = ', date, ': export one row a day')",
            ),
            ("day IS NULL", "'bad_date'", _names("date")),
        ]
        if not self.match.shape.rates:  # a rate may be fixed ahead
            found.append((f"day > {LAST_DAY}", "'future_date'", f"concat({_names('date')}, {sql_string(FUTURE)})"))
            found.append((f"day < {FIRST_DAY}", "'past_date'", f"concat({_names('date')}, {sql_string(PAST)})"))
            if "currency" in self.match.columns:
                cell = few("currency")
                code = f"match(upper(trimBoth({cell})), '^[A-Z]{{3}}$') OR insightflow_is_null({cell})"
                hint = sql_string(": write its code of three letters, such as EUR")
                found.append((f"NOT ({code})", "'bad_currency'", f"concat({_names('currency')}, {hint})"))
        if "date_end" in self.match.columns:
            found.append(
                (
                    f"date_end != date AND ifNull(insightflow_date(date_end, '{self.date_style}') != day, 1)",
                    "'multi_day_row'",
                    "concat('from ', date, ' to ', date_end, ': export one row a day')",
                )
            )
        for name in ("campaign_id", "ad_group_id", "ad_id", "account_id"):
            if name in self.match.columns and kind_of(self._natives((name,)).get(name, "")) != "integer":
                damaged = f"NOT {is_digits(name)} AND insightflow_is_damaged_id({name})"
                if exact_to := natives.EXACT_TO.get(self._native_type(name)):
                    # Beyond it a float no longer tells an id from its neighbour.
                    damaged += f" OR abs(toFloat64OrZero({name})) >= {exact_to}"
                found.append((damaged, "'damaged_id'", _names(name)))
        for name in ("campaign_name", "ad_group_name", "ad_name", "account_name"):
            if name in self.match.columns:
                if self.reader.format == "csv":
                    found.append((f"{name} IN ({ERRORS})", "'damaged_name'", _names(name)))
                found.append((f"NOT isValidUTF8({name})", "'bad_encoding'", _names(name)))
        for name in self._metrics():
            hint = f"if(verdict_{name} = 'ambiguous_number', ': a thousands separator or a decimal mark?', '')"
            found.append(
                (f"NOT own_{name} AND verdict_{name} != ''", f"verdict_{name}", f"concat({_names(name)}, {hint})")
            )
        return found + judgements_of_measures(self.match)

    def _skips(self, rule: SkipRule) -> str:
        """SQL of the condition of a rule of the spec."""
        if rule.first_cell is not None:
            first = few("date") if self._first_column() == "date" else "first_cell"
            return f"match({first}, {sql_string(rule.first_cell)})"
        if rule.empty:
            return " AND ".join(f"{column} = ''" for column in rule.empty)
        keys = [key for key in KEYS if key in self.match.columns]
        like = {key: f"match({key}, {sql_string(rule.named)})" for key in keys}
        others = [f"({like[key]} OR insightflow_is_null({key}))" for key in keys if key.endswith("_id")]
        first = f"match(first_cell, {sql_string(rule.named)})"
        return " AND ".join([f"({' OR '.join([first, *like.values()])})", *others])

    def _first_column(self) -> str:
        """The canonical column that is the file's first cell as it stands; '' where none is."""
        header = next(iter(self.reader.cells), "")
        found = (
            name for name, place in self.match.columns.items() if place.made is None and place.headers[0] == header
        )
        return str(next(found, ""))

    def _metrics(self) -> list[str]:
        return [name for name in METRICS if name in self.match.columns]

    @property
    def typing(self) -> Typing:
        """How these files' text is meant."""
        match, shape = self.match, self.match.shape
        main = shape.events.get(MAIN_EVENT)
        return Typing(
            columns=frozenset(match.columns),
            marks=self.marks,
            date_style=self.date_style,
            # Ignored: names are checked by the spec.
            divisors={name: match.divisor(name) for name in METRICS},  # type: ignore[arg-type]
            account_format=shape.id_formats.get("account_id", ""),
            null_tokens=shape.null_tokens,
            tiers=main.tiers if main else (),
            actions=bool(shape.events),
            currency=match.currency,
            natives=self._natives(),
        )

    def judged(self) -> str:
        """The records with their typed date and the verdict on each metric, from which dispositions follow."""
        verdicts = "".join(f", {self.typing.verdict(name)} AS verdict_{name}" for name in self._metrics())
        return f"SELECT *, {self.typing.day()} AS day{verdicts} FROM ({self.glanced()})"

    def glanced(self) -> str:
        """The records with what native parsers make of their cells."""
        glances = ", ".join(f"{sql} AS {name}" for name, sql in self.typing.glances().items())
        return f"SELECT *, {glances} FROM ({self.records()})"

    def typed(self) -> str:
        """The judged records with the values of their cells, ``value_…`` each."""
        values = "".join(f", {sql} AS value_{name}" for name, sql in self.typing.values().items())
        return f"SELECT *{values} FROM ({self.judged()})"

    def disposition(self) -> str:
        """SQL: 'loaded', or why the record is rejected or skipped.

        Whether there is any reason is a sum, which costs less than asking for the first one.
        """
        reasons = self._judgements()
        if not reasons:
            return "'loaded'"
        some = " + ".join(f"ifNull({condition}, 0)" for condition, _, _ in reasons)
        first = "".join(f"{c}, {d}, " for c, d, _ in reasons)
        return f"if({some} = 0, 'loaded', multiIf({first}'loaded'))"

    def detail(self) -> str:
        """SQL: column and value to which the disposition is due."""
        return "multiIf(" + "".join(f"{c}, {text}, " for c, _, text in self._judgements()) + "'')"

    # ------------------------------------------------------------------------------------------------- statements

    def insert(self) -> str:
        """The INSERT of all records of all targets, good and bad: parsed, judged and typed in one pass."""
        values = {name: f"value_{name}" for name in self.typing.values()}
        made = {
            "workspace": self._target("workspace"),
            "source": sql_string(self.match.source.source),
            "file_id": self._target("file_id"),
            "load_id": self._target("load_id"),
            "disposition": self.disposition(),
            **values,
            **self.typing.texts(values),
        }
        # What the file has not, the table's defaults say at less cost.
        columns = {
            name: sql
            for name in ROW_COLUMNS
            if (sql := made.get(name, name)) != NOTHING and name not in self._lacking()
        }
        return (
            f"INSERT INTO {ROWS} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM ({self.typed()})"
            f"{self.reader.settings_clause()}"
        )

    def _lacking(self) -> set[str]:
        """Columns of the raw table of which the file has nothing."""
        empty = {name for name in (*NAMES, *METRICS) if name not in self.match.columns}
        empty |= {"segments"} if not self.match.segments else set()
        return empty | ({"extra"} if not self._rest() else set())

    def insert_rejects(self, reasons: Sequence[str], *, few: bool = True) -> str:
        """The INSERT of the rejected rows with reason, detail and raw text: a second look, at those rows only where
        they are ``few``; else all rows are judged again, which takes time instead of memory."""
        ids = ", ".join(str(target.load_id) for target in self.targets.values())
        named = ", ".join(map(sql_string, reasons))
        rows = f"SELECT load_id, row_number FROM {ROWS} WHERE load_id IN ({ids}) AND disposition IN ({named})"
        load_id = self._target("load_id")
        where = f"(toUInt64({load_id}), row_number) IN ({rows})" if few else f"{self.disposition()} IN ({named})"
        return (
            "INSERT INTO ops.load_rejects (load_id, workspace, file_id, row_number, reason, detail, raw_text) "
            f"SELECT {load_id}, {self._target('workspace')}, {self._target('file_id')}, row_number, "
            f"{self.disposition()}, {self.detail()}, raw_text FROM ({self.judged()}) "
            f"WHERE {where}{self.reader.settings_clause(strict=False)}"
        )

    def _target(self, name: str) -> str:
        return _by_key("path", {path: getattr(target, name) for path, target in self.targets.items()}, None)

    def to(self, load_ids: Mapping[str, int]) -> Statement:
        """The same into other loads. ``load_ids``: file_id → load_id."""
        targets = {path: replace(t, load_id=load_ids.get(t.file_id, t.load_id)) for path, t in self.targets.items()}
        return replace(self, targets=targets)

    @property
    def skip_reasons(self) -> set[str]:
        """Dispositions that skip a record rather than reject it."""
        return {rule.reason for rule in self.match.shape.skip} | SKIPPED


def _by_key(key: str, values: Mapping[str, object], default: object) -> str:
    """SQL of the value of a key: a constant where there is but one and no default."""
    texts = [sql_string(value) if isinstance(value, str) else str(value) for value in values.values()]
    if default is None and len(set(texts)) == 1:
        return texts[0]
    other = str(default) if default is not None else ("''" if texts and texts[0].startswith("'") else "0")
    return f"transform({key}, [{', '.join(map(sql_string, values))}], [{', '.join(texts)}], {other})"


def _map(cells: Mapping[str, str]) -> str:
    """A Map of the cells that hold something."""
    if not cells:
        return "CAST(map(), 'Map(String, String)')"
    pairs = ", ".join(f"{sql_string(name)}, {cell}" for name, cell in cells.items())
    return f"mapFilter((k, v) -> v != '', map({pairs}))"


def _names(column: str) -> str:
    return f"concat('{column} = ', {column})"
