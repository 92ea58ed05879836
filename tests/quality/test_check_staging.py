"""Great Expectations on a real ClickHouse: errors stop, warnings pass, results are kept."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.dbapi.cursor import Cursor
from clickhouse_connect.driver.client import Client

from include.quality import QualityError, QualityReport, check_staging
from include.quality.docs import KEPT_RUNS, folder_of, pages, replaced
from include.quality.sources import template
from include.quality.suite import load_suite
from include.settings import REPO, Settings

pytestmark = pytest.mark.integration

DAY = date(2026, 6, 30)
STAGING = """
CREATE TABLE staging.stg_ad_performance (
    workspace String, platform String, grain String, account_id Nullable(String), account_name Nullable(String),
    campaign_id Nullable(String), campaign_name Nullable(String), ad_group_id Nullable(String),
    ad_group_name Nullable(String), ad_id Nullable(String), ad_name Nullable(String), segments Map(String, String),
    date Date, impressions Nullable(Int64), clicks Nullable(Int64), cost Nullable(Decimal(18, 6)),
    conversions Nullable(Decimal(18, 6)), conversion_value Nullable(Decimal(18, 6)), currency Nullable(String),
    file_id String, row_number UInt64, exported_at DateTime64(3, 'UTC'), restatement_days UInt16
) ENGINE = MergeTree PARTITION BY date ORDER BY tuple()
"""
LOADED = datetime(2026, 7, 1, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    """A sound row of staging."""
    return {
        "workspace": "demo", "platform": "google_ads", "grain": "campaign", "account_id": "1", "campaign_id": "c1",
        "date": DAY, "impressions": 1000, "clicks": 50, "cost": 12.5, "conversions": 3, "conversion_value": 90,
        "currency": "USD", "file_id": "file", "row_number": 1,
    } | changes  # fmt: skip


class Staging:
    """The table under test, and the coverage that belongs to it."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self.settings = settings
        self.client = client

    def fill(self, *rows: dict[str, Any], covered: int | None = None) -> None:
        """Staging holds the rows; the ledger says that ``covered`` rows came, by default as many."""
        names = list(row())
        self.client.insert("staging.stg_ad_performance", [[r[n] for n in names] for r in rows], column_names=names)
        self.cover(DAY, len(rows) if covered is None else covered)

    def cover(self, day: date, rows: int, load_id: int = 1, order: datetime = LOADED, account: str = "1") -> None:
        ledger = {"file_id": f"file {load_id}", "load_id": load_id, "workspace": "demo", "source": "google_ads",
                  "status": "loaded", "loaded_at": order}  # fmt: skip
        self.client.insert("ops.file_ledger", [list(ledger.values())], column_names=list(ledger))
        coverage = {"load_id": load_id, "export_id": load_id, "file_id": f"file {load_id}", "workspace": "demo",
                    "source": "google_ads", "grain": "campaign", "account_id": account, "date": day, "rows": rows,
                    "loaded_at": order, "export_order": order}  # fmt: skip
        self.client.insert("ops.load_coverage", [list(coverage.values())], column_names=list(coverage))

    def check(self, run_id: str = "run") -> QualityReport:
        return check_staging([DAY], run_id, self.settings)

    def failed(self) -> set[str]:
        """Names of the failed expectations, whether they stopped the run or not."""
        try:
            report = self.check()
        except QualityError as error:
            report = error.report
        return {finding.name for finding in (*report.errors, *report.warnings)}


@pytest.fixture
def staging(clickhouse: Settings, warehouse: Client) -> Iterator[Staging]:
    tables = ("ops.file_ledger", "ops.load_coverage", "ops.quality_results")
    for table in tables:
        warehouse.command(f"TRUNCATE TABLE {table}")
    warehouse.command("DROP TABLE IF EXISTS staging.stg_ad_performance")
    warehouse.command(STAGING)
    yield Staging(clickhouse, warehouse)
    warehouse.command("DROP TABLE IF EXISTS staging.stg_ad_performance")
    for table in tables:
        warehouse.command(f"TRUNCATE TABLE {table}")


def test_sound_rows_pass_and_results_are_kept(staging: Staging) -> None:
    staging.fill(row(), row(row_number=2, campaign_id="c2", cost=None, currency=None, conversions=None))
    # Rows of other days are not looked at.
    staging.client.insert("staging.stg_ad_performance", [["", date(2026, 6, 1)]], column_names=["workspace", "date"])
    report = staging.check("first run")
    assert report.errors == ()
    # One row of two without cost: fewer than nine of ten.
    assert [finding.name for finding in report.warnings] == ["cost_is_mostly_known"]
    kept = staging.client.query(
        "SELECT run_id, suite, count(), countIf(success), uniqExact(checked_at) FROM ops.quality_results GROUP BY ALL"
    ).result_rows
    expected = len(load_suite("stg_ad_performance").expectations)
    of_source = len(template().checks)
    assert sorted(kept) == [
        ("first run", "source_google_ads", of_source, of_source, 1),
        ("first run", "stg_ad_performance", expected, expected - 1, 1),
    ]
    assert report.data_docs == f"{staging.settings.public_url}/quality?run=first+run"
    site = folder_of(staging.settings.home, "demo", "first run")
    assert set(pages(site)) == {"stg_ad_performance", "source_google_ads"}
    secret = staging.settings.clickhouse_password.get_secret_value()
    assert all(secret not in file.read_text() for file in site.rglob("*.html"))


def test_errors_stop_the_run_and_name_rows_and_remedy(staging: Staging) -> None:
    faulty = {
        "names_are_not_empty": row(workspace=""),
        "grain_is_known": row(grain="creative", row_number=2),
        "currency_is_a_code": row(currency="usd", row_number=3),
        "row_of_a_file_comes_once": row(campaign_id="c2", row_number=3),
        "rows_are_conserved": row(campaign_id="c3", row_number=4),
    }
    staging.fill(*faulty.values(), covered=9)
    with pytest.raises(QualityError) as caught:
        staging.check()
    assert {finding.name for finding in caught.value.report.errors} == set(faulty)
    lines = str(caught.value).splitlines()
    for name in faulty:
        line = next(line for line in lines if line.startswith(f"- {name}: "))
        assert re.search(r"Not so (in demo )?for .*\d+.* rows?, for example .+\. [A-Z].+\.$", line), line
    assert "workspace demo, platform google_ads, date 2026-06-30, rows_loaded 9, rows_staged 4" in str(caught.value)
    kept = staging.client.query(
        "SELECT expectation FROM ops.quality_results WHERE NOT success AND severity = 'error'"
    ).result_rows
    assert {name for (name,) in kept} == set(faulty)


def test_a_day_that_has_not_come_is_told_with_its_file_and_line(staging: Staging) -> None:
    day = datetime.now(UTC).date() + timedelta(days=40)
    staging.client.insert(
        "ops.file_ledger",
        [["file", 9, "demo", "google_ads", "s3://b/demo/odd.csv", "loaded", LOADED]],
        column_names=["file_id", "load_id", "workspace", "source", "uri", "status", "loaded_at"],
    )
    names = list(row())
    staging.client.insert(
        "staging.stg_ad_performance", [list(row(date=day, row_number=4).values())], column_names=names
    )
    with pytest.raises(
        QualityError,
        match=rf"file s3://b/demo/odd.csv, line 4, date {day}. Landing rejects such rows; .*--full-refresh",
    ):
        check_staging([day], "run", staging.settings)


def test_no_result_of_a_workspace_names_another(staging: Staging) -> None:
    staging.fill(
        row(currency="dm1"),
        row(workspace="it's {odd}", currency="od1", campaign_id="odd-secret", account_id="88", row_number=2),
        row(workspace="", currency="no1", row_number=3),
        covered=1,
    )
    with pytest.raises(QualityError):
        staging.check()
    kept = staging.client.query(
        "SELECT workspace, observed || detail FROM ops.quality_results WHERE NOT success"
    ).result_rows
    found = {workspace: " ".join(text for name, text in kept if name == workspace) for workspace, _ in kept}
    assert set(found) == {"demo", "it's {odd}", ""}
    assert "dm1" in found["demo"] and not re.search(r"od1|88|odd|no1", found["demo"])
    assert "od1" in found["it's {odd}"] and not re.search(r"dm1|demo", found["it's {odd}"])
    assert "could not be evaluated" not in " ".join(found.values())
    assert "names_are_not_empty" in found[""]


def test_the_data_docs_of_the_last_runs_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT_RUNS + 3):
        folder = folder_of(tmp_path, "../..", f"run {number}")
        assert folder.is_relative_to(tmp_path / "quality" / "data_docs")
        with replaced(folder) as draft:
            draft.mkdir()
            os.utime(draft, (number, number))
    assert len(list(folder.parent.iterdir())) == KEPT_RUNS
    assert folder.is_dir() and not folder_of(tmp_path, "../..", "run 0").exists()
    with pytest.raises(OSError), replaced(folder) as draft:
        raise OSError("killed in the middle")
    assert folder.is_dir() and len(list(folder.parent.iterdir())) == KEPT_RUNS


def test_only_the_newest_export_counts(staging: Staging) -> None:
    staging.fill(row())
    staging.cover(DAY, rows=40, load_id=2, order=datetime(2026, 6, 1, tzinfo=UTC))
    assert staging.failed() == set()


def test_a_day_that_is_covered_but_empty_stops_the_run(staging: Staging) -> None:
    staging.cover(DAY, rows=3)
    assert "rows_are_conserved" in staging.failed()


def test_a_silent_source_is_a_warning(staging: Staging) -> None:
    staging.fill(row(platform="meta_ads"))
    staging.cover(date(2026, 6, 29), rows=5, load_id=2, account="2")
    assert "every_source_delivered" in staging.failed()


def test_no_dates_check_nothing(settings: Settings) -> None:
    assert check_staging([], "run", settings).findings == ()


def test_naming_the_check_does_not_import_great_expectations() -> None:
    code = "import sys, include.quality; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, env=dict(os.environ), check=False).returncode == 0


def test_rows_stay_in_clickhouse(staging: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    """Great Expectations asks for counts and columns; no answer is as long as the data."""
    staging.fill(*(row(row_number=n, campaign_id=f"c{n}") for n in range(500)))
    answers: list[int] = []
    original = Cursor._execute

    def counting(cursor: Cursor, *arguments: Any, **options: Any) -> Any:
        result = original(cursor, *arguments, **options)
        answers.append(len(cursor.data or []))
        return result

    monkeypatch.setattr(Cursor, "_execute", counting)
    report = staging.check()
    assert (report.errors, report.warnings) == ((), ())
    columns = 23
    assert max(answers) == columns, "the longest answer lists the columns"
    assert len(answers) < 60
    for name in ("checked", "measured"):
        left = staging.client.query(f"SELECT name FROM system.tables WHERE name LIKE '{name}_%'").result_rows
        assert left == []
