"""A random table in every dialect that exports come in, read back equal."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

HEADERS = ("date", "campaign_id", "campaign_name", "impressions", "clicks", "cost")
ABSENT = "\ufffdNULL\ufffd"  # how the reader of CSV tells a cell that is not there
NO_VALUE = {"", "-", "--", "—", "–", "N/A", "n/a", "#N/A", "null", "NULL", "None", "(not set)", "\\N"}
DATES = {"iso": "%Y-%m-%d", "compact": "%Y%m%d", "slashes": "%Y/%m/%d", "german": "%d.%m.%Y", "named": "%b %d, %Y"}

names = st.text(
    st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" ,;\"|'\t\n"), min_size=1, max_size=12
).filter(lambda text: text == text.strip() and text not in NO_VALUE | {ABSENT} and not text.lower().startswith("total"))


@dataclass(frozen=True)
class Row:
    day: date
    campaign_id: str
    name: str
    impressions: int
    clicks: int
    cost: Decimal


rows = st.builds(
    Row,
    st.integers(0, 700).map(lambda n: date(2024, 1, 13) + timedelta(days=n)),
    st.integers(1, 10**18).map(str),
    names,
    st.integers(0, 10**9),
    st.integers(0, 10**6),
    st.decimals(0, 10**9, places=2, allow_nan=False, allow_infinity=False),
)
tables = st.lists(rows, min_size=1, max_size=6, unique_by=lambda row: row.campaign_id)


@dataclass(frozen=True)
class Dialect:
    """How a table is written. ``mark``: the decimal mark, with the other one between thousands."""

    format: str
    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    quote_all: bool = False
    mark: str = "."
    thousands: bool = False
    dates: str = "iso"
    compression: str = "none"
    preamble: int = 0
    text_numbers: bool = False

    def number(self, value: int | Decimal) -> str:
        text = f"{value:,}" if self.thousands else str(value)
        return text.translate(str.maketrans(".,", ",.")) if self.mark == "," else text


dialects = st.builds(
    Dialect,
    st.sampled_from(["csv", "csv", "csv", "ndjson", "array", "envelope", "parquet", "xlsx"]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from([".", ","]),
    st.booleans(),
    st.sampled_from(sorted(DATES)),
    st.sampled_from(["none", "gzip", "zstd"]),
    st.integers(0, 3),
    st.booleans(),
)


def written(table: list[Row], dialect: Dialect) -> bytes:
    """The bytes of an export. A name that the encoding does not have is written as UTF-8."""
    data = {"parquet": _parquet, "xlsx": _xlsx, "csv": _csv}.get(dialect.format, _json)(table, dialect)
    if dialect.format == "xlsx" or dialect.compression == "none":
        return data
    return gzip.compress(data, mtime=0) if dialect.compression == "gzip" else zstandard.compress(data)


def _csv(table: list[Row], dialect: Dialect) -> bytes:
    text = io.StringIO()
    for number in range(dialect.preamble):
        text.write(f"A report of campaigns, line {number + 1}{dialect.line_end}")
    quoting = csv.QUOTE_ALL if dialect.quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=dialect.delimiter, quoting=quoting, lineterminator=dialect.line_end)
    writer.writerow(HEADERS)
    for row in table:
        numbers = map(dialect.number, (row.impressions, row.clicks, row.cost))
        writer.writerow([row.day.strftime(DATES[dialect.dates]), row.campaign_id, row.name, *numbers])
    return _encoded(text.getvalue(), dialect.encoding)


def _encoded(text: str, encoding: str) -> bytes:
    # Without a mark or a single ASCII letter beyond the header, UTF-16 and Windows-1252 cannot be told by anybody.
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode()
    if encoding == "utf-16-le" and not text.isascii():
        return text.encode("utf-16")
    return data if encoding != "cp1252" or not _reads_as_utf8(data) else text.encode()


def _reads_as_utf8(data: bytes) -> bool:
    try:
        return data.decode() != data.decode("cp1252")
    except UnicodeDecodeError:
        return False


def _records(table: list[Row], dialect: Dialect) -> list[dict[str, Any]]:
    number = str if dialect.text_numbers else (lambda value: value if isinstance(value, int) else float(value))
    return [
        dict(zip(HEADERS, (row.day.strftime(DATES[dialect.dates]), row.campaign_id, row.name,
                           number(row.impressions), number(row.clicks), number(row.cost)), strict=True))
        for row in table
    ]  # fmt: skip


def _json(table: list[Row], dialect: Dialect) -> bytes:
    records = _records(table, dialect)
    if dialect.format == "ndjson":
        return "".join(
            json.dumps(record, ensure_ascii=dialect.quote_all) + dialect.line_end for record in records
        ).encode()
    document: Any = {"data": records, "paging": {"next": None}} if dialect.format == "envelope" else records
    return json.dumps(document, indent=dialect.preamble or None, ensure_ascii=dialect.quote_all).encode()


def _parquet(table: list[Row], dialect: Dialect) -> bytes:
    columns = {name: [record[name] for record in _records(table, dialect)] for name in HEADERS}
    if not dialect.text_numbers:
        columns["date"] = [row.day for row in table]
        columns["cost"] = [row.cost for row in table]
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target, compression="zstd" if dialect.compression == "zstd" else "snappy")
    return target.getvalue()


def _xlsx(table: list[Row], dialect: Dialect) -> bytes:
    book = openpyxl.Workbook()
    for number in range(dialect.preamble):
        book.active.append([f"A report, line {number + 1}"])
    book.active.append(HEADERS)
    for row in table:
        day = row.day if dialect.quote_all else row.day.isoformat()
        book.active.append([day, row.campaign_id, row.name, row.impressions, row.clicks, float(row.cost)])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


@settings(
    max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(written_as=st.lists(st.tuples(tables, dialects), min_size=8, max_size=8))
def test_every_dialect_reads_back_equal(landing: Landing, written_as: list[tuple[list[Row], Dialect]]) -> None:
    """Eight tables at once, each in a dialect of its own: they also must not disturb each other."""
    for old in landing.folder.rglob("*") if landing.folder.exists() else ():
        if old.is_file():
            old.unlink()
    for index, (table, dialect) in enumerate(written_as):
        suffix = {"none": "", "gzip": ".gz", "zstd": ".zst"}[
            dialect.compression if dialect.format in ("csv", "ndjson") else "none"
        ]
        # Meant to replace: the tables are of random campaigns on the same days.
        landing.put(f"generic/replace_{index}/{index}-{dialect.format}{suffix}", written(table, dialect))
    lines = landing.load()
    for index, (table, dialect) in enumerate(written_as):
        line = next(line for name, line in lines.items() if name.startswith(f"{index}-"))
        if line.status == "duplicate":
            continue  # the same bytes as another table's, or as an example's before
        if line.status == "rejected" and line.error.startswith("ambiguous_dates"):
            continue
        assert (line.status, line.error, line.rows_loaded) == ("loaded", "", len(table)), dialect
        read = landing.rows(
            "SELECT event_date, campaign_id, campaign_name, insightflow_number(impressions, '{}'), "
            "insightflow_number(clicks, '{}'), insightflow_number(cost, '{}') FROM raw.ad_performance "
            "WHERE load_id = {}".format(
                *(line.decimal_marks.get(m, "") for m in ("impressions", "clicks", "cost")), line.load_id
            )
        )
        assert sorted(read) == sorted(
            (row.day, row.campaign_id, row.name, row.impressions, row.clicks, row.cost) for row in table
        ), dialect
