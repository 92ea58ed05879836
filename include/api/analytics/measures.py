"""Sums and ratios of the API as SQL over a daily mart, with the meaning of dbt_project/macros/metrics.sql.

Money is in reporting currency. Rows without a rate have no money: they are left out of every ratio that has money in
it, on both sides, and are counted as ``unpriced_rows``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

Sum = Literal["impressions", "clicks", "conversions", "cost", "conversion_value"]
Ratio = Literal["ctr", "cpc", "cpm", "cpa", "cvr", "roas", "roi", "aov"]
Measure = Literal[
    "cost", "conversion_value", "impressions", "clicks", "conversions",
    "ctr", "cpc", "cpm", "cpa", "cvr", "roas", "roi", "aov", "profit",
]  # fmt: skip

SUMS: tuple[str, ...] = get_args(Sum)
MEASURES: tuple[str, ...] = get_args(Measure)
MONEY = frozenset(("cost", "conversion_value", "profit", "cpc", "cpm", "cpa", "roas", "roi", "aov"))
# Between two periods the part of the clicks that is priced moves by a little, whatever the rates.
MOST_APART = 0.05

_COLUMNS = {
    "impressions": "impressions",
    "clicks": "clicks",
    "conversions": "conversions",
    "cost": "cost_reporting",
    "conversion_value": "conversion_value_reporting",
}
# A count beside money: only of rows whose money is known.
_PRICED = {
    "priced_impressions": ("impressions", "cost_reporting"),
    "priced_clicks": ("clicks", "cost_reporting"),
    "priced_conversions": ("conversions", "cost_reporting"),
    "valued_conversions": ("conversions", "conversion_value_reporting"),
}
# Cost and value together: neither of a row where one of them wants a rate.
_PAIRED = {"paired_cost": "cost_reporting", "paired_value": "conversion_value_reporting"}
# Money that was recorded and wants a rate; what was never recorded wants none. A row of several currencies has no account
# money to tell by: without cost beside its value it is taken for one that wants a rate.
_UNPRICED_COST = "isNull(r.cost_reporting) AND (isNotNull(r.cost) OR isNull(r.currency))"
_UNPRICED = f"{_UNPRICED_COST} OR isNull(r.conversion_value_reporting) AND isNotNull(r.conversion_value)"
_PARTS = {
    "ctr": ("clicks", "impressions"),
    "cpc": ("cost", "priced_clicks"),
    "cpm": ("1000 * cost", "priced_impressions"),
    "cpa": ("cost", "priced_conversions"),
    "cvr": ("conversions", "clicks"),
    "roas": ("paired_value", "paired_cost"),
    "roi": ("(paired_value - paired_cost)", "paired_cost"),
    "aov": ("conversion_value", "valued_conversions"),
}


def sums(condition: str, prefix: str = "") -> str:
    """Aggregates over rows ``r`` that meet the condition, named with the prefix."""
    listed = [f"sumIf(r.{column}, {condition}) AS {prefix}{name}" for name, column in _COLUMNS.items()]
    listed += [
        f"sumIf(r.{count}, isNotNull(r.{money}) AND {condition}) AS {prefix}{name}"
        for name, (count, money) in _PRICED.items()
    ]
    listed += [
        f"sumIf(r.{money}, NOT ({_UNPRICED}) AND {condition}) AS {prefix}{name}" for name, money in _PAIRED.items()
    ]
    listed.append(f"countIf({_UNPRICED_COST} AND {condition}) AS {prefix}unpriced_rows")
    return ", ".join(listed)


# Names what `unpriced_rows` counts.
UNPRICED_CURRENCIES = (
    "arraySort(groupUniqArrayIf(toString(assumeNotNull(r.currency)), isNull(r.cost_reporting) AND isNotNull(r.cost)"
    " AND isNotNull(r.currency) AND NOT r.is_previous)) AS unpriced_currencies"
)


def ratios(prefix: str = "") -> str:
    """The ratios of the sums of that prefix: Nullable(Float64), NULL where the denominator is not above 0, or unknown."""
    listed = []
    for name, (numerator, denominator) in _PARTS.items():
        above = numerator
        for part in ("conversion_value", "conversions", "clicks", "cost", *_PAIRED):
            above = _prefixed(above, part, prefix)
        listed.append(
            f"toFloat64({above}) / nullIf(greatest(toFloat64({prefix}{denominator}), 0), 0) AS {prefix}{name}"
        )
    listed.append(f"({prefix}paired_value - {prefix}paired_cost) AS {prefix}profit")
    return ", ".join(listed)


def changes() -> str:
    """By measure the change against ``previous_…``, a fraction of its size, named ``<measure>_change``: Nullable(Float64),
    NULL where one of the two is unknown or the previous is 0, and of money where other parts have a rate."""
    apart = f"abs({_share()} - {_share('previous_')}) > {MOST_APART}"
    listed = []
    for name in MEASURES:
        before = f"toFloat64(previous_{name})"
        change = f"(toFloat64({name}) - {before}) / nullIf(abs({before}), 0)"
        listed.append(f"{f'if({apart}, NULL, {change})' if name in MONEY else change} AS {name}_change")
    return ", ".join(listed)


def _share(prefix: str = "") -> str:
    """``priced_share`` as SQL."""
    return f"toFloat64(ifNull({prefix}priced_clicks, 0)) / nullIf(toFloat64({prefix}clicks), 0)"


def priced_share(sums: Mapping[str, Any], prefix: str = "") -> float | None:
    """The part of the clicks whose cost has a rate; None where there are no clicks."""
    clicks = sums[f"{prefix}clicks"]
    return float(sums[f"{prefix}priced_clicks"] or 0) / float(clicks) if clicks else None


def comparable(now: float | None, before: float | None) -> bool:
    """Whether money of two priced shares is of the same things: else a change would be of the rates, not of the ads."""
    return now is None or before is None or abs(now - before) <= MOST_APART


def _prefixed(expression: str, name: str, prefix: str) -> str:
    import re

    return re.sub(rf"(?<!\w){name}(?!\w)", prefix + name, expression) if prefix else expression
