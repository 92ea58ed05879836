"""SQL of the values that text becomes: the one place that types cells, for landing and for typing old rows again.

``raw.ad_performance_rows`` keeps a value and, beside it, the text as sent only where the value would not give it back;
``raw.ad_performance`` shows the text of every cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from include.landing.bucket import sql_string
from include.landing.specs import COLUMNS, COUNTS, METRICS

# Raised when text becomes other values than before; `insightflow retype` then types the rows of older loads again.
TYPING_VERSION = 1

TEXTS = tuple(name for name in COLUMNS if name not in METRICS)
NAMES = tuple(name for name in TEXTS if name.startswith(("account_", "campaign_", "ad_")))
# Columns of raw.ad_performance_rows that hold what a cell became, and what it was.
TYPED_COLUMNS = ("date", *NAMES, *METRICS, "currency", *(f"text_{name}" for name in COLUMNS))
NO_DATE = "toDate('1970-01-01')"

# Values that need no closer look, by decimal mark: up to 12 whole digits, in threes or not, fit Decimal(18, 6).
WHOLE = {
    "": "[0-9]{0,12}",
    ".": "([1-9][0-9]{0,2}(,[0-9]{3}){1,3}|[0-9]{0,12})",
    ",": "([1-9][0-9]{0,2}([.][0-9]{3}){1,3}|[0-9]{0,12})",
}
FRACTION = {"": "", ".": "([.][0-9]+)?", ",": "(,[0-9]+)?"}


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

    def passed(self, metric: str) -> str:
        """SQL: whether the cell is a number that needs no closer look, or is empty."""
        mark = self.marks.get(metric, "")
        return f"match({metric}, '^{WHOLE[mark]}{'' if metric in COUNTS else FRACTION[mark]}$')"

    def is_list(self, metric: str) -> str:
        """SQL: whether the cell is a list of actions; '' where the file can have none."""
        return f"startsWith({metric}, '[')" if self.actions and metric in ("conversions", "conversion_value") else ""

    def number(self, metric: str) -> str:
        """SQL of a metric's value, Nullable: Int64 of counts, Decimal(18, 6) in units of the rest."""
        mark = self.marks.get(metric, "")
        plain = {"": metric, ".": f"replaceAll({metric}, ',', '')"}.get(
            mark, f"replaceAll(replaceAll({metric}, '.', ''), ',', '.')"
        )
        slow = f"insightflow_number({metric}, '{mark}')"
        if metric in COUNTS:
            return f"if({self.passed(metric)}, toInt64OrNull({plain}), toInt64OrNull(toString({slow})))"
        quick = f"toDecimal64OrNull({plain}, 6)"
        slow = _fitting(slow)
        cases = f"{self.passed(metric)}, {quick}, "
        if actions := self.is_list(metric):
            tiers = "[" + ", ".join(f"[{', '.join(map(sql_string, tier))}]" for tier in self.tiers) + "]"
            tiers = f"CAST({tiers}, 'Array(Array(String))')"
            cases += f"{actions}, {_fitting(f'insightflow_tier_sum({metric}, {tiers})')}, "
        value = f"multiIf({cases}{slow})"
        divisor = self.divisors.get(metric, 1)
        return f"CAST({value} / {divisor}, 'Nullable(Decimal(18, 6))')" if divisor != 1 else value

    def day(self) -> str:
        """SQL of the date, Nullable(Date)."""
        return f"insightflow_date(date, '{self.date_style}')"

    def name(self, column: str) -> str:
        """SQL of an id or name; '' where its cell says nothing."""
        if column == "account_id":
            return f"ifNull(insightflow_id(account_id, {sql_string(self.account_format)}), '')"
        nothing = f"insightflow_is_null({column})"
        if self.null_tokens:
            nothing += f" OR trimBoth({column}) IN ({', '.join(map(sql_string, self.null_tokens))})"
        return f"if({nothing}, '', trimBoth({column}))"

    def code(self) -> str:
        """SQL of the currency: the row's, else the one that its money names, else the file's; '' where none tells."""
        known = sql_string(self.currency)
        if "cost" in self.columns:
            known = f"ifNull(insightflow_currency_of(cost), {known})"
        return f"ifNull(upper(insightflow_text(currency)), {known})" if "currency" in self.columns else known

    def values(self) -> dict[str, str]:
        """Column of ``raw.ad_performance_rows`` → SQL over columns of text under canonical names, and ``day``."""
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
                same = f"date = toString({value}) AND {value} != {NO_DATE}"
            elif name in METRICS:
                # A number over 10^6 is not what was sent.
                same = f"{name} = ifNull(toString({value}), '')" if self.divisors.get(name, 1) == 1 else "0"
            else:
                same = f"{name} = {value}"
            found[f"text_{name}"] = f"if({same}, '', {name})"
        return found


def _fitting(number: str) -> str:
    """SQL of a Decimal(38, 6) as Decimal(18, 6), NULL where it does not fit: over text, as casts throw."""
    return f"toDecimal64OrNull(toString({number}), 6)"
