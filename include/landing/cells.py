"""SQL of the values that are not one cell as it stands (``specs.Made``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from include.landing.bucket import sql_string
from include.landing.recognise import Found
from include.landing.specs import Made


def local_day(instant: str) -> str:
    """SQL of the local day (Nullable(Date)) that begins at a UTC instant of text.

    13 hours after its midnight, an account from UTC-10 to UTC+13 is on that day by UTC too
    (X gives days as midnights of the account: docs.x.com/x-ads-api/fundamentals/timezones).
    """
    return f"toDate(parseDateTimeBestEffortOrNull({instant}, 'UTC') + INTERVAL 13 HOUR)"


def cell_text(found: Found, cells: Mapping[str, str]) -> str:
    """SQL of the text of a value; '' where there is none. ``cells``: header → SQL (Nullable(String))."""
    texts = [f"ifNull({cells[header]}, '')" for header in found.headers]
    if found.made is None:
        return texts[0]
    return _made(found.made, texts)


def _made(made: Made, texts: Sequence[str]) -> str:
    if made.sum_of or made.product_of:
        return _computed(texts, "*" if made.product_of else "+")
    if made.date_of:
        year, month, day = texts
        return f"if({year} = '', '', concat({year}, '-', leftPad({month}, 2, '0'), '-', leftPad({day}, 2, '0')))"
    if made.local_day_of:
        return f"ifNull(toString({local_day(texts[0])}), {texts[0]})"
    if made.value_of:
        return f"if(match({texts[1]}, {sql_string(made.matches)}), {texts[0]}, '')"
    return f"extract({texts[0]}, {sql_string(made.pattern)})"


def _computed(texts: Sequence[str], operator: str) -> str:
    """Sum or product of numbers as text; a cell that is no number stands for the whole, and is refused as such."""
    number = "insightflow_number(c, '.')"
    zero = "toDecimal128(0, 6)"
    if operator == "+":
        value = f"toString(arraySum(c -> ifNull({number}, {zero}), cs))"
    else:
        factor = "assumeNotNull(insightflow_number(cs[{}], '.'))"
        value = f"toString(toDecimal128({factor.format(1)} * {factor.format(2)}, 6))"
    nothing = "arrayExists" if operator == "*" else "arrayAll"
    bad = f"NOT insightflow_is_null(c) AND {number} IS NULL"
    return (
        f"arrayMap(cs -> multiIf(arrayExists(c -> {bad}, cs), arrayFirst(c -> {bad}, cs), "
        f"{nothing}(c -> insightflow_is_null(c), cs), '', {value}), [[{', '.join(texts)}]])[1]"
    )
