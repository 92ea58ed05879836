"""The product's own detector on a generated workspace: the SQL of models/anomalies on marts filled with it."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.anomalies.ads import Ads
from benchmarks.anomalies.engine import Engine, days
from benchmarks.anomalies.generator import World
from benchmarks.anomalies.rendering import PROJECT, Renderer
from benchmarks.anomalies.scoring import Flags

MODELS = (
    "int_anomaly_missing", "int_conversion_maturity", "int_anomaly_series", "int_anomaly_thresholds",
    "int_anomaly_histories", "int_anomaly_volumes", "int_anomaly_ratios", "int_anomaly_mixes",
    "int_anomaly_movements", "int_anomaly_scores",
    "int_anomaly_patterns", "int_anomaly_causes", "int_anomaly_events", "anomaly_daily",
)  # fmt: skip
SUMS = ("impressions", "clicks", "cost", "conversions", "conversion_value")


@dataclass
class Run:
    """What the detector said of a world, and the CPU seconds of each model."""

    flags: Flags
    seconds: dict[str, float]


def put_marts(world: World, engine: Engine, ads: Ads | None = None) -> None:
    """The marts of a world, with the columns that the detector reads; `ads` are what its campaigns consist of."""
    c, d = np.nonzero(world.present)
    date = days(world.parameters.days)[d]
    account = world.account[c]
    ids = np.char.mod("a%03d", account)
    age = np.where(world.age[account, d] >= len(world.parameters.maturity), 30, world.age[account, d])
    columns: dict[str, Any] = {
        "platform": np.where(account % 3 == 0, "meta_ads", "google_ads"),
        "account_id": ids,
        "campaign_id": np.char.mod("c%05d", c),
        "date": date,
        **{name: world.metrics[name][c, d] for name in SUMS},
        "last_exported_at": date + age,
        "is_provisional": age <= 3,
    }
    kinds = ["String", "String", "String", "Date", *["Float64"] * len(SUMS), "Date", "Bool"]
    engine.put("bench_rows", columns, kinds, "(platform, account_id, campaign_id, date)")
    engine.run("DROP TABLE IF EXISTS int_fx_rates_daily")
    engine.run(
        "CREATE TABLE int_fx_rates_daily ENGINE = MergeTree ORDER BY date AS SELECT DISTINCT 'bench' AS workspace,"
        " 'USD' AS currency, date, 1. AS units, 1. AS per FROM bench_rows"
    )
    added = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
    money = "cost AS cost_reporting, conversion_value AS conversion_value_reporting, 'USD' AS reporting_currency"
    for table, keys in {
        "fct_ad_performance_daily": "platform, account_id, campaign_id, date",
        "mart_campaign_daily": "platform, account_id, campaign_id, date",
        "mart_account_daily": "platform, account_id, date",
        "mart_platform_daily": "platform, date",
    }.items():
        names = ", ".join(f"toNullable({key}_id) AS {key}_name" for key in ("account", "campaign") if key in keys)
        engine.run(f"DROP TABLE IF EXISTS {table}")
        engine.run(
            f"CREATE TABLE {table} ENGINE = MergeTree ORDER BY date AS SELECT 'bench' AS workspace,"
            f" {keys}, {names + ',' if names else ''} 'USD' AS currency, {added}, {money},"
            f" max(is_provisional) AS is_provisional, max(last_exported_at) AS last_exported_at"
            f" FROM bench_rows GROUP BY {keys}"
        )
    engine.run("DROP TABLE IF EXISTS int_export_conversions")
    engine.run(  # each day was exported once, so the default curve stands: the generator's
        "CREATE TABLE int_export_conversions ENGINE = MergeTree ORDER BY date AS SELECT workspace, platform, account_id,"
        " 'campaign' AS grain, date, toUInt8(0) AS age, clicks, conversions FROM mart_campaign_daily LIMIT 0"
    )
    _put_parts(world, engine, ads)


def _put_parts(world: World, engine: Engine, ads: Ads | None) -> None:
    """The marts of ad groups and ads; without `ads` they are empty."""
    if ads is not None:
        present = ads.present & world.present[ads.campaign]
        ad, d = np.nonzero(present)
        columns: dict[str, Any] = {
            "campaign_id": np.char.mod("c%05d", ads.campaign[ad]),
            "ad_group_id": np.char.mod("g%05d", ads.group[ad]),
            "ad_id": np.char.mod("d%05d", ad),
            "date": days(world.parameters.days)[d],
            **{name: ads.metrics[name][ad, d] for name in SUMS},
        }
        kinds = ["String", "String", "String", "Date", *["Float64"] * len(SUMS)]
        engine.put("bench_ads", columns, kinds, "(campaign_id, date)")
    else:
        engine.run("DROP TABLE IF EXISTS bench_ads")
        engine.run(
            "CREATE TABLE bench_ads ENGINE = Memory AS SELECT campaign_id, '' AS ad_group_id, '' AS ad_id, date,"
            f" {', '.join(SUMS)} FROM bench_rows LIMIT 0"
        )
    added = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
    of_campaign = "workspace, platform, account_id, account_name, campaign_id, campaign_name, date, currency"
    of_file = "reporting_currency, is_provisional, last_exported_at"
    for part, others in (("ad_group", ""), ("ad", ", toNullable(any(ad_group_id)) AS ad_group_id")):
        engine.run(f"DROP TABLE IF EXISTS mart_{part}_daily")
        engine.run(
            f"CREATE TABLE mart_{part}_daily ENGINE = MergeTree ORDER BY date AS SELECT c.*, p.*,"
            f" p.cost AS cost_reporting, p.conversion_value AS conversion_value_reporting, p.{part}_id AS {part}_name"
            f" FROM (SELECT {of_campaign}, {of_file} FROM mart_campaign_daily) AS c INNER JOIN (SELECT campaign_id, date,"
            f" toNullable({part}_id) AS {part}_id{others}, {added} FROM bench_ads GROUP BY campaign_id, date, {part}_id) AS p"
            " USING (campaign_id, date)"
        )


def put_seeds(engine: Engine, promotions: Mapping[str, Any] | None = None) -> None:
    """The project's seeds; promotions and holidays are none, for nobody told the detector."""
    for name in ("anomaly_thresholds",):
        rows = list(csv.reader((PROJECT / "seeds" / f"{name}.csv").open()))
        columns = {head: [row[i] for row in rows[1:]] for i, head in enumerate(rows[0])}
        kinds = ["String" if head in ("workspace", "kind", "metric") else "Float64" for head in rows[0]]
        typed = {
            h: v if k == "String" else [float(x) for x in v] for (h, v), k in zip(columns.items(), kinds, strict=True)
        }
        engine.put(name, typed, kinds, "tuple()")
    engine.run(
        "CREATE OR REPLACE TABLE promotions (workspace String, date_start Date, date_end Date, name String) ENGINE = Memory"
    )
    engine.run("CREATE OR REPLACE TABLE holidays AS promotions")
    engine.run("ALTER TABLE holidays ADD COLUMN account_id String")


def detect(world: World, engine: Engine, ads: Ads | None = None) -> Run:
    """Run the models in order, and read marts.anomaly_daily as a user would."""
    put_marts(world, engine, ads)
    put_seeds(engine)
    renderer = Renderer()
    seconds = {}
    for name in MODELS:
        started = time.process_time()
        engine.run(f"DROP TABLE IF EXISTS {name}")
        engine.run(f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY tuple() AS {renderer.model(f'anomalies/{name}')}")
        seconds[name] = time.process_time() - started
    return Run(read_flags(world, engine), seconds)


def read_flags(world: World, engine: Engine) -> Flags:
    """Flagged days with their kinds. A campaign whose account is the cause says so by the account's row.

    Days that truly never loaded are told as such, which is right: they are neither found events nor false alarms.
    """
    shape, account_shape = world.present.shape, (world.accounts, world.parameters.days)
    kinds, account_kinds = np.zeros(shape, dtype="U20"), np.zeros(account_shape, dtype="U20")
    first = int(days(1)[0].astype(int))
    rows = engine.rows(
        f"SELECT DISTINCT entity_type, entity_id, toInt32(date) - {first} AS day, kind FROM anomaly_daily"
        " WHERE entity_type IN ('campaign', 'account')"
    ).to_pydict()
    for entity_type, entity, day, kind in zip(*rows.values(), strict=True):
        (kinds if entity_type == "campaign" else account_kinds)[int(entity[1:]), day] = kind
    account_kinds[(account_kinds == "data_missing") & ~world.loaded] = ""
    return Flags(kinds != "", account_kinds != "", kinds, account_kinds)
