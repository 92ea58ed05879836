"""dbt in process, on the real warehouse."""

from __future__ import annotations

import threading
import time
from datetime import date
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from include.settings import Settings
from include.transform import LAYERS, BuildError, BuildReport, NodeResult, build, runner, seeds, structures
from include.transform.lock import layer_lock, periods_of

DAYS = [date(2026, 6, 30)]


@pytest.fixture
def engines(postgres: Settings, clickhouse: Settings) -> Settings:
    """Both engines, migrated."""
    return clickhouse


def test_an_unknown_layer_is_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match="layers are staging, facts, marts, anomalies, insights"):
        build("gold", DAYS, "test", settings=settings)


def test_layers_are_the_folders_of_the_project() -> None:
    folders = {path.name for path in (runner.PROJECT / "models").iterdir() if path.is_dir()}
    assert folders == set(LAYERS)


def test_no_dates_build_nothing(settings: Settings) -> None:
    assert build("staging", [], "test", settings=settings).nodes == ()


def test_the_summary_counts_by_status() -> None:
    nodes = tuple(
        NodeResult(f"n{i}", "model", status, None, 1.0, "") for i, status in enumerate(["success", "pass", "pass"])
    )
    report = BuildReport("facts", "r", ("2026-06-30",), False, 2.0, nodes)
    assert report.summary() == {"layer": "facts", "dates": 1, "seconds": 2.0, "success": 1, "pass": 2}


def test_seeds_change_with_their_content(tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_text("a\n1\n")
    before = seeds.checksum(tmp_path)
    assert seeds.checksum(tmp_path) == before
    (tmp_path / "rates.csv").write_text("a\n2\n")
    assert seeds.checksum(tmp_path) != before


@pytest.mark.integration
def test_staging_is_built_and_its_results_are_kept(engines: Settings, warehouse: Client) -> None:
    before = Path.cwd()
    report = build("staging", DAYS, "run-1", settings=engines)
    assert "stg_ad_performance" in {node.node for node in report.nodes}
    assert not report.failed
    assert Path.cwd() == before
    kept = warehouse.query(
        "SELECT node, status, rows, seconds, sql FROM ops.dbt_results WHERE run_id = 'run-1' AND layer = 'staging'"
    ).result_rows
    assert len(kept) == len(report.nodes)
    model = next(row for row in kept if row[0] == "int_current_exports")
    # Other tests' files may be in the engine that they share, and the first build of an engine makes all of them.
    standing = warehouse.query("SELECT count() FROM staging.int_current_exports").result_rows[0][0]
    assert model[1:3] == ("success", standing)
    assert model[3] > 0
    assert "argMax(export_id" in model[4], "the SQL that ran"
    assert all(row[2] == 0 for row in kept if row[1] == "pass"), "no rows fail a test that passes"


@pytest.mark.integration
def test_seeds_are_loaded_once(engines: Settings, warehouse: Client) -> None:
    build("staging", DAYS, "run-2", settings=engines)
    count = "SELECT count() FROM ops.dbt_results WHERE layer = 'seeds' AND node = 'seeds'"
    loaded = warehouse.query(count).result_rows[0][0]
    assert loaded > 0
    build("staging", DAYS, "run-3", settings=engines)
    assert warehouse.query(count).result_rows[0][0] == loaded


def project_of(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    """Make a dbt project of one model, and dbt's calls take it."""
    for part in ("models/facts", "tests", "seeds"):
        (folder / part).mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: small\nprofile: insightflow\nmodel-paths: [models]\n")
    (folder / "profiles.yml").write_text((runner.PROJECT / "profiles.yml").read_text())
    for path, sql in files.items():
        (folder / f"{path.replace('__', '/')}.sql").write_text(sql)
    monkeypatch.setattr(runner, "PROJECT", folder)


@pytest.mark.integration
def test_a_failing_node_is_named_with_its_message(
    engines: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_of(tmp_path / "project", monkeypatch, models__facts__fct_broken="select no_such_function(1) as x")
    with pytest.raises(BuildError, match=r"fct_broken: .*no_such_function") as caught:
        build("facts", DAYS, "run-broken", settings=engines.model_copy(update={"home": tmp_path}))
    assert caught.value.report is not None
    assert [node.node for node in caught.value.report.failed] == ["fct_broken"]


@pytest.mark.integration
def test_a_failing_data_test_shows_its_rows(
    engines: Settings, warehouse: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "select toDate('2026-06-30') as date, 'generic' as platform, null as market from numbers(5)"
    project_of(
        tmp_path / "project", monkeypatch,
        models__facts__fct_small=rows, tests__small_is_empty="select * from {{ ref('fct_small') }}",
    )  # fmt: skip
    with pytest.raises(BuildError) as caught:
        build("facts", DAYS, "run-rows", settings=engines.model_copy(update={"home": tmp_path}))
    found = "small_is_empty: Got 5 results, configured to fail if != 0, for example "
    assert found + "; ".join(["date: 2026-06-30, platform: generic"] * 3) in str(caught.value)
    kept = warehouse.query("SELECT message FROM ops.dbt_results WHERE run_id = 'run-rows' AND status = 'fail'")
    assert "platform: generic" in kept.result_rows[0][0]
    warehouse.command("DROP VIEW IF EXISTS marts.fct_small")


@pytest.mark.integration
def test_a_build_makes_the_first_tables_of_a_layer_alone(
    engines: Settings, warehouse: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two builds on an empty warehouse would both make them, and one would fail: the table is there already."""
    warehouse.command("DROP TABLE IF EXISTS marts.fct_first")
    project_of(
        tmp_path / "project", monkeypatch,
        models__facts__fct_first="{{ config(materialized='table') }} select toDate('2026-06-30') as date",
        models__facts__int_passing="{{ config(materialized='ephemeral') }} select 1 as x",
    )  # fmt: skip
    settings = engines.model_copy(update={"home": tmp_path})
    assert structures.unmade(settings, "facts") == ["fct_first"]
    done: list[BuildReport] = []
    thread = threading.Thread(target=lambda: done.append(build("facts", DAYS, "run-first", settings=settings)))
    with layer_lock(settings, "facts"):
        thread.start()
        thread.join(6)
        assert not done, "it waits for the build that is at work"
    thread.join(60)
    assert [node.status for node in done[0].nodes] == ["success"]
    assert structures.unmade(settings, "facts") == []
    with layer_lock(settings, "facts"):
        assert not build("facts", DAYS, "run-second", settings=settings).failed
    warehouse.command("DROP TABLE marts.fct_first")


def test_a_model_is_locked_by_the_periods_that_it_replaces() -> None:
    days = [date(2026, 6, 28), date(2026, 6, 29), date(2026, 7, 1)]
    weekly = {"materialized": "incremental", "partition_by": "week_start"}
    assert periods_of(weekly, days) == {"2026-06-22", "2026-06-29"}
    assert periods_of(weekly | {"partition_by": ["month_start"]}, days) == {"2026-06-01", "2026-07-01"}
    assert periods_of(weekly | {"meta": {"replaces": "anomaly_dates"}}, days) is None
    assert periods_of({"materialized": "table", "partition_by": "date"}, days) is None
    assert periods_of(weekly | {"partition_by": "date", "meta": {"looks_back": 55}}, days) is None
    assert periods_of(weekly | {"partition_by": "month", "meta": {"looks_back": 28}}, days) == {
        "2026-06-01", "2026-07-01"
    }  # fmt: skip
    assert periods_of(weekly | {"partition_by": "year_start"}, days) == {"2026-01-01"}


@pytest.mark.integration
def test_a_layer_is_shared_unless_it_is_taken_alone(postgres: Settings) -> None:
    order: list[str] = []

    def other() -> None:
        with layer_lock(postgres, "marts", alone=True):
            order.append("alone")

    with layer_lock(postgres, "marts"), layer_lock(postgres, "marts"):
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(1)
        order.append("shared")
    thread.join(10)
    assert order == ["shared", "alone"]
