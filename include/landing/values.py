"""SQL of the values that text becomes: the one place that types cells, for landing and for typing old rows again.

``raw.ad_performance_rows`` keeps a value and, beside it, the text as sent only where the value would not give it back;
``raw.ad_performance`` shows the text of every cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from include.landing import natives
from include.landing.bucket import sql_string
from include.landing.specs import COLUMNS, COUNTS, METRICS

# Raised when text becomes other values than before; `insightflow retype` then types the rows of older loads again.
TYPING_VERSION = 2

TEXTS = tuple(name for name in COLUMNS if name not in METRICS)
NAMES = tuple(name for name in TEXTS if name.startswith(("account_", "campaign_", "ad_")))
# Columns of raw.ad_performance_rows that hold what a cell became, and what it was.
TYPED_COLUMNS = ("date", *NAMES, *METRICS, "currency", *(f"text_{name}" for name in COLUMNS))
# Cells of ids and names that say nothing, as insightflow_is_null has them.
NOTHING = ("", "-", "--", "—", "–", "N/A", "n/a", "#N/A", "null", "NULL", "None", "(not set)", "\\N")
NO_DATE = "toDate('1970-01-01')"

# Numbers that need no closer look, by decimal mark: up to 12 whole digits fit Decimal(18, 6). Regular expressions, for
# toDecimal64OrNull takes `-`, `.` and `1.2.3` for numbers.
PLAIN = {"": "[0-9]{0,12}", ".": "[0-9]{0,12}([.][0-9]+)?", ",": "[0-9]{0,12}(,[0-9]+)?"}
IN_THREES = {
    "": "",
    ".": "[1-9][0-9]{0,2}(,[0-9]{3}){1,3}([.][0-9]+)?",
    ",": "[1-9][0-9]{0,2}([.][0-9]{3}){1,3}(,[0-9]+)?",
}


@dataclass(frozen=True)
class Typing:
    """What a file's header, cells and spec say of how its text is meant. ``columns``: those that the file has.

    ``marks``: metric → decimal mark, '' where unknown; ``divisors``: metric → what it is divided by (micros);
    ``tiers``: action types to count in a list of actions, first tier that has any; ``currency``: where no cell tells.
    """

    columns: frozenset[str]
    marks: Mapping[str, str] = field(default_factory=dict)
    date_style: str = "iso"
    divisors: Mapping[str, int] = field(default_factory=dict)
    account_format: str = ""
    null_tokens: Sequence[str] = ()
    tiers: Sequence[Sequence[str]] = ()
    actions: bool = False
    """Whether conversions may come as a list of actions."""
    currency: str = ""
    natives: Mapping[str, str] = field(default_factory=dict)
    """Column → type of ``native_<column>``, where the file has values instead of text."""

    def _native(self, column: str) -> tuple[str, str] | None:
        """SQL of (whether the file's own value is the cell's, that value)."""
        kind, name = natives.kind_of(self.natives.get(column, "")), f"native_{column}"
        if column == "date":
            return natives.day(kind, name)
        return natives.whole(kind, name) if column in COUNTS else natives.exact(kind, name)

    def glances(self) -> dict[str, str]:
        """Column → SQL of what native parsers make of whole numbers and dates, NULL where they need a closer look."""
        found: dict[str, str] = {}
        for name in ("date", *METRICS):
            if native := self._native(name):
                found |= {f"own_{name}": native[0], f"quick_{name}": native[1]}
            elif name == "date":
                found["quick_date"] = "toDateOrNull(date)"
            elif name in COUNTS and name in self.columns:
                found[f"quick_{name}"] = f"toInt64OrNull({name})"
        return found

    @property
    def is_iso(self) -> str:
        """SQL over ``glances``: whether the date cell is just an ISO date."""
        return "own_date" if self._native("date") else "ifNull(toString(quick_date) = date, 0)"

    def passed(self, metric: str) -> str:
        """SQL over ``glances``: whether the cell is a number that needs no closer look, or is empty."""
        mark = self.marks.get(metric, "")
        if self._native(metric):
            return f"own_{metric}"
        if metric in COUNTS:
            plain = f"(isNotNull(quick_{metric}) AND length({metric}) < 13 OR {metric} = '')"
        else:
            plain = f"match({metric}, '^{PLAIN[mark]}$')"
        return f"({plain} OR {self._in_threes(metric)})" if mark else plain

    def _in_threes(self, metric: str) -> str:
        """SQL: whether the cell is a number with marks between its thousands."""
        pattern = IN_THREES[self.marks[metric]]
        if metric in COUNTS:
            pattern = pattern[: pattern.rindex("(")]
        thousands = "," if self.marks[metric] == "." else "."
        return f"(position({metric}, '{thousands}') > 0 AND match({metric}, '^{pattern}$'))"

    def is_list(self, metric: str) -> str:
        """SQL: whether the cell is a list of actions; '' where the file can have none."""
        return f"startsWith({metric}, '[')" if self.actions and metric in ("conversions", "conversion_value") else ""

    def number(self, metric: str) -> str:
        """SQL over ``glances`` of a metric's value, Nullable: Int64 of counts, Decimal(18, 6) in units of the rest."""
        mark = self.marks.get(metric, "")
        bare = f"replaceAll({metric}, '{'.' if mark == ',' else ','}', '')"  # no thousands
        slow = f"insightflow_number({metric}, '{mark}')"
        if metric in COUNTS and self._native(metric):
            return f"if(own_{metric}, quick_{metric}, toInt64OrNull(toString({slow})))"
        if metric in COUNTS:
            cases = f"isNotNull(quick_{metric}) AND length({metric}) < 13 OR {metric} = '', quick_{metric}, "
            if mark:
                cases += f"{self._in_threes(metric)}, toInt64OrNull({bare}), "
            return f"multiIf({cases}toInt64OrNull(toString({slow})))"
        point = (lambda text: f"replaceOne({text}, ',', '.')") if mark == "," else str
        cases = f"match({metric}, '^{PLAIN[mark]}$'), toDecimal64OrNull({point(metric)}, 6), "
        if self._native(metric):
            cases = f"own_{metric}, quick_{metric}, "
        elif mark:
            cases += f"{self._in_threes(metric)}, toDecimal64OrNull({point(bare)}, 6), "
        if actions := self.is_list(metric):
            tiers = "[" + ", ".join(f"[{', '.join(map(sql_string, tier))}]" for tier in self.tiers) + "]"
            tiers = f"CAST({tiers}, 'Array(Array(String))')"
            cases += f"{actions}, {_fitting(f'insightflow_tier_sum({metric}, {tiers})')}, "
        value = f"multiIf({cases}{_fitting(slow)})"
        divisor = self.divisors.get(metric, 1)
        return f"CAST({value} / {divisor}, 'Nullable(Decimal(18, 6))')" if divisor != 1 else value

    def day(self) -> str:
        """SQL over ``glances`` of the date, Nullable(Date)."""
        return f"if({self.is_iso}, quick_date, insightflow_date(date, '{self.date_style}'))"

    def says(self, column: str) -> str:
        """SQL: whether the cell of an id or name is its own value."""
        nothing = ", ".join(map(sql_string, {**dict.fromkeys(NOTHING), **dict.fromkeys(self.null_tokens)}))
        float_id = f" OR {self._of_float(column)}" if column.endswith("_id") else ""
        return f"NOT (startsWith({column}, ' ') OR endsWith({column}, ' ') OR {column} IN ({nothing}){float_id})"

    def _of_float(self, column: str) -> str:
        """SQL: whether an id went through a float, which leaves ".0" behind it."""
        return f"(endsWith({column}, '0') AND match({column}, '^[0-9]+[.]0+$'))"

    def name(self, column: str) -> str:
        """SQL of an id or name; '' where its cell says nothing."""
        if column == "account_id":
            slow = f"ifNull(insightflow_id(account_id, {sql_string(self.account_format)}), '')"
            if self.account_format != "digits":
                return slow
            bare = "replaceAll(account_id, '-', '')"
            return f"multiIf(match(account_id, '^[0-9-]*[0-9]$'), {bare}, {slow})"
        nothing = f"insightflow_is_null({column})"
        if self.null_tokens:
            nothing += f" OR trimBoth({column}) IN ({', '.join(map(sql_string, self.null_tokens))})"
        bare = f"{self._of_float(column)}, extract({column}, '^[0-9]+'), " if column.endswith("_id") else ""
        return f"multiIf({self.says(column)}, {column}, {nothing}, '', {bare}trimBoth({column}))"

    def code(self) -> str:
        """SQL of the currency: the row's, else the one that its money names, else the file's; '' where none tells."""
        known = sql_string(self.currency)
        if "cost" in self.columns:
            known = f"ifNull(insightflow_currency_of(cost), {known})"
        return f"ifNull(upper(insightflow_text(currency)), {known})" if "currency" in self.columns else known

    def values(self) -> dict[str, str]:
        """Column of ``raw.ad_performance_rows`` → SQL over text under canonical names, ``glances`` and ``day``."""
        found = {"date": f"ifNull(day, {NO_DATE})"}
        for name in NAMES:
            found[name] = self.name(name) if name in self.columns else "''"
        for name in METRICS:
            type_ = "Int64" if name in COUNTS else "Decimal(18, 6)"
            found[name] = self.number(name) if name in self.columns else f"CAST(NULL, 'Nullable({type_})')"
        found["currency"] = self.code()
        return found

    def texts(self, values: Mapping[str, str]) -> dict[str, str]:
        """The same for the columns of text: '' where ``values`` (SQL of each value) give the text back."""
        found = {f"text_{name}": name if name in self.columns else "''" for name in COLUMNS}
        for name in ("date", *NAMES, *METRICS):
            if name not in self.columns:
                continue
            value = values[name]
            if name == "date":
                same = f"{self.is_iso} AND {value} != {NO_DATE}"
            elif name in METRICS:
                # A number over 10^6 is not what was sent.
                same = f"{name} = ifNull(toString({value}), '')" if self.divisors.get(name, 1) == 1 else "0"
                if self._native(name) and same != "0":
                    same = f"own_{name} OR {same}"
            elif name == "account_id":
                same = f"{name} = {value}"
            else:
                same = self.says(name)
            found[f"text_{name}"] = f"if({same}, '', {name})"
        return found


def _fitting(number: str) -> str:
    """SQL of a Decimal(38, 6) as Decimal(18, 6), NULL where it does not fit: over text, as casts throw."""
    return f"toDecimal64OrNull(toString({number}), 6)"
