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

# Numbers that a double holds exactly to their sixth decimal, by decimal mark: the engine's parser of floats is the faster.
QUICK = {"": "[0-9]{1,9}", ".": "[0-9]{1,9}([.][0-9]{1,6})?", ",": "[0-9]{1,9}(,[0-9]{1,6})?"}
# Numbers that need no closer look: up to 12 whole digits fit Decimal(18, 6). Regular expressions, for
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
        if column in COUNTS:
            return natives.whole(kind, name)
        return natives.exact(kind, name, micros=self._in_micros(column))

    def _in_micros(self, metric: str) -> bool:
        """Whether whole numbers of the metric are taken for micros at a glance, without a division."""
        kind = natives.kind_of(self.natives.get(metric, ""))
        return metric not in COUNTS and self.divisors.get(metric, 1) == natives.MICROS and kind in ("", "integer")

    def glances(self) -> dict[str, str]:
        """SQL of what native parsers make of dates and numbers: ``quick_<column>``, and for numbers ``own_<column>``:
        whether that is the value of the cell for sure. Other cells take a closer look."""
        found: dict[str, str] = {}
        for name in ("date", *METRICS):
            mark = self.marks.get(name, "")
            if native := self._native(name):
                found |= {f"own_{name}": native[0], f"quick_{name}": native[1]}
            elif name == "date":
                found["quick_date"] = f"toDateOrNull({few(name)})"
            elif name in self.columns and (name in COUNTS or self._in_micros(name)):
                whole = f"toInt64OrZero({name})"
                found[f"own_{name}"] = f"toString({whole}) = {name} AND abs({whole}) < {natives.LIMIT}"
                found[f"quick_{name}"] = whole if name in COUNTS else natives.in_micros(whole)
            elif name in self.columns:
                found[f"own_{name}"] = f"match({name}, '^{QUICK[mark]}$')"
                found[f"quick_{name}"] = natives.rounded(f"toFloat64OrZero({_pointed(name, mark)})")
        return found

    @property
    def is_iso(self) -> str:
        """SQL over ``glances``: whether the date cell is just an ISO date."""
        return "own_date" if self._native("date") else "ifNull(toString(quick_date) = date, 0)"

    def verdict(self, metric: str) -> str:
        """SQL of why a cell that is not ``own_<metric>`` is refused, '' where it is not."""
        passed = []
        if not self._native(metric):
            passed = [self._is_plain(metric, "cell")]
            if self.marks.get(metric):
                passed.append(self._in_threes(metric, "cell"))
        if self.is_list(metric):
            passed.append("startsWith(cell, '[')")
        verdict = f"insightflow_verdict(cell, '{self.marks.get(metric, '')}', {int(metric in COUNTS)})"
        return _closer(metric, f"if({' OR '.join(passed)}, '', {verdict})" if passed else verdict)

    def _is_plain(self, metric: str, cell: str) -> str:
        """SQL: whether a text is a number without marks between its thousands, or is empty."""
        if metric in COUNTS:
            return f"isNotNull(toInt64OrNull({cell})) AND length({cell}) < 13 OR {cell} = ''"
        return f"match({cell}, '^{PLAIN[self.marks.get(metric, '')]}$')"

    def _in_threes(self, metric: str, cell: str) -> str:
        """SQL: whether a text is a number with marks between its thousands."""
        pattern = IN_THREES[self.marks[metric]]
        if metric in COUNTS:
            pattern = pattern[: pattern.rindex("(")]
        thousands = "," if self.marks[metric] == "." else "."
        return f"(position({cell}, '{thousands}') > 0 AND match({cell}, '^{pattern}$'))"

    def is_list(self, metric: str) -> bool:
        """Whether a cell of the metric may be a list of actions."""
        return self.actions and metric in ("conversions", "conversion_value")

    def number(self, metric: str) -> str:
        """SQL over ``glances`` of a metric's value, Nullable: Int64 of counts, Decimal(18, 6) in units of the rest."""
        divisor, slow = self.divisors.get(metric, 1), self._number(metric, "cell")
        if metric in COUNTS or divisor == 1:
            return f"if(own_{metric}, quick_{metric}, {_closer(metric, slow)})"
        if self._in_micros(metric):
            return f"if(own_{metric}, quick_{metric}, {_closer(metric, _divided(slow, divisor))})"
        return _divided(f"if(own_{metric}, quick_{metric}, {_closer(metric, slow)})", divisor)

    def _number(self, metric: str, cell: str) -> str:
        """SQL of the number that a text is, Nullable, before any division."""
        mark = self.marks.get(metric, "")
        bare = f"replaceAll({cell}, '{'.' if mark == ',' else ','}', '')"  # no thousands
        slow = f"insightflow_number({cell}, '{mark}')"
        if metric in COUNTS:
            cases = f"{self._is_plain(metric, cell)}, toInt64OrNull({cell}), "
            if mark:
                cases += f"{self._in_threes(metric, cell)}, toInt64OrNull({bare}), "
            return f"multiIf({cases}toInt64OrNull(toString({slow})))"
        cases = f"{self._is_plain(metric, cell)}, toDecimal64OrNull({_pointed(cell, mark)}, 6), "
        if mark:
            cases += f"{self._in_threes(metric, cell)}, toDecimal64OrNull({_pointed(bare, mark)}, 6), "
        if self.is_list(metric):
            tiers = "[" + ", ".join(f"[{', '.join(map(sql_string, tier))}]" for tier in self.tiers) + "]"
            tiers = f"CAST({tiers}, 'Array(Array(String))')"
            cases += f"startsWith({cell}, '['), {_fitting(f'insightflow_tier_sum({cell}, {tiers})')}, "
        return f"multiIf({cases}{_fitting(slow)})"

    def day(self) -> str:
        """SQL over ``glances`` of the date, Nullable(Date)."""
        slow = _closer("date", f"insightflow_date(cell, '{self.date_style}')")
        return f"if({self.is_iso}, quick_date, {slow})"

    def says(self, column: str) -> str:
        """SQL: whether the cell of an id or name is its own value."""
        if column.endswith("_id"):
            return f"({is_digits(column)} OR {self._says(column)})"
        return self._says(column)

    def _says(self, column: str) -> str:
        nothing = ", ".join(map(sql_string, {**dict.fromkeys(NOTHING), **dict.fromkeys(self.null_tokens)}))
        float_id = f" OR {_of_float(column)}" if column.endswith("_id") else ""
        return f"NOT (startsWith({column}, ' ') OR endsWith({column}, ' ') OR {column} IN ({nothing}){float_id})"

    def name(self, column: str) -> str:
        """SQL of an id or name; '' where its cell says nothing."""
        if column == "account_id":
            slow = f"ifNull(insightflow_id(cell, {sql_string(self.account_format)}), '')"
            if self.account_format == "digits":
                bare, quick = f"match({few(column)}, '^[0-9-]*[0-9]$')", f"replaceAll({few(column)}, '-', '')"
            else:
                bare, quick = f"match({few(column)}, '^[A-Za-z:_]*[0-9]+$')", column
            return f"if({bare}, {quick}, {_closer(column, slow)})"
        nothing = "insightflow_is_null(cell)"
        if self.null_tokens:
            nothing += f" OR trimBoth(cell) IN ({', '.join(map(sql_string, self.null_tokens))})"
        bare = f"{_of_float('cell')}, extract(cell, '^[0-9]+'), " if column.endswith("_id") else ""
        slow = _closer(column, f"multiIf({nothing}, '', {bare}trimBoth(cell))")
        return f"if({self.says(column)}, {column}, {slow})"

    def code(self) -> str:
        """SQL of the currency: the row's, else the one that its money names, else the file's; '' where none tells."""
        known = sql_string(self.currency)
        if "cost" in self.columns:
            known = f"ifNull(insightflow_currency_of(cost), {known})"
        if "currency" not in self.columns:
            return known
        slow = _closer("currency", "ifNull(upper(insightflow_text(cell)), '')")
        return f"multiIf(match({few('currency')}, '^[A-Z]{{3}}$'), currency, {slow} != '', {slow}, {known})"

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

    def _gives_back(self, metric: str, value: str) -> str:
        """SQL: whether a metric's value gives the text of its cell back."""
        if self.divisors.get(metric, 1) != 1:
            return "0"  # a number over 10^6 is not what was sent
        same = f"{metric} = ifNull(toString({value}), '')"
        if self._native(metric) or metric in COUNTS:
            return f"own_{metric} OR {same}"
        if self.marks.get(metric) == ",":
            return same
        padded = f"(endsWith({metric}, '0') AND position({metric}, '.') > 0)"
        led = f"(startsWith({metric}, '0') AND length({metric}) > 1 AND NOT startsWith({metric}, '0.'))"
        return f"if(own_{metric}, NOT ({padded} OR {led}), {same})"

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
                same = self._gives_back(name, value)
            elif name == "account_id":
                same = f"{name} = {value}"
            else:
                same = self.says(name)
            found[f"text_{name}"] = f"if({same}, '', {name})"
        return found


def few(column: str) -> str:
    """SQL of a text of which a block has but few, so that functions look at each of them once."""
    return f"toLowCardinality({column})"


def is_digits(column: str) -> str:
    """SQL: whether an id is digits, as most are: nothing else has to be asked of it."""
    return f"match({column}, '^[0-9]+$')"


def _of_float(cell: str) -> str:
    """SQL: whether an id went through a float, which leaves ".0" behind it."""
    return f"(endsWith({cell}, '0') AND match({cell}, '^[0-9]+[.]0+$'))"


def _closer(column: str, sql: str) -> str:
    """SQL of an expression of ``cell``, the text of a column: the closer look. As the body of a lambda it costs nothing
    where no row takes it; pasted into the statement, each of its functions would cost for each block of rows."""
    return f"arrayMap(cell -> {sql}, [{column}])[1]"


def _pointed(text: str, mark: str) -> str:
    return f"replaceOne({text}, ',', '.')" if mark == "," else text


def _divided(number: str, divisor: int) -> str:
    return f"CAST({number} / {divisor}, 'Nullable(Decimal(18, 6))')"


def _fitting(number: str) -> str:
    """SQL of a Decimal(38, 6) as Decimal(18, 6), NULL where it does not fit: over text, as casts throw."""
    return f"toDecimal64OrNull(toString({number}), 6)"
