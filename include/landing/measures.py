"""What landing asks of numbers that are no metric of ads: sessions and their like, and exchange rates."""

from __future__ import annotations

from include.landing.bucket import sql_string
from include.landing.recognise import Match

CODE = "'^[A-Za-z]{3}$'"


def judgements_of_measures(match: Match) -> list[tuple[str, str, str]]:
    """``(condition, disposition, detail)``, all SQL over the map ``extra`` of a record (header as sent → text).

    Measures of visitors are whole numbers. A rate is a number above 0; a cell without one says nothing (holidays).
    """
    if match.shape.rates == "wide":
        cells = f"mapFilter((k, v) -> match(k, {CODE}) AND NOT insightflow_is_no_rate(v), extra)"
        bad = f"mapFilter((k, v) -> insightflow_rate(v) IS NULL, {cells})"
        detail = f"arrayStringConcat(arrayMap((k, v) -> concat(k, ' = ', v), mapKeys({bad}), mapValues({bad})), ', ')"
        return [(f"notEmpty({bad})", "'bad_rate'", detail), (f"empty({cells})", "'no_rate'", "''")]
    if match.shape.rates == "long":
        rate = f"extra[{sql_string(match.measures['rate'])}]"
        return [
            (f"NOT match(trimBoth(currency), {CODE})", "'bad_currency'", "concat('currency = ', currency)"),
            (
                f"segments['base'] != '' AND NOT match(trimBoth(segments['base']), {CODE})",
                "'bad_currency'",
                "concat('base = ', segments['base'])",
            ),
            (f"insightflow_is_no_rate({rate})", "'no_rate'", "''"),
            (f"insightflow_rate({rate}) IS NULL", "'bad_rate'", f"concat('rate = ', {rate})"),
        ]
    mark = _mark(match)
    found = []
    for name, header in match.measures.items():
        cell = f"extra[{sql_string(header)}]"
        verdict = f"if(match({cell}, '^[0-9]{{0,12}}$'), '', insightflow_verdict({cell}, '{mark}', 1))"
        found.append((f"{verdict} != ''", verdict, f"concat({sql_string(name + ' = ')}, {cell})"))
    return found


def values_of_measures(match: Match) -> dict[str, str]:
    """Measure → SQL of its number over the map ``extra`` of a record."""
    cells = {name: f"extra[{sql_string(header)}]" for name, header in match.measures.items()}
    if match.shape.rates:
        return {name: f"insightflow_rate({cell})" for name, cell in cells.items()}
    mark = _mark(match)
    values = {name: f"insightflow_number({cell}, '{mark}')" for name, cell in cells.items()}
    if match.shape.missing_metric == "null":
        return values
    return {name: f"ifNull({value}, 0)" for name, value in values.items()}


def _mark(match: Match) -> str:
    return "." if match.shape.decimal_mark == "auto" else match.shape.decimal_mark
