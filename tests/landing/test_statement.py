"""Decisions about a whole file: decimal marks and the order of day and month."""

from datetime import UTC, datetime

import pytest

from include.landing.evidence import decide_date_style, decide_marks
from include.landing.loader import exported_at


def test_a_column_decides_its_own_mark() -> None:
    assert decide_marks({"cost": [","], "clicks": ["."]}, "auto") == {"cost": ",", "clicks": "."}


def test_a_silent_column_takes_the_mark_of_the_file() -> None:
    assert decide_marks({"cost": [","], "clicks": []}, "auto") == {"cost": ",", "clicks": ","}


def test_contradicting_columns_leave_a_silent_one_open() -> None:
    assert decide_marks({"cost": [","], "clicks": ["."], "conversions": []}, "auto")["conversions"] == ""


def test_a_column_that_shows_both_marks_shows_none() -> None:
    assert decide_marks({"cost": [",", "."]}, "auto") == {"cost": ""}


def test_the_spec_decides_where_cells_do_not_prove_the_other_mark_alone() -> None:
    assert decide_marks({"cost": []}, ".") == {"cost": "."}
    assert decide_marks({"cost": [","], "conversions": ["."]}, ".") == {"cost": ".", "conversions": "."}
    # Went through a spreadsheet of another language.
    assert decide_marks({"cost": [","], "conversions": []}, ".") == {"cost": ",", "conversions": ","}


@pytest.mark.parametrize(
    ("dates", "style"),
    [
        (["2025-01-31"], "iso"),
        (["2025-01-31T00:00:00Z"], "iso"),
        (["20250131"], "compact"),
        (["2025/01/31"], "ymd_slash"),
        (["1/31/2025", "2/1/2025"], "mdy"),
        (["31/1/2025", "1/2/2025"], "dmy"),
        (["31.01.2025"], "dmy"),
        (["3.4.2025"], "dmy"),
        (["3/4/2025", "5/6/2025"], None),
        (["13/1/2025", "1/13/2025"], "iso"),
        (["13/1/2025", "1/2/2025", "2025-02-03"], "dmy"),
        (["2025-02-03", "1/2/2025"], "iso"),
        (["1.2.2025", "1/2/2025"], None),
        (["Wed, Jan 1, 2025"], "named"),
        (["1 de enero de 2025"], "named"),
        (["45658"], "iso"),
        ([], "iso"),
    ],
)
def test_date_style_is_shown_by_the_cells(dates: list[str], style: str | None) -> None:
    assert decide_date_style(dates, "auto") == style


@pytest.mark.parametrize(
    ("dates", "fixed", "header", "style"),
    [
        (["3/4/2025"], "mdy", "Day", "mdy"),
        (["3/4/2025", "13/4/2025"], "mdy", "Gregorian date", "dmy"),
        (["3/4/2025", "4/13/2025"], "dmy", "Date", "mdy"),
        (["3/4/2025"], "auto", "Jour", "dmy"),
        (["3/4/2025"], "mdy", "Startdatum (in UTC)", "dmy"),
        (["4/13/2025"], "auto", "Tag", "mdy"),
        (["13/4/2025", "4/13/2025"], "mdy", "Day", "iso"),
        (["3/4/2025"], "compact", "Date", None),
        (["20250403"], "compact", "Date", "compact"),
    ],
)
def test_cells_go_before_the_header_and_that_before_the_spec(
    dates: list[str], fixed: str, header: str, style: str | None
) -> None:
    assert decide_date_style(dates, fixed, header) == style


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("x_exported_20250111.ndjson", datetime(2025, 1, 11, tzinfo=UTC)),
        ("x_exported_20250111T0630.csv", datetime(2025, 1, 11, 6, 30, tzinfo=UTC)),
        ("x-exported-2025-01-11T06:30:05.csv", datetime(2025, 1, 11, 6, 30, 5, tzinfo=UTC)),
        ("report_20250111.csv", None),
        ("exported_20251341.csv", None),
    ],
)
def test_time_of_export_is_read_from_the_name(name: str, time: datetime | None) -> None:
    assert exported_at(name) == time
