"""Files of exchange rates: the ECB's forms and simple ones, by the same ledger and rules as every other file."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest

from include.landing.rates import apply_rates
from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

# As the ECB writes it: newest first, N/A where a currency is not quoted, a comma at the end of each line.
HISTORY = (
    "Date,USD,JPY,BGN,CYP,GBP,\n"
    "2026-07-01,1.0850,168.12,1.9558,N/A,0.8512,\n"
    "2026-06-30,1.0800,167.50,1.9558,N/A,0.8500,\n"
    "2026-06-29,1.0812,167.90,1.9558,N/A,0.8490,\n"
)
DAY = "Date, USD, JPY, GBP, \n30 June 2026, 1.0800, 167.50, 0.8500, \n"
SDMX = (
    "KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,TITLE\n"
    "EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2026-06-29,1.0812,A,US dollar/Euro\n"
    "EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2026-06-30,1.08,A,US dollar/Euro\n"
    "EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2026-07-01,NaN,H,US dollar/Euro\n"
)


def zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def rates(landing: Landing) -> dict[tuple[str, str, str], Decimal]:
    """(currency, base, day) → rate, of this workspace."""
    rows = landing.rows(
        "SELECT currency, base, toString(date), rate FROM ops.fx_rates FINAL WHERE workspace = {w:String}"
    )
    return {row[:3]: row[3] for row in rows}


@pytest.mark.parametrize("folder", ["fx_rates", "inbox"])
@pytest.mark.parametrize(
    ("name", "content", "shape", "read", "some", "count"),
    [
        ("eurofxref-hist.csv", HISTORY.encode(), "ecb_reference_rates", 3, ("GBP", "EUR", "2026-06-29", "0.849"), 12),
        ("eurofxref-hist.zip", zipped("eurofxref-hist.csv", HISTORY), "ecb_reference_rates", 3, ("USD", "EUR", "2026-07-01", "1.085"), 12),
        ("eurofxref.csv", DAY.encode(), "ecb_reference_rates", 1, ("JPY", "EUR", "2026-06-30", "167.5"), 3),
        ("data.csv", SDMX.encode(), "sdmx_rates", 3, ("USD", "EUR", "2026-06-30", "1.08"), 2),
        ("simple.csv", b"date,currency,rate\n2026-06-30,usd,1.08\n2026-06-30,GBP,0.85\n", "rate_table", 2, ("USD", "EUR", "2026-06-30", "1.08"), 2),
        ("based.csv", b"date;currency;rate;base\n2026-06-30;IDR;16350,5;USD\n", "rate_table", 1, ("IDR", "USD", "2026-06-30", "16350.5"), 1),
        ("rates.json", b'[{"date": "2026-06-30", "currency": "GBP", "rate": 0.85, "base": "EUR"}]', "rate_table", 1, ("GBP", "EUR", "2026-06-30", "0.85"), 1),
    ],
)  # fmt: skip
def test_each_form_is_read(
    landing: Landing, folder: str, name: str, content: bytes, shape: str, read: int, some: tuple[str, ...], count: int
) -> None:
    landing.put(f"{folder}/{name}", content)
    line = landing.load()[name]
    assert (line.status, line.source, line.shape, line.rows_read) == ("loaded", "fx_rates", shape, read), line.error
    assert line.rows_read == line.rows_loaded + line.rows_skipped
    found = rates(landing)
    assert len(found) == count
    assert found[some[0], some[1], some[2]] == Decimal(some[3])
    assert landing.rows("SELECT count() FROM ops.file_coverage WHERE workspace = {w:String}") == [(0,)]


def test_a_wrong_rate_rejects_its_line_and_says_which(landing: Landing) -> None:
    landing.put(
        "fx_rates/hist.csv",
        "Date,USD,GBP,\n2026-07-01,1.08,zero,\n2026-06-30,-1,0.85,\n2026-06-29,N/A,N/A,\n2026-06-28,1.07,0.84,\n",
    )
    landing.put(
        "fx_rates/table.csv",
        "date,currency,rate\n2026-06-30,DOLLAR,1.08\n2026-06-30,USD,1;2\n2026-02-30,USD,1.08\n2026-06-30,SEK,11.2\n",
    )
    lines = landing.load()
    hist, table = lines["hist.csv"], lines["table.csv"]
    assert (hist.rows_read, hist.rows_loaded, hist.rows_rejected, hist.rows_skipped) == (4, 1, 2, 1)
    assert hist.rejected == {"bad_rate": 2}
    assert hist.skipped == {"no_rate": 1}
    assert "GBP = zero" in hist.error
    assert (table.rows_loaded, table.rejected) == (1, {"bad_currency": 1, "bad_rate": 1, "bad_date": 1})
    assert set(rates(landing)) == {
        ("USD", "EUR", "2026-06-28"),
        ("GBP", "EUR", "2026-06-28"),
        ("SEK", "EUR", "2026-06-30"),
    }


def test_the_newest_file_counts_for_each_currency_and_day(landing: Landing) -> None:
    head = "date,currency,rate\n"
    landing.put("fx_rates/b_exported_20260702T0600.csv", f"{head}2026-06-30,USD,1.20\n2026-06-30,GBP,0.80\n")
    landing.load()
    landing.put("fx_rates/a_exported_20260701T0600.csv", f"{head}2026-06-30,USD,1.10\n2026-06-29,USD,1.09\n")
    landing.load()
    landing.put("fx_rates/c_exported_20260703T0600.csv", f"{head}2026-06-30,USD,1.30\n")
    landing.load()
    assert rates(landing) == {
        ("USD", "EUR", "2026-06-30"): Decimal("1.3"),
        ("GBP", "EUR", "2026-06-30"): Decimal("0.8"),
        ("USD", "EUR", "2026-06-29"): Decimal("1.09"),
    }


def test_rates_can_be_derived_from_raw_again(landing: Landing) -> None:
    landing.put("fx_rates/hist.csv", HISTORY)
    line = landing.load()["hist.csv"]
    before = rates(landing)
    for table in ("ops.fx_rates", "ops.fx_loads"):
        of_load = f"file_id = '{line.file_id}'" if table == "ops.fx_rates" else f"load_id = {line.load_id}"
        landing.client.command(f"DELETE FROM {table} WHERE {of_load}")
    assert rates(landing) == {}
    assert apply_rates(landing.client) == 1
    assert apply_rates(landing.client) == 0
    assert rates(landing) == before
    assert min(day for *_, day in before) == date(2026, 6, 29).isoformat()
