"""The target ``cluster``: the DDL that every server is told, and that partitions are replaced behind Distributed tables.

The engine is a cluster of one server without Keeper (tests/support/cluster_front): Distributed tables are real,
replication is looked at and not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from include import landing
from include.landing.bucket import Bucket
from include.settings import Settings
from include.transform import runner
from include.warehouse.client import connect
from include.warehouse.cluster import PATH, for_cluster, parts
from include.warehouse.migrate import MIGRATIONS, migrate, statements
from tests.support import history
from tests.support.cluster_front import CLUSTER, Front, cluster_of_one, front_of, tables
from tests.support.engines import clickhouse_server, settings_of

EVERYWHERE = f"ReplicatedMergeTree({PATH})".replace(" ", "")
DAYS = 4
# A table of days and one of months, replaced; one made anew; and what they are made of.
AGAIN = ("int_current_exports", "fct_ad_performance_daily", "mart_campaign_daily")
AGAIN_OF_MARTS = ("mart_account_monthly", "dim_campaign")


def test_a_server_alone_gets_the_migrations_as_they_are() -> None:
    for path in MIGRATIONS.glob("*.sql"):
        for statement in statements(path.read_text()):
            assert for_cluster(statement, "") == statement


def test_every_statement_of_the_migrations_reaches_every_server() -> None:
    """Of raw and ops: a table is replicated to all servers, whatever else is made is made on each of them."""
    told = [
        for_cluster(statement, CLUSTER)
        for path in sorted(MIGRATIONS.glob("*.sql"))
        for statement in statements(path.read_text())
    ]
    for statement in told:
        of_each = "MODIFY SETTING" in statement  # a table's settings are each server's own
        through_keeper = statement.split()[0].upper() in ("ALTER", "INSERT") and not of_each
        assert (f" ON CLUSTER '{CLUSTER}'" in statement) != through_keeper, statement[:200]
    made = tables(told)
    assert {"raw.ad_performance_rows", "ops.file_ledger", "ops.built_dates", "ops.fx_rates"} <= made.keys()
    for table in made.values():
        assert table.on_cluster
        assert re.match(rf"Replicated(Replacing)?MergeTree\({re.escape(PATH.replace(' ', ''))}[,)]", table.engine)
        assert table.settings["replicated_deduplication_window"] == "0", "equal rows are no duplicates"
    assert made["ops.fx_rates"].engine == f"ReplicatedReplacingMergeTree({PATH.replace(' ', '')},version)"


@dataclass(frozen=True)
class Made:
    """What the cluster was told, first for a whole history and then for restated days, and what its tables hold."""

    client: Client
    nodes: dict[str, Any]
    whole: list[str]
    again: list[str]
    files: list[history.Export]
    clustered: Settings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    settings = settings_of(tmp_path_factory.mktemp("cluster"))
    cluster_of_one(settings)
    with clickhouse_server(settings), front_of(settings) as front:
        clustered = settings.model_copy(
            update={"clickhouse_url": f"http://127.0.0.1:{front.port}", "clickhouse_cluster": CLUSTER}
        )
        client = connect(clustered)
        migrate(client, CLUSTER)
        files = history.exports(DAYS)
        arrive(client, settings, files[:-1])
        front.statements.clear()
        models = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
        nodes = dbt(clustered, ["build", *models], days_of(files[:-1]))
        whole = taken(front)
        arrive(client, settings, files[-1:])
        dbt(clustered, ["run", "--select", *AGAIN, *AGAIN_OF_MARTS], days_of(files[-1:]))
        again = taken(front)
        yield Made(client, nodes, whole, again, files, clustered)
        client.close()


def taken(front: Front) -> list[str]:
    told = list(front.statements)
    front.statements.clear()
    return told


def arrive(client: Client, settings: Settings, files: list[history.Export]) -> None:
    folder = settings.home / "landing" / "history" / "generic"
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file.name).write_text(file.text)
    bucket = Bucket(settings)
    lines = landing.load(landing.discover(client, bucket), "cluster", client, bucket)
    assert {line.status for line in lines} == {"loaded"}, [line.error for line in lines]


def days_of(files: list[history.Export]) -> str:
    return ",".join(sorted({row["date"] for file in files for row in history.rows(file)}))


def dbt(settings: Settings, arguments: list[str], dates: str = "") -> dict[str, Any]:
    """Run it; ``database.table`` → the node that dbt made of it."""
    outcome = runner.invoke(settings, arguments, environment={runner.DATES: dates} if dates else {})
    bad = [f"{node['node']}: {node['message']}" for node in outcome.nodes if node["status"] == "error"]
    assert outcome.success, bad or outcome.error
    made = {str(result.node.unique_id): result.node for result in outcome.result}
    return {relation: made[node] for node, relation in outcome.relations.items()}


def kept_as_tables(made: Made) -> dict[str, Any]:
    return {name: node for name, node in made.nodes.items() if node.config.materialized in ("incremental", "table")}


@pytest.mark.integration
def test_a_table_of_the_marts_is_distributed_over_replicated_ones(made: Made) -> None:
    told, spread = tables(made.whole), {name for name in kept_as_tables(made) if name.startswith("marts.")}
    assert len(spread) > 30
    for name in spread:
        over, behind = told[name], told[f"{name}_local"]
        assert over.on_cluster and behind.on_cluster
        assert over.engine == f"Distributed('{CLUSTER}','marts','{name[6:]}_local',cityHash64(workspace))"
        assert behind.engine == "ReplicatedMergeTree", "by shard: the servers' default path"
        assert behind.settings["replicated_deduplication_window"] == "0"
        partition = made.nodes[name].config.get("partition_by")
        assert behind.partition_by == (f"({partition})" if partition else "")
    engines = dict(made.client.query("SELECT name, engine FROM system.tables WHERE database = 'marts'").result_rows)
    assert {engines[name[6:]] for name in spread} == {"Distributed"}
    assert {engines[f"{name[6:]}_local"] for name in spread} == {"MergeTree"}


@pytest.mark.integration
def test_staging_and_seeds_are_whole_on_every_server(made: Made) -> None:
    told = tables(made.whole)
    whole = {name for name in kept_as_tables(made) if name.startswith("staging.")}
    seeds = {name for name, node in made.nodes.items() if node.resource_type == "seed"}
    assert whole and seeds
    for name in whole | seeds:
        assert told[name].on_cluster and told[name].engine == EVERYWHERE, name


@pytest.mark.integration
def test_no_ddl_is_told_to_one_server_alone(made: Made) -> None:
    """But ALTER of a table that is whole everywhere: Keeper tells the others."""
    for statement in made.whole + made.again:
        if "__dbt_exchange_test_" in statement:  # dbt looks whether the server can exchange tables
            continue
        if not re.search(r"\bON CLUSTER\b", statement, re.IGNORECASE):
            assert re.match(r"ALTER TABLE `?(ops|staging)`?\.", statement, re.IGNORECASE), statement[:300]


@pytest.mark.integration
@pytest.mark.parametrize("name", ["fct_ad_performance_daily", "mart_campaign_daily", "mart_account_monthly"])
def test_partitions_are_replaced_in_every_shard_by_replicas_that_have_the_new_rows(made: Made, name: str) -> None:
    of_table = [(n, s) for n, s in enumerate(made.again) if f"`{name}__dbt_new_data_" in s or f"`{name}_local`" in s]
    replaced = [(n, s) for n, s in of_table if "replace partition" in s.lower()]
    assert len(replaced) == 1, "all dates in one statement"
    at, statement = replaced[0]
    into, on, new = re.match(  # type: ignore[union-attr]
        r"alter table `marts`\.`(\w+)`\s*(on cluster \S+)? replace partition .*? from `marts`\.`(\w+)`", statement, re.I
    ).groups()
    assert into == f"{name}_local" and on and new.startswith(f"{name}__dbt_new_data_")
    days = re.findall(r"replace partition id '(\d{8})'", statement, re.IGNORECASE)
    expected = set(days_of(made.files[-1:]).replace("-", "").split(","))
    assert set(days) == (expected if name.endswith("daily") else {f"{day[:6]}01" for day in expected})
    synced = [n for n, s in of_table if s.lower().startswith("system sync replica on cluster") and new in s]
    assert synced and synced[0] < at


@pytest.mark.integration
def test_what_stands_after_a_restatement_is_what_the_files_say(made: Made) -> None:
    rows = made.client.query(
        f"SELECT account_id, campaign_id, toString(date), {', '.join(f'sum({m})' for m in history.METRICS)}"
        " FROM marts.mart_campaign_daily GROUP BY ALL"
    ).result_rows
    found = {row[:3]: dict(zip(history.METRICS, map(Decimal, row[3:]), strict=True)) for row in rows}
    assert found == history.truth(made.files)
    assert found != history.truth(made.files[:-1])
    left = made.client.query(
        "SELECT name FROM system.tables WHERE database IN ('staging', 'marts') AND name LIKE '%\\_\\_dbt\\_%'"
    )
    assert left.result_rows == [], "new data, and the views that columns were learned from"


@pytest.mark.integration
def test_a_version_of_a_mart_is_of_the_tables_behind_it(made: Made) -> None:
    rows = made.client.query(
        f"SELECT table, sum(rows) FROM {parts(CLUSTER)} WHERE active AND database = 'marts' GROUP BY table"
    ).result_rows
    assert dict(rows)["mart_campaign_daily"] == len(history.truth(made.files))


@pytest.mark.integration
def test_a_model_is_the_same_sql_on_both_targets(made: Made) -> None:
    """Nothing of a cluster is in the models: what a server alone is told stays as it was."""
    compiled = ["compile", "--select", "resource_type:model", "--target"]
    alone, clustered = (
        {name: node.compiled_code for name, node in dbt(made.clustered, [*compiled, target]).items()}
        for target in ("default", "cluster")
    )
    assert alone == clustered
    assert len(alone) > 50
