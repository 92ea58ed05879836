"""Cells of columns that a file has typed (Parquet): their values without a way through text and back.

A value is taken as it is only where its text, parsed, would be the very same value; else the text decides.
"""

from __future__ import annotations

import re

INTEGERS = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32")
DATES = ("Date", "Date32")
FLOATS = ("Float64",)
LIMIT = 10**12
MICROS = 10**6
# Below this a float holds every whole number.
EXACT_TO = {"Float64": 2**53, "Float32": 2**24}


def kind_of(type_: str) -> str:
    """'integer', 'float', 'decimal' or 'date' where values of the type need no text; else ''."""
    if type_ in INTEGERS:
        return "integer"
    if type_ in FLOATS:
        return "float"
    if type_ in DATES:
        return "date"
    decimal = re.fullmatch(r"Decimal\((\d+), (\d+)\)", type_)
    if decimal and int(decimal[2]) <= 6 and int(decimal[1]) - int(decimal[2]) <= 12:
        return "decimal"
    return ""


def whole(kind: str, native: str) -> tuple[str, str] | None:
    """SQL of (whether it needs no closer look, Nullable(Int64)) of a count; None where its text has to decide."""
    if kind != "integer":
        return None
    return f"ifNull(abs({native}) < {LIMIT}, 1)", f"CAST({native}, 'Nullable(Int64)')"


def exact(kind: str, native: str, *, micros: bool = False) -> tuple[str, str] | None:
    """The same of money and the like, Nullable(Decimal(18, 6)). Remainders keep casts from throwing beyond the limit.

    ``micros``: whole numbers are millionths.
    """
    if kind == "integer":
        value = in_micros(f"{native} % {LIMIT}") if micros else f"toDecimal64({native} % {LIMIT}, 6)"
        return f"ifNull(abs({native}) < {LIMIT}, 1)", value
    if kind == "decimal":
        return "1", f"CAST({native}, 'Nullable(Decimal(18, 6))')"
    if kind == "float":
        # A double below 10^9 that is a number of up to 6 decimals has no shorter text than that number.
        value = rounded(native)
        size = f"(abs({native}) < 1e9 AND ({native} = 0 OR abs({native}) >= 0.001))"
        return f"ifNull({size} AND toFloat64({value}) = {native}, isNull({native}))", value
    return None


def in_micros(whole: str) -> str:
    """SQL of a whole number of millionths as Decimal(18, 6)."""
    return f"(toDecimal64({whole}, 0) * toDecimal64('0.000001', 6))"


def rounded(number: str) -> str:
    """SQL of a double as Decimal(18, 6), to its sixth decimal; 0 where it is not below 10^9, for casts of infinity throw."""
    return in_micros(f"toInt64(round(if(NOT (abs({number}) < 1e9), 0, {number}) * 1e6))")


def day(kind: str, native: str) -> tuple[str, str] | None:
    """The same of a date, Nullable(Date)."""
    if kind != "date":
        return None
    return f"ifNull({native} > toDate32('1970-01-01') AND {native} < toDate32('2149-06-06'), 0)", f"toDate({native})"


def hashed(sql: str, type_: str, text: str) -> list[str]:
    """SQL of what to hash of a cell: not its text, which costs, where its type is plain."""
    if type_ == "Int64":
        return [f"ifNull({sql}, -9223372036854775807)"]  # stands for NULL; its like would only cost a second look
    if type_ in (*INTEGERS, *FLOATS, "UInt64", "Float32") or type_.startswith("Decimal"):
        return [f"ifNull({sql}, 0)", f"isNull({sql})"]
    if type_ in DATES:
        return [f"ifNull({sql}, to{type_}(0))", f"isNull({sql})"]
    return [f"ifNull({text}, '')"]
