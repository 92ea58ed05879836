"""Seeded exports like those of Google Ads, in the formats that platforms write: the same rows in each.

Python lists would cost minutes at two million rows; columns are made by numpy and written by Arrow.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import zstandard

SEED = 20260704
DAYS = 120
CHUNK = 100_000  # rows written at once
HEADERS = (
    "Day", "Customer ID", "Account", "Campaign ID", "Campaign", "Ad group ID", "Ad group", "Device", "Currency code",
    "Impr.", "Clicks", "Cost", "Conversions", "Conv. value",
)  # fmt: skip
API_HEADERS = (
    "segments_date", "customer_id", "customer_descriptive_name", "campaign_id", "campaign_name", "ad_group_id",
    "ad_group_name", "segments_device", "customer_currency_code", "metrics_impressions", "metrics_clicks",
    "metrics_cost_micros", "metrics_conversions", "metrics_conversions_value",
)  # fmt: skip


def table(rows: int, seed: int = SEED) -> pa.Table:
    """``rows`` distinct rows of 120 days, 4 accounts and as many ad groups as that needs; metrics are consistent."""
    rng = np.random.default_rng(seed)
    number = np.arange(rows)
    per_day = -(-rows // DAYS)
    day = number // per_day
    entity = number % per_day  # the key of a row in its day
    device, group = entity % 3, entity // 3
    campaign = group // 8
    account = campaign % 4
    impressions = rng.integers(1, 60_000, rows)
    clicks = (impressions * rng.uniform(0, 0.08, rows)).astype(np.int64)
    cost = np.round(clicks * rng.uniform(0.2, 3.5, rows), 2)
    conversions = np.round(clicks * rng.uniform(0, 0.1, rows), 2)
    value = np.round(conversions * rng.uniform(5, 90, rows), 2)
    start = np.datetime64("2026-01-01")
    accounts = pa.array(["123-456-7890", "222-333-4444", "555-666-7777", "987-654-3210"])
    names = pa.array(["Acme US", "Acme, Inc. Canada", "Acme Österreich", "Acme Brasil"])
    themes = pa.array(
        ["Brand, exact | US", "PMax | Shoes", "Generic – Running", 'Retargeting "30 days"', "Video · Reach"]
    )
    text = pa.string()
    return pa.table(
        [
            pa.array(start + day.astype("timedelta64[D]")).cast(pa.date32()),
            accounts.take(pa.array(account)),
            names.take(pa.array(account)),
            pa.array(20_123_000_000 + campaign),
            pc.binary_join_element_wise(themes.take(pa.array(campaign % 5)), pa.array(campaign).cast(text), " "),
            pa.array(150_000_000_000 + group),
            pc.binary_join_element_wise("Ad group", pa.array(group).cast(text), " "),
            pa.array(["Mobile phones", "Computers", "Tablets"]).take(pa.array(device)),
            pa.array(["USD", "CAD", "EUR", "BRL"]).take(pa.array(account)),
            pa.array(impressions),
            pa.array(clicks),
            pa.array(cost),
            pa.array(conversions),
            pa.array(value),
        ],
        names=list(HEADERS),
    )


def as_api(data: pa.Table) -> pa.Table:
    """The same rows as Google's API and its transfers name them: money in micros."""
    micros = pc.cast(pc.round(pc.multiply(data["Cost"], 1e6)), pa.int64())
    return data.set_column(HEADERS.index("Cost"), "Cost", micros).rename_columns(list(API_HEADERS))


def write_csv(data: pa.Table, path: Path) -> None:
    """Comma, quotes where needed, UTF-8."""
    options = pa.csv.WriteOptions(quoting_style="needed")
    pa.csv.write_csv(data, path, options)


def write_ndjson(data: pa.Table, path: Path) -> None:
    """One object a line, as the engine's own writer does it."""
    import chdb

    chdb.query(
        f"INSERT INTO FUNCTION file('{path}', 'JSONEachRow') SELECT * FROM Python(data)"
        " SETTINGS output_format_json_quote_64bit_integers = 0, engine_file_truncate_on_insert = 1"
    )


def write_parquet(data: pa.Table, path: Path, codec: str) -> None:
    """Row groups of 128k rows, ``codec`` 'none' or 'zstd'."""
    pq.write_table(data, path, compression=codec, row_group_size=131_072)


def compress(source: Path, target: Path) -> None:
    """zstd at its default level."""
    with source.open("rb") as plain, target.open("wb") as packed:
        zstandard.ZstdCompressor(level=3).copy_stream(plain, packed)


def write_quirky(data: pa.Table, path: Path) -> None:
    """What a German Excel makes of it: UTF-16LE with its mark, tabs, two lines of preamble, 1.234,56."""
    with path.open("w", encoding="utf-16", newline="") as file:
        file.write("Kampagnenbericht\r\n1. Januar 2026 bis 30. April 2026\r\n")
        file.write("\t".join(HEADERS) + "\r\n")
        for batch in data.to_batches(CHUNK):
            out = io.StringIO()
            writer = csv.writer(out, delimiter="\t", lineterminator="\r\n")
            writer.writerows(_german(batch))
            file.write(out.getvalue())


def _german(batch: pa.RecordBatch) -> Iterator[list[str]]:
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        yield [
            *(str(cell) for cell in row[:9]),
            *(f"{cell:,d}".replace(",", ".") for cell in row[9:11]),
            *(f"{cell:,.2f}".translate(str.maketrans(",.", ".,")) for cell in row[11:]),
        ]


def write_small(folder: Path, files: int, rows: int, seed: int = SEED) -> None:
    """``files`` CSV files of ``rows`` rows; every file is another account's export."""
    folder.mkdir(parents=True, exist_ok=True)
    data = table(files * rows, seed)
    for number in range(files):
        part = data.slice(number * rows, rows)
        account = pa.array([f"{number:010d}"] * rows)
        write_csv(part.set_column(1, HEADERS[1], account), folder / f"part-{number:05d}.csv")
