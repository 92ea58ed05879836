"""The suites that are made for each source: legal oddities warn, what makes numbers wrong stops, workspaces are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from include.landing.specs import sources
from include.quality import QualityError, QualityReport, check_staging
from include.quality.docs import folder_of, pages
from include.quality.report import Finding
from include.quality.sources import OF_FILES, OF_HISTORY, OF_ROWS, suite_of, template
from tests.quality.test_check_staging import DAY, Staging, row, staging

__all__ = ["staging"]


def of_source(report: QualityReport, source: str) -> dict[str, Finding]:
    """Failed checks of a source by name."""
    return {f.name: f for f in report.findings if f.suite == f"source_{source}" and not f.success}


def numbered(*rows: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows on lines of their own."""
    return (values | {"row_number": n} for n, values in enumerate(rows, start=1))


def history(staging: Staging, account: str = "1", days: int = 14, cost: float = 12.5, rows: int = 4) -> None:
    """Rows of the days before, which no check of DAY looks at by themselves."""
    names = list(row())
    past = [
        row(date=DAY - timedelta(days=back), account_id=account, cost=cost, campaign_id=f"c{n}", file_id="past", row_number=n)
        for back in range(1, days + 1)
        for n in range(rows)
    ]  # fmt: skip
    staging.client.insert("staging.stg_ad_performance", [[r[n] for n in names] for r in past], column_names=names)


def test_every_measure_is_checked_and_every_check_measures() -> None:
    assert sorted(check.measure for check in template().checks) == sorted((*OF_ROWS, *OF_HISTORY, *OF_FILES))
    assert set(template().delays) <= set(sources())


def test_a_delay_is_the_sources_own() -> None:
    late = {
        source: next(c for c in suite_of(source, "t").expectations if c.name == "data_are_fresh").arguments["max_value"]
        for source in ("google_ads", "ga4")
    }
    assert late == {"google_ads": 1, "ga4": 2}


@pytest.mark.integration
def test_legal_oddities_and_what_the_ledger_noted_warn(staging: Staging) -> None:
    staging.fill(
        *numbered(
            row(impressions=0, clicks=2),
            row(campaign_id="c2", conversions=51),
            row(campaign_id="c3", cost=-4),
            row(campaign_id="c4"),
            row(campaign_id="c4"),
            row(campaign_id="c5", currency="EUR"),
            row(account_id="Acme US"),
        )
    )
    # Two devices of an entity are two rows of a source, and no repetition.
    names = [*row(), "segments"]
    devices = [row(platform="meta_ads", file_id="m", row_number=n, segments={"device": str(n)}) for n in (1, 2)]
    staging.client.insert("staging.stg_ad_performance", [[r[n] for n in names] for r in devices], column_names=names)
    staging.client.command(
        "ALTER TABLE ops.file_ledger UPDATE rows_rejected = 3, warnings = ['declared total of cost is 5, the rows sum"
        " to 4'] WHERE 1 SETTINGS mutations_sync = 1"
    )
    with pytest.raises(QualityError) as caught:  # rows of meta_ads that no file brought
        check_staging([DAY], "run", staging.settings)
    assert {finding.name for finding in caught.value.report.errors} == {"rows_are_conserved"}
    assert of_source(caught.value.report, "meta_ads") == {}
    found = of_source(caught.value.report, "google_ads")
    assert set(found) == {
        "clicks_are_within_impressions", "conversions_are_within_clicks", "metrics_are_not_negative", "grain_comes_once",
        "account_has_one_currency", "ids_are_of_their_form", "cells_are_of_their_type", "declared_totals_agree",
    }  # fmt: skip
    assert found["cells_are_of_their_type"].observed == "its files: 3"
    kept = staging.client.query(
        "SELECT workspace, observed, unexpected_count FROM ops.quality_results"
        " WHERE suite = 'source_google_ads' AND expectation = 'clicks_are_within_impressions'"
    ).result_rows
    assert kept == [("demo", "1: 1", 1)]


@pytest.mark.integration
def test_a_file_without_required_columns_stops_the_run(staging: Staging) -> None:
    staging.fill(row())
    staging.client.command(
        "INSERT INTO ops.file_ledger (file_id, load_id, workspace, source, status, loaded_at, shape, column_map)"
        " VALUES ('file 7', 7, 'demo', 'google_ads', 'loaded', '2026-07-01 00:00:00', 'google_ads_api', {'date': 'Day'})"
    )
    staging.client.command(
        "INSERT INTO ops.load_coverage (load_id, export_id, file_id, workspace, source, grain, account_id, date, rows)"
        f" VALUES (7, 7, 'file 7', 'demo', 'google_ads', 'ad', '1', '{DAY}', 0)"
    )
    with pytest.raises(QualityError, match=r"required_columns_are_there.*Not so in demo: its files: 1"):
        check_staging([DAY], "run", staging.settings)


@pytest.mark.integration
def test_an_account_is_held_against_its_own_history(staging: Staging) -> None:
    history(staging, "1")
    history(staging, "2")
    history(staging, "3")
    # Account 1 as usual; of 2 a quarter of the rows, at twenty times the cost; 3 does not deliver.
    staging.fill(*numbered(*(row(campaign_id=f"c{n}") for n in range(4)), row(account_id="2", cost=1000)))
    history_of_three = DAY - timedelta(days=1)
    staging.client.command(f"ALTER TABLE staging.stg_ad_performance DELETE WHERE account_id = '3' AND date >= '{history_of_three}' SETTINGS mutations_sync = 1")  # fmt: skip
    found = of_source(check_staging([DAY], "run", staging.settings), "google_ads")
    assert set(found) == {"rows_are_as_many_as_usual", "cost_is_as_high_as_usual", "data_are_fresh"}
    assert found["rows_are_as_many_as_usual"].observed == "2: 4 times"
    assert found["cost_is_as_high_as_usual"].observed == "2: 20 times"
    assert found["data_are_fresh"].observed == "3: 2"


@pytest.mark.integration
def test_a_cost_of_nothing_is_told_and_one_that_is_not_known_is_no_zero(staging: Staging) -> None:
    history(staging, "1", rows=1)
    history(staging, "2", rows=1)
    staging.fill(*numbered(row(cost=None, file_id="a"), row(account_id="2", cost=0, file_id="a")))
    report = check_staging([DAY], "run", staging.settings)
    assert of_source(report, "google_ads")["cost_is_as_high_as_usual"].observed == "2: nothing on its newest day"
    known = next(finding for finding in report.warnings if finding.name == "cost_is_mostly_known")
    assert known.observed == "1 of 2 rows, for example platform google_ads, date 2026-06-30, file_id a, row_number 1"


@pytest.mark.integration
def test_a_suite_only_for_sources_that_have_rows(staging: Staging) -> None:
    staging.fill(row(), row(platform="x_ads", account_id="abc", row_number=2), row(platform="nobodys", row_number=3))
    with pytest.raises(QualityError):  # rows of no export
        check_staging([DAY, date(2026, 6, 29)], "run", staging.settings)
    suites = {r[0] for r in staging.client.query("SELECT DISTINCT suite FROM ops.quality_results").result_rows}
    assert suites == {"stg_ad_performance", "source_google_ads", "source_x_ads"}
    assert set(pages(folder_of(staging.settings.home, "demo", "run"))) == suites
