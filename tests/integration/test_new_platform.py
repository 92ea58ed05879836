"""A platform that nobody wrote code for: one YAML file, its export, and its numbers in staging and the marts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from typer.testing import CliRunner

from include.cli.app import app
from include.landing import discover, load, recognise, specs
from include.landing.bucket import Bucket
from include.landing.readers import json_records
from include.quality import check_staging
from include.settings import REPO, Settings
from include.transform import build
from include.warehouse.client import connect
from tests.support.waiting import waiting_dates

pytestmark = pytest.mark.integration

PAGE = REPO / "docs" / "adding-a-source.md"
CACHES = (specs.sources, recognise.vocabulary, recognise._candidates, json_records.record_paths)


def block(language: str, number: int = 0) -> str:
    """A block of the walk-through: what an analyst copies is what is tested."""
    parts = PAGE.read_text().split(f"```{language}\n")[1:]
    return parts[number].split("```")[0]


def forget() -> None:
    for cached in CACHES:
        getattr(cached, "cache_clear", lambda: None)()


@pytest.fixture(scope="module")
def house(postgres: Settings, clickhouse: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The page's spec in a folder of its own, its exports in the bucket, built up to the marts."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "fotofeed_ads.yml").write_text(block("yaml"))
    patch = pytest.MonkeyPatch()
    patch.setattr("include.settings.get_settings", lambda: clickhouse.model_copy(update={"sources": folder}))
    forget()
    client = connect(clickhouse)
    root = clickhouse.home / "landing" / "newcomer"
    for where, text in (("inbox/report.csv", block("csv")), ("fotofeed/api.ndjson", block("json"))):
        path = root / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    bucket = Bucket(clickhouse)
    lines = load([k for k in discover(client, bucket) if k.startswith("newcomer/")], "newcomer", client, bucket)
    assert {(Path(line.uri).name, line.source, line.status, line.rows_rejected) for line in lines} == {
        ("report.csv", "fotofeed_ads", "loaded", 0), ("api.ndjson", "fotofeed_ads", "loaded", 0),
    }, [line.error for line in lines]  # fmt: skip
    days = waiting_dates(client, "newcomer")
    for layer in ("staging", "facts", "marts"):
        build(layer, days, "newcomer", settings=clickhouse)
    yield client
    client.close()
    shutil.rmtree(root, ignore_errors=True)
    patch.undo()
    forget()


def rows(client: Client, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(query).result_rows]


def test_its_rows_are_typed_in_staging(house: Client) -> None:
    assert rows(
        house,
        "SELECT toString(date), grain, account_id, campaign_id, campaign_name, segments['device'], impressions, clicks,"
        " toFloat64(cost), toFloat64(conversions), currency FROM staging.stg_ad_performance"
        " WHERE workspace = 'newcomer' ORDER BY date, campaign_id, segments['device']",
    ) == [
        ("2026-05-30", "campaign", "A-7", "500", "Spring", "phone", 1200, 30, 12.5, 2.0, "EUR"),
        ("2026-05-30", "campaign", "A-7", "500", "Spring", "tablet", 80, 2, 0.75, None, "EUR"),
        ("2026-05-31", "campaign", "A-7", "501", "Always on", "phone", 900, 12, 1234.5, 1.0, "EUR"),
        ("2026-06-01", "campaign", "A-7", "500", "Spring", "phone", 1000, 25, 10.25, 3.0, "EUR"),
    ]


def test_its_campaigns_are_in_the_marts(house: Client) -> None:
    assert rows(
        house,
        "SELECT toString(date), platform, campaign_id, impressions, toFloat64(cost) FROM marts.mart_campaign_daily"
        " WHERE workspace = 'newcomer' ORDER BY date, campaign_id",
    ) == [
        ("2026-05-30", "fotofeed_ads", "500", 1280, 13.25),
        ("2026-05-31", "fotofeed_ads", "501", 900, 1234.5),
        ("2026-06-01", "fotofeed_ads", "500", 1000, 10.25),
    ]


def test_it_has_a_suite_of_quality_checks(house: Client, clickhouse: Settings) -> None:
    report = check_staging([date(2026, 5, 30), date(2026, 5, 31), date(2026, 6, 1)], "newcomer", clickhouse)
    assert "source_fotofeed_ads" in {finding.suite for finding in report.findings}
    assert [f for f in report.errors if f.workspace == "newcomer"] == []


def test_the_command_line_knows_and_checks_it(house: Client) -> None:
    assert "fotofeed_ads" in CliRunner().invoke(app, ["sources"]).output
    assert CliRunner().invoke(app, ["sources", "--check"]).exit_code == 0


def test_a_mistake_is_told_with_file_line_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "fotofeed_ads.yml"
    path.write_text(block("yaml").replace("restatement_days: 7", "restatement_days: a week"))
    done = CliRunner().invoke(app, ["sources", "--check", str(path), "--json"])
    [problem] = json.loads(done.output)
    assert done.exit_code == 1
    assert (problem["file"], problem["line"], problem["remedy"]) == ("fotofeed_ads.yml", 4, "write a whole number")
