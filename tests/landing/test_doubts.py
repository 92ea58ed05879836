"""What loads, but may not be meant so, has a warning."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from include.landing.doubts import spacing
from include.landing.inspect import inspect_file
from tests.landing.conftest import Landing

HEAD = "date,campaign_name,clicks,cost,impressions,currency\n"
MONDAYS = [date(2026, 5, 4) + timedelta(days=7 * n) for n in range(5)]
FIRSTS = [date(2025, 12, 1), *(date(2026, month, 1) for month in (1, 2, 3))]


@pytest.mark.parametrize(
    ("dates", "step"),
    [
        (MONDAYS, "week"),
        (FIRSTS, "month"),
        ([date(2025, 12, 31), date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)], "month"),
        (MONDAYS[:3], ""),
        ([*MONDAYS, MONDAYS[-1] + timedelta(days=1)], ""),
        ([*MONDAYS, MONDAYS[-1] + timedelta(days=14)], ""),
        ([*FIRSTS, date(2026, 5, 1)], ""),
        ([*FIRSTS, date(2026, 4, 2)], ""),
        ([date(2026, 5, day) for day in range(1, 29)], ""),
    ],
)
def test_days_a_week_or_a_month_apart(dates: list[date], step: str) -> None:
    assert spacing(dates) == step


def rows(dates: list[date], *campaigns: str) -> str:
    return "".join(f"{day},{name},10,5.00,100,EUR\n" for day in dates for name in campaigns)


@pytest.mark.integration
def test_rows_of_a_week_or_month_load_with_a_warning(landing: Landing) -> None:
    week = landing.put("generic/weeks.csv", HEAD + rows(MONDAYS, "A", "B"))
    landing.put("generic/months.csv", HEAD + rows(FIRSTS, "A"))
    landing.put("generic/few.csv", HEAD + rows(MONDAYS[:3], "A"))
    landing.put("generic/days.csv", HEAD + rows(MONDAYS, "A") + rows([date(2026, 5, 5)], "B"))
    accounts = HEAD.replace("date,", "account_id,date,")
    two = "".join(f"1,{row}" for row in rows(MONDAYS, "A").splitlines(keepends=True))
    two += "".join(f"2,{row}" for row in rows(MONDAYS[:2], "A").splitlines(keepends=True))
    landing.put("generic/accounts.csv", accounts + two)
    lines = landing.load()
    assert {line.status for line in lines.values()} == {"loaded"}
    [said] = lines["weeks.csv"].warnings
    assert said == (
        "its dates lie a week apart (2026-05-04, 2026-05-11, … 2026-06-01) and the days between have nothing: if a row is "
        "the sum of a week, export by day and drop the file again; if it is so, nothing is to be done"
    )
    assert lines["months.csv"].warnings[0].startswith("its dates lie a month apart (2025-12-01, 2026-01-01, …")
    assert lines["accounts.csv"].warnings[0].startswith("the dates of account 1 lie a week apart")
    assert not lines["few.csv"].warnings and not lines["days.csv"].warnings
    assert said in inspect_file(week, client=landing.client, bucket=landing.bucket).warnings


@pytest.mark.integration
def test_a_file_of_which_nothing_was_taken_says_so_and_why(landing: Landing) -> None:
    landing.put("google_ads/total.csv", "Day,Campaign,Campaign ID,Clicks,Cost\nTotal: Account,,,5,10.00\n")
    landing.put("generic/bad.csv", HEAD + "yesterday,A,10,5.00,100,EUR\n")
    landing.put("generic/header.csv", HEAD)
    landing.put("generic/good.csv", HEAD + rows(MONDAYS[:1], "A"))
    lines = landing.load()
    assert {line.status for line in lines.values()} == {"loaded"}
    assert (
        lines["total.csv"].warnings[0].startswith("nothing was taken: 1 total_row. If it should have numbers, export")
    )
    assert lines["bad.csv"].error.startswith("nothing was taken: 1 bad_date; 1 row rejected, first in line 2: bad_date")
    assert lines["header.csv"].warnings[0].startswith("nothing was taken: the file has no rows.")
    assert not lines["good.csv"].warnings


@pytest.mark.integration
def test_two_columns_of_one_header_that_differ_are_told(landing: Landing) -> None:
    head = "date,campaign_name,clicks,cost,Cost,cost,impressions,currency\n"
    same = "2026-05-04,A,1,10.00,10.00,10,100,EUR\n"
    differs = landing.put("generic/differs.csv", head + same + same.replace("10.00,10,", "99.00,,").replace("04", "05"))
    landing.put("generic/equal.csv", head + same)
    lines = landing.load()
    assert {line.status for line in lines.values()} == {"loaded"}
    [said] = lines["differs.csv"].warnings
    assert said.startswith(
        "cost is there twice, and the columns cost and Cost differ in 1 row, first in line 3: 10.00 and 99.00. cost counts"
    )
    assert not lines["equal.csv"].warnings
    found = inspect_file(differs, client=landing.client, bucket=landing.bucket)
    assert found.warnings == [said]


NAMED = "date,account_id,campaign_id,campaign_name,impressions,clicks,cost,currency\n"
DAY = "{day},7,1,A,100,10,5.25,EUR\n{day},7,2,B,40,4,1.00,EUR\n{day},7,3,C,0,0,0,EUR\n"


def total_of(day: str, times: int = 1, account: str = "7", row: str = "all-1,Total") -> str:
    return f"{day},{account},{row},{140 * times},{14 * times},{6.25 * times},EUR\n"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (DAY + total_of("{day}"), "line 5 looks like a total that counts besides its parts: 7, all-1, Total has what the other 2 rows of 2026-05-04 in this account sum to. If"),
        (DAY + total_of("{day}", account="all"), "line 5 looks like a total that counts besides its parts: all, all-1, Total has what the other 2 rows of 2026-05-04 sum to. If"),
        (DAY + "2026-05-05,7,4,D,140,14,6.25,EUR\n" + total_of("2026-05-05", 2), "line 6 looks like a total that counts besides its parts: 7, all-1, Total has what the other 3 rows of the file sum to. If"),
        (DAY + total_of("{day}") + (DAY + total_of("{day}")).replace("{day}", "2026-05-05"), "line 5 looks like a total that counts besides its parts: 7, all-1, Total has what the other 2 rows of 2026-05-04 in this account sum to (its 2 rows are all like that). If"),
        ("{day},7,1,A,140,14,6.25,EUR\n" + total_of("{day}"), "line 3 looks like a total that counts besides its parts: 7, all-1, Total has what the other 1 row of 2026-05-04 in this account sum to. If"),
        ("{day},7,1,A,140,14,6.25,EUR\n" + total_of("{day}", row="2,B"), ""),  # two campaigns may be equal
        (DAY + total_of("{day}").replace("6.25", "6.35"), ""),
        (DAY + total_of("{day}").replace("14,", "15,"), ""),
        (DAY + total_of("{day}") + (DAY + total_of("{day}", 2)).replace("{day}", "2026-05-05"), ""),
        ("2026-05-05,7,1,A,140,14,6.25,EUR\n" + "2026-05-06,7,1,A,280,28,12.50,EUR\n" + DAY, ""),  # a campaign's day
    ],
)  # fmt: skip
def test_a_row_that_is_the_sum_of_others_is_told(landing: Landing, rows: str, said: str) -> None:
    path = landing.put("generic/a.csv", NAMED + rows.replace("{day}", "2026-05-04"))
    line = landing.load()["a.csv"]
    assert (line.status, line.rows_rejected) == ("loaded", 0)
    assert [warning[: len(said)] for warning in line.warnings] == ([said] if said else [])
    assert inspect_file(path, client=landing.client, bucket=landing.bucket).warnings == line.warnings
