"""Workbooks as people and programs leave them: what is read, what is refused, and why."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from include.landing.spreadsheet import cell_text
from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

HEAD = ["date", "campaign_id", "campaign_name", "impressions", "clicks", "cost"]
DAY, NEXT = date(2026, 6, 1), date(2026, 6, 2)


def workbook(
    *sheets: tuple[str, list[list[Any]]], then: Callable[[openpyxl.Workbook], None] = lambda book: None
) -> bytes:
    """A workbook of sheets ``(title, rows)``; ``then`` changes it before it is written."""
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    then(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def merging(cells: str) -> Callable[[openpyxl.Workbook], None]:
    return lambda book: book.worksheets[0].merge_cells(cells)


def hiding(title: str) -> Callable[[openpyxl.Workbook], None]:
    def hide(book: openpyxl.Workbook) -> None:
        book[title].sheet_state = "hidden"

    return hide


GOOGLE_DE = [
    ["Kampagnenbericht"],
    ["1. Juni 2026 – 2. Juni 2026"],
    ["Tag", "Kampagne", "Kampagnen-ID", "Währungscode", "Impr.", "Klicks", "Kosten", "Conversions"],
    [DAY, "Marke", 11, "EUR", 1000, 50, 12.5, 3],
    [],
    [NEXT, "Marke", 11, "EUR", 900, 40, 10, 2],
    ["Gesamt: Konto", None, None, "EUR", 1900, 90, 22.5, 5],
]
LINKEDIN = [
    ["Campaign Performance Report (in UTC)"],
    ["Date Generated: 6/3/2026"],
    [],
    [
        "Start Date (in UTC)",
        "Account Name",
        "Campaign Group ID",
        "Campaign Group Name",
        "Impressions",
        "Clicks",
        "Total Spent",
    ],
    ["6/13/2026", "Acme", "600", "G", 100, 5, 9.5],
]
MONTH = [HEAD, [DAY, 1, "A", 10, 1, 1.5]]
READ: dict[str, tuple[bytes, list[tuple[Any, ...]]]] = {
    "preamble, merged title, footer, empty rows, German": (
        workbook(("Bericht", GOOGLE_DE), then=merging("A1:F1")),
        [("2026-06-01", "11", "Marke", 1000, 12.5, "EUR"), ("2026-06-02", "11", "Marke", 900, 10.0, "EUR")],
    ),
    "a summary, a hidden sheet and a chart beside the table": (
        workbook(
            ("Summary", [["Total spend", 22.5]]),
            ("Chart", [["Date", "Spend"], [DAY, 3]]),
            ("Daily", [[], ["Bericht"], *MONTH, ["Total", None, None, 10, 1, 1.5]]),
            ("old", [[*HEAD, "currency"], [date(2020, 1, 1), 9, "OLD", 1, 1, 1, "USD"]]),
            then=hiding("old"),
        ),
        [("2026-06-01", "1", "A", 10, 1.5, "")],
    ),
    "a sheet a month": (
        workbook(("June", MONTH), ("July", [["July"], HEAD, [date(2026, 7, 1), 1, "A", 20, 2, 2.5]])),
        [("2026-06-01", "1", "A", 10, 1.5, ""), ("2026-07-01", "1", "A", 20, 2.5, "")],
    ),
    "cells merged over rows": (
        workbook(("S", [HEAD, [DAY, 1, "A", 10, 1, 1], [NEXT, None, None, 20, 2, 2], [DAY, 2, "B", 30, 3, 3]]),
                 then=lambda book: [book.active.merge_cells(c) for c in ("B2:B3", "C2:C3")]),  # type: ignore[union-attr, func-returns-value]
        [("2026-06-01", "1", "A", 10, 1.0, ""), ("2026-06-01", "2", "B", 30, 3.0, ""), ("2026-06-02", "1", "A", 20, 2.0, "")],
    ),
    "groups of headers above the headers": (
        workbook(("S", [["Date", None, None, "Delivery"], [None, *HEAD[1:]], [DAY, 1, "A", 10, 1, 1.5]]), then=merging("A1:A2")),
        [("2026-06-01", "1", "A", 10, 1.5, "")],
    ),
    "times and floats": (
        workbook(("S", [HEAD, [datetime(2026, 6, 1, 13, 30), 11.0, "A", 10.0, 1.0, 0.1 + 0.2]])),
        [("2026-06-01", "11", "A", 10, 0.3, "")],
    ),
    "numbers and days as text": (
        workbook(("S", [HEAD, ["01.06.2026", "12", "A", "1.234", "1", "1.234,50"], ["02.06.2026", "12", "A", 999, 1, 2]])),
        [("2026-06-01", "12", "A", 1234, 1234.5, ""), ("2026-06-02", "12", "A", 999, 2.0, "")],
    ),
    "the header of a zone is no currency": (
        workbook(("S", LINKEDIN)),
        [("2026-06-13", "600", "G", 100, 9.5, "")],
    ),
}  # fmt: skip
REJECTED: dict[str, tuple[list[Any], str]] = {
    "day number": ([46174, 1, "A", 10, 1, 1], "damaged_date"),
    "17 digits as a number": ([DAY, 120211234567890123, "A", 10, 1, 1], "damaged_id"),
    "16 digits, the last lost": ([DAY, 1234567890123450, "A", 10, 1, 1], "damaged_id"),
    "2^53": ([DAY, 2**53, "A", 10, 1, 1], "damaged_id"),
    "broken reference": ([DAY, 1, "#REF!", 10, 1, 1], "damaged_name"),
    "division by zero": ([DAY, 1, "A", 10, 1, "#DIV/0!"], "not_a_number"),
}
REFUSED: dict[str, tuple[bytes, str]] = {
    "formulas that were never calculated": (workbook(("S", [HEAD, [DAY, 1, "A", 10, 1, "=D2*2"]])), "formulas_without_values"),
    "two tables": (
        workbook(("Campaigns", MONTH), ("Ad groups", [["date", "ad_group_id", "impressions", "cost"], [DAY, 5, 10, 1]])),
        "several_tables",
    ),
    "nothing": (workbook(("S", [])), "empty_file"),
    "not whole": (workbook(("S", MONTH))[:-200], "truncated_file"),
}  # fmt: skip


def test_a_number_of_a_cell_has_no_thousands() -> None:
    """Three decimals alone would be read by what other cells prove."""
    assert [cell_text(n) for n in (1.234, -209.449, 12.5, 0.123, 1234.567, 3.0)] == [
        "1.2340", "-209.4490", "12.5", "0.123", "1234.567", "3",
    ]  # fmt: skip


def test_tables_are_found_and_read(landing: Landing) -> None:
    for name, (content, _) in READ.items():
        landing.put(f"inbox/{name}.xlsx", content)
    lines = landing.load()
    wrong = {}
    for name, (_, expected) in READ.items():
        line = lines[f"{name}.xlsx"]
        found = landing.rows(
            "SELECT toString(date), campaign_id, campaign_name, toInt64(impressions), toFloat64(cost), currency"
            f" FROM raw.ad_performance_rows WHERE load_id = {line.load_id} AND disposition = 'loaded' ORDER BY date, campaign_id"
        )
        if (line.status, line.rows_rejected, found) != ("loaded", 0, expected):
            wrong[name] = (line.status, line.error, line.rejected, found)
    assert wrong == {}


def test_a_packed_workbook_is_read(landing: Landing) -> None:
    book = workbook(("Report", [HEAD, [DAY, 1, "A", 10, 1, 1.5], [NEXT, 1, "A", 20, 2, 2.5]]))
    for name, content in {"zip": book, "cut.zip": book[: len(book) // 2]}.items():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("reports/June.xlsx", content)
            archive.writestr("__MACOSX/reports/._June.xlsx", b"x")
        landing.put(f"generic/book.{name}", packed.getvalue())
    landing.put("generic/book.xlsx.gz", gzip.compress(workbook(("R", [HEAD, [DAY, 1, "A", 11, 1, 1.5]]))))
    lines = landing.load()
    assert {name: (line.status, line.format, line.rows_loaded) for name, line in lines.items()} == {
        "book.zip": ("loaded", "xlsx.zip", 2),
        "book.cut.zip": ("rejected", "", 0),
        "book.xlsx.gz": ("loaded", "xlsx.gzip", 1),
    }
    assert lines["book.cut.zip"].error.startswith(("truncated_file", "unknown_format"))


def test_damage_is_rejected_with_its_reason(landing: Landing) -> None:
    good = [DAY, 1234567890123456, "Good", 10, 1, 1]
    landing.put("generic/damage.xlsx", workbook(("S", [HEAD, good, *(row for row, _ in REJECTED.values())])))
    line = landing.load()["damage.xlsx"]
    assert line.rows_loaded == 1
    reasons = landing.rows("SELECT reason FROM ops.rejected_rows WHERE workspace = {w:String} ORDER BY row_number")
    assert dict(zip(REJECTED, (reason for (reason,) in reasons), strict=True)) == {
        name: reason for name, (_, reason) in REJECTED.items()
    }


def test_what_cannot_be_read_is_refused_whole(landing: Landing) -> None:
    for name, (content, _) in REFUSED.items():
        landing.put(f"generic/{name}.xlsx", content)
    lines = landing.load()
    found = {name: lines[f"{name}.xlsx"].error.split(":")[0] for name in REFUSED}
    assert found == {name: reason for name, (_, reason) in REFUSED.items()}
