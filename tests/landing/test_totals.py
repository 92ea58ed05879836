"""Totals that a file declares, held against its rows: one of all, one of each account, and one that does not agree."""

from __future__ import annotations

import pytest

from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

HEAD = (
    "Campaign report\nJun 1, 2026 - Jun 2, 2026\nDay,Customer ID,Campaign ID,Campaign,Currency code,Impr.,Clicks,Cost\n"
)
GERMAN = "2026-06-01,111-222-3333,1,Marke,EUR,100,10,30.00\n2026-06-02,111-222-3333,1,Marke,EUR,100,10,31.50\n"
BRITISH = "2026-06-01,444-555-6666,2,Brand,GBP,50,5,7.00\n2026-06-02,444-555-6666,2,Brand,GBP,50,5,8.00\n"


def total(cost: str, impressions: int, clicks: int, currency: str = "") -> str:
    return f"Total: Campaigns,,,,{currency},{impressions},{clicks},{cost}\n"


EUROS, POUNDS, ALL = total("61.50", 200, 20), total("15.00", 100, 10), total("76.50", 300, 30)

AGREE = {
    "of_all": GERMAN + BRITISH + ALL,
    "below_each_account": GERMAN + EUROS + BRITISH + POUNDS,
    "above_each_account": EUROS + GERMAN + POUNDS + BRITISH,
    "below_each_account_and_of_all": GERMAN + EUROS + BRITISH + POUNDS + ALL,
    "of_all_twice": GERMAN + BRITISH + ALL + ALL,
    "of_each_account_at_the_end": GERMAN + BRITISH + POUNDS + EUROS,
    "of_each_currency_at_the_end": GERMAN + BRITISH + total("15.00", 100, 10, "GBP") + total("61.50", 200, 20, "EUR"),
    "only_of_counts": GERMAN + total("--", 200, 20) + BRITISH + total("--", 100, 10),
}


def warnings(landing: Landing, rows: str) -> list[str]:
    landing.put("google_ads/totals.csv", HEAD + rows)
    line = landing.load()["totals.csv"]
    assert (line.status, line.rows_loaded, line.rows_rejected) == ("loaded", 4, 0)
    return line.warnings


@pytest.mark.parametrize("name", AGREE)
def test_totals_that_agree_are_not_doubted(landing: Landing, name: str) -> None:
    assert warnings(landing, AGREE[name]) == []


DISAGREE = {
    "of_all": (GERMAN + BRITISH + total("77.00", 300, 30), "declared total of cost is 77, the rows sum to 76.5"),
    "one_account": (
        GERMAN + EUROS + BRITISH + total("16.00", 100, 10),
        "declared total of cost in line 9 is 16, the rows above it sum to 15",
    ),
    # Together they are right.
    "both_accounts": (
        GERMAN + total("61.50", 201, 20) + BRITISH + total("15.00", 99, 10),
        "declared total of impressions in line 6 is 201, the rows above it sum to 200; 2 totals of it are off",
    ),
    "one_currency_at_the_end": (
        GERMAN + BRITISH + total("16.00", 100, 10, "GBP") + total("61.50", 200, 20, "EUR"),
        "declared total of cost in line 8 is 16, the rows of GBP above it sum to 15",
    ),
    "at_the_end": (
        GERMAN + BRITISH + EUROS + total("15.00", 100, 11),
        "declared totals of clicks in lines 8, 9 are 31 together, the rows sum to 30",
    ),
    "rows_of_an_account_lost": (
        GERMAN + BRITISH + EUROS + POUNDS + total("5.00", 0, 0),
        "declared totals of cost in lines 8, 9, 10 are 81.5 together, the rows sum to 76.5",
    ),
}


@pytest.mark.parametrize("name", DISAGREE)
def test_a_total_that_does_not_agree_is_told_with_its_line(landing: Landing, name: str) -> None:
    rows, said = DISAGREE[name]
    assert warnings(landing, rows) == [said]


def test_totals_that_name_their_account_are_held_against_it(landing: Landing) -> None:
    """Below its rows or not: the account's name tells whose a total is."""
    named = [
        f"Total: Campaigns,{account},,,,{numbers}\n"
        for account, numbers in (("444-555-6666", "100,10,15.00"), ("111-222-3333", "200,20,61.50"))
    ]
    assert warnings(landing, GERMAN + BRITISH + "".join(named)) == []
    landing.put("google_ads/off.csv", HEAD + GERMAN + BRITISH + "".join(named).replace("15.00", "15.50"))
    assert landing.load()["off.csv"].warnings == [
        "declared total of cost in line 8 is 15.5, the rows of 444-555-6666 sum to 15"
    ]
