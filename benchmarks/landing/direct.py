"""The unit: one typed ``INSERT … SELECT FROM file()`` by chDB. ``python -m benchmarks.landing.direct FILE TARGET``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.landing.data import API_HEADERS, HEADERS
from benchmarks.landing.measure import measured, report

TYPES = (
    "Date", "String", "String", "String", "String", "String", "String", "String", "String", "Int64", "Int64",
    "Decimal(18, 6)", "Decimal(18, 6)", "Decimal(18, 6)",
)  # fmt: skip
# The columns, key and partitions of staging.stg_ad_performance.
STAGING = (
    "workspace LowCardinality(String), platform LowCardinality(String), grain LowCardinality(String),"
    " account_id Nullable(String), account_name Nullable(String), campaign_id Nullable(String),"
    " campaign_name Nullable(String), ad_group_id Nullable(String), ad_group_name Nullable(String),"
    " ad_id Nullable(String), ad_name Nullable(String), segments Map(String, String), date Date,"
    " impressions Nullable(Int64), clicks Nullable(Int64), cost Nullable(Decimal(18, 6)),"
    " conversions Nullable(Decimal(18, 6)), conversion_value Nullable(Decimal(18, 6)),"
    " currency LowCardinality(Nullable(String)), file_id String, row_number UInt64"
)
STAGING_KEY = "PARTITION BY date ORDER BY (workspace, platform, grain, account_id, campaign_id, file_id, row_number)"

# What a model of facts does first: one pass over the rows of all days.
PASS = (
    "SELECT count() FROM (SELECT date, campaign_id, any(campaign_name), sum(impressions), sum(clicks), sum(cost),"
    " sum(conversions), sum(conversion_value) FROM {table} GROUP BY date, campaign_id)"
)


def statement(path: Path, target: str) -> tuple[str, str]:
    """CREATE TABLE and INSERT for a file: into a plain table of its columns, or into one like staging's."""
    kind = path.name.removesuffix(".zst").rpartition(".")[2]
    names = HEADERS if kind == "csv" else API_HEADERS
    format = {"csv": "CSVWithNames", "ndjson": "JSONEachRow", "parquet": "Parquet"}[kind]
    quoted = [f"`{name}`" for name in names]
    structure = ", ".join(f"{name} {type_}" for name, type_ in zip(quoted, TYPES, strict=True))
    source = f"file('{path}', '{format}', '{structure}')"
    c = dict(zip(HEADERS, quoted, strict=True))
    if target == "plain":
        table = f"CREATE TABLE t ({structure}) ENGINE = MergeTree ORDER BY ({c['Day']}, {c['Campaign ID']})"
        return table, f"INSERT INTO t SELECT * FROM {source}"
    cost = c["Cost"] if kind == "csv" else f"{c['Cost']} / 1000000"
    return (
        f"CREATE TABLE t ({STAGING}) ENGINE = MergeTree {STAGING_KEY} SETTINGS allow_nullable_key = 1",
        f"INSERT INTO t SELECT 'demo', 'google_ads', 'ad_group', replaceAll({c['Customer ID']}, '-', ''), {c['Account']},"
        f" {c['Campaign ID']}, {c['Campaign']}, {c['Ad group ID']}, {c['Ad group']}, NULL, NULL,"
        f" map('device', {c['Device']}), {c['Day']}, {c['Impr.']}, {c['Clicks']}, {cost}, {c['Conversions']},"
        f" {c['Conv. value']}, {c['Currency code']}, 'file', _row_number FROM {source}"
        " SETTINGS max_partitions_per_insert_block = 0",
    )


def main(path: Path, target: str) -> None:
    """Load once into a new table in a new folder; ``target`` 'read': measure a pass over it instead."""
    import chdb

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        engine = chdb.connect(folder)
        create, insert = statement(path, "staging" if target == "read" else target)
        engine.query(create)
        if target == "read":
            engine.query(insert)
        with measured() as cost:
            engine.query(PASS.format(table="t") if target == "read" else insert)
        report(cost[0], rows=int(str(engine.query("SELECT count() FROM t", "TSV"))))
        engine.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
