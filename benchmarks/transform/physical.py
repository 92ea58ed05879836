"""Designs of the fact table, measured on the same rows: bytes a row, replacing a day, reading."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from benchmarks.landing.measure import measured
from benchmarks.transform.day import Place

FACTS = "marts.fct_ad_performance_daily"
KEY = "workspace, platform, grain, account_id, campaign_id, ad_group_id, ad_id"
NAMES = ("account_name", "campaign_name", "ad_group_name")
IDS = ("account_id", "campaign_id", "ad_group_id")


@dataclass(frozen=True)
class Design:
    """A way to lay the facts down."""

    name: str
    partition: str = "date"
    order: str = KEY
    columns: tuple[str, ...] = ()


def modified(columns: tuple[str, ...], type_: str) -> tuple[str, ...]:
    """Statements that give columns another type or codec."""
    return tuple(f"MODIFY COLUMN {column} {type_}" for column in columns)


DESIGNS = (
    Design("as it is: a partition a day, ordered by entity"),
    Design("a partition a month", "toYYYYMM(date)", f"{KEY}, date"),
    Design("no partitions, ordered by date and entity", "tuple()", f"date, {KEY}"),
    Design("no partitions, ordered by entity and date", "tuple()", f"{KEY}, date"),
    Design("a day, names LowCardinality", columns=modified(NAMES, "LowCardinality(Nullable(String))")),
    Design("a day, ids and names LowCardinality", columns=modified(IDS + NAMES, "LowCardinality(Nullable(String))")),
    Design("a day, money and counts T64 + LZ4", columns=(
        *modified(("impressions", "clicks"), "CODEC(T64, LZ4)"),
    )),
    Design("a day, all ZSTD(1)", columns=modified(
        (*IDS, *NAMES, "ad_id", "ad_name", "impressions", "clicks", "cost", "conversions", "conversion_value"),
        "CODEC(ZSTD(1))",
    )),
)  # fmt: skip


def measure(made: Place, times: int = 5) -> list[list[str]]:
    """A row of the report for each design: bytes a row, MB of CPU s to write, a day replaced, two reads in ms."""
    client = made.client
    last = str(client.query(f"SELECT max(date) FROM {FACTS}").result_rows[0][0])
    report = []
    for design in DESIGNS:
        client.command("DROP TABLE IF EXISTS default.design SYNC")
        client.command(
            f"CREATE TABLE default.design AS {FACTS} ENGINE = MergeTree PARTITION BY {design.partition}"
            f" ORDER BY ({design.order}) SETTINGS allow_nullable_key = 1"
        )
        for change in design.columns:
            client.command(f"ALTER TABLE default.design {change}")
        with measured(made.server) as wrote:
            client.command(
                f"INSERT INTO default.design SELECT * FROM {FACTS}", settings={"max_partitions_per_insert_block": 0}
            )
        client.command("OPTIMIZE TABLE default.design FINAL")
        rows, size = client.query(
            "SELECT sum(rows), sum(data_compressed_bytes) FROM system.parts"
            " WHERE database = 'default' AND table = 'design' AND active"
        ).result_rows[0]
        with measured(made.server) as replaced:
            if design.partition == "date":
                client.command("CREATE TABLE default.design_new AS default.design")
                client.command(f"INSERT INTO default.design_new SELECT * FROM {FACTS} WHERE date = '{last}'")
                client.command(
                    f"ALTER TABLE default.design REPLACE PARTITION ID '{last.replace('-', '')}' FROM default.design_new"
                )
                client.command("DROP TABLE default.design_new SYNC")
            else:
                client.command(f"DELETE FROM default.design WHERE date = '{last}'")
                client.command(f"INSERT INTO default.design SELECT * FROM {FACTS} WHERE date = '{last}'")
        reads = [
            milliseconds(made, sql, times)
            for sql in (
                f"SELECT campaign_id, sum(cost) FROM default.design WHERE date > toDate('{last}') - 7 GROUP BY 1",
                "SELECT date, sum(cost) FROM default.design WHERE account_id = 'a3' AND campaign_id = 'c8' GROUP BY 1",
            )
        ]
        report.append(
            [
                design.name,
                f"{size / rows:.1f}",
                f"{wrote[0].cpu:.2f}",
                f"{replaced[0].cpu:.2f}",
                *(f"{r:.0f}" for r in reads),
            ]
        )
    client.command("DROP TABLE IF EXISTS default.design SYNC")
    return report


def milliseconds(made: Place, sql: str, times: int) -> float:
    """Median time of a query over HTTP, after one run that warms up."""
    taken = []
    for _ in range(times + 1):
        started = time.perf_counter()
        made.client.query(sql)
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken[1:])
