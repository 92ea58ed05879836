"""dbt-clickhouse, unmodified, in a process of its own: every materialization, run twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.warehouse.embedded.conftest import RunningServer

RUN = """
import sys
from dbt.cli.main import dbtRunner
for command in sys.argv[1:]:
    result = dbtRunner().invoke(command.split())
    if not result.success:
        sys.exit(f"{command}: {result.exception or [r.message for r in result.result]}")
"""

PROJECT = """
name: small
version: "1.0"
profile: small
model-paths: [models]
flags: {send_anonymous_usage_stats: false}
"""

# Rows of a day: the second run (in which day 2 has been restated and day 3 added) sees what an update would bring.
DAYS = """select toDate('2026-01-01') + d as day, n, d * 10 + n + {bump} as value
from (select arrayJoin({days}) as d, arrayJoin([1, 2]) as n)"""

INCREMENTAL = """{{{{ config(materialized='incremental', incremental_strategy='{strategy}', order_by='(day, n)'{more}) }}}}
select * from {{{{ source('small', 'days') }}}}
{{% if is_incremental() %}} where day >= toDate('2026-01-02') {{% endif %}}
"""

MODELS = {
    "sources.yml": "sources: [{name: small, schema: small_in, tables: [{name: days}]}]",
    "a_table.sql": "{{ config(materialized='table', order_by='n') }} select * from {{ source('small', 'days') }}",
    "a_view.sql": "{{ config(materialized='view') }} select sum(value) as total from {{ ref('a_table') }}",
    "i_append.sql": INCREMENTAL.format(strategy="append", more=""),
    "i_delete.sql": INCREMENTAL.format(strategy="delete+insert", more=", unique_key=['day', 'n']"),
    "i_legacy.sql": INCREMENTAL.format(strategy="legacy", more=", unique_key=['day', 'n']"),
    "i_overwrite.sql": INCREMENTAL.format(strategy="insert_overwrite", more=", partition_by='day'"),
    "mv.sql": """{{ config(materialized='materialized_view', order_by='day', engine='SummingMergeTree') }}
select day, sum(value) as value from {{ source('small', 'days') }} group by day""",
    "dict.sql": """{{ config(materialized='dictionary', fields=[('id', 'UInt64'), ('label', 'String')],
    primary_key='id', layout='FLAT()', lifetime='1', source_type='clickhouse') }}
select id, label from {{ ref('labels') }}""",
}


@pytest.fixture
def project(make_server: Callable[..., RunningServer], tmp_path: Path) -> tuple[RunningServer, Path]:
    """A server with passwords, and a project of all materializations."""
    users = tmp_path / "users.json"
    users.write_text(json.dumps({"admin": {"password": "secret"}}))
    users.chmod(0o600)
    server = make_server("--users-file", str(users))
    folder = tmp_path / "dbt"
    for name, text in MODELS.items():
        (folder / "models").mkdir(parents=True, exist_ok=True)
        (folder / "models" / name).write_text(text)
    (folder / "seeds").mkdir()
    (folder / "seeds" / "labels.csv").write_text("id,label\n1,one\n2,two\n")
    (folder / "snapshots").mkdir()
    (folder / "snapshots" / "history.sql").write_text(
        "{% snapshot history %}{{ config(target_schema='small', unique_key=\"concat(toString(day), toString(n))\","
        " strategy='check', check_cols=['value']) }} select * from {{ source('small', 'days') }}{% endsnapshot %}"
    )
    (folder / "dbt_project.yml").write_text(PROJECT)
    output = {"type": "clickhouse", "driver": "http", "schema": "small", "host": "127.0.0.1", "port": server.port}
    output |= {"user": "admin", "password": "secret", "threads": 4, "use_lw_deletes": True}
    (folder / "profiles.yml").write_text(json.dumps({"small": {"target": "t", "outputs": {"t": output}}}))
    return server, folder


def run(folder: Path, *commands: str) -> None:
    """Run dbt commands in one process."""
    environment = os.environ | {"DBT_PROFILES_DIR": str(folder), "DBT_PROJECT_DIR": str(folder)}
    command = [sys.executable, "-c", RUN, *commands]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_every_materialization(project: tuple[RunningServer, Path]) -> None:
    server, folder = project

    def text(sql: str) -> str:
        return server.text(sql, user="admin", password="secret")

    def days(list_: str, bump: int) -> None:
        text(f"CREATE OR REPLACE VIEW small_in.shown AS {DAYS.format(days=list_, bump=bump)}")
        text("TRUNCATE TABLE IF EXISTS small_in.days")
        text("INSERT INTO small_in.days SELECT * FROM small_in.shown")

    text("CREATE DATABASE small_in")
    text("CREATE TABLE small_in.days (day Date, n UInt8, value Int64) ENGINE = MergeTree ORDER BY day")
    days("[0, 1]", 0)
    run(folder, "build")
    days("[0, 1, 2]", 1000)
    run(folder, "build")

    def sum_of(table: str) -> tuple[int, int]:
        count, total = text(f"SELECT count(), sum(value) FROM small.{table}").split("\t")
        return int(count), int(total)

    source = 3 + 23 + 43 + 6000
    assert sum_of("a_table") == (6, source)
    assert text("SELECT total FROM small.a_view") == str(source)
    assert sum_of("i_append") == (8, 3 + 23 + 23 + 43 + 4000)
    for table in ("i_delete", "i_legacy", "i_overwrite"):
        assert sum_of(table) == (6, 3 + 23 + 43 + 4000), table
    assert text("SELECT sum(value) FROM small.mv") == str(3 + 23 + source), "what was there, and what came since"
    assert text("SELECT count(), countIf(dbt_valid_to IS NULL) FROM small.history") == "10\t6"
    assert text("SELECT dictGet('small.dict', 'label', toUInt64(2))") == "two"
