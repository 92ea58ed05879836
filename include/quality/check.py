"""Run the suites over the rows of the given dates, keep the results, stop a run where they are bad."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime

from include.quality.docs import address
from include.quality.report import SHOWN, Finding, QualityError, QualityReport
from include.quality.suite import load_suite
from include.settings import Settings, get_settings
from include.warehouse.client import connect

log = logging.getLogger(__name__)

COLUMNS = (
    "run_id",
    "checked_at",
    "workspace",
    "suite",
    "expectation",
    "column",
    "severity",
    "success",
    "observed",
    "unexpected_count",
    "detail",
)


def check_staging(dates: Iterable[date], run_id: str, settings: Settings | None = None) -> QualityReport:
    """Check ``staging.stg_ad_performance`` for the dates: each workspace by itself, united and by source.

    Results go to ``ops.quality_results`` and the data docs, those of a workspace without a word of another.

    Raises ``QualityError`` when an expectation of level error fails or cannot be evaluated; a warning is logged.
    """
    settings = settings or get_settings()
    days = sorted(set(dates))
    suite = load_suite("stg_ad_performance")
    checked_at = datetime.now(UTC)
    if not days:
        return QualityReport(run_id, suite.suite, (), checked_at, (), "", 0.0)
    # Great Expectations takes seconds to import: here, not where a DAG file is parsed.
    from include.quality.expectations import run_suites

    started = time.monotonic()
    findings = run_suites(settings, suite, days, run_id)
    report = QualityReport(
        run_id=run_id,
        suite=suite.suite,
        dates=tuple(day.isoformat() for day in days),
        checked_at=checked_at,
        findings=tuple(findings),
        data_docs=address(settings, run_id),
        seconds=round(time.monotonic() - started, 3),
    )
    _keep(settings, report)
    for finding in report.warnings[:SHOWN]:
        log.warning("quality: %s", finding.detail)
    log.info("quality: all results at %s", report.data_docs)
    if report.errors:
        raise QualityError(report)
    log.info("quality: %d expectations hold, %d warnings", len(findings), len(report.warnings))
    return report


def _keep(settings: Settings, report: QualityReport) -> None:
    rows = [_row(report, finding) for finding in report.findings]
    client = connect(settings)
    try:
        client.insert("ops.quality_results", rows, column_names=COLUMNS)
    finally:
        client.close()


def _row(report: QualityReport, finding: Finding) -> list[object]:
    return [
        report.run_id,
        report.checked_at,
        finding.workspace,
        finding.suite or report.suite,
        finding.name,
        finding.column,
        finding.severity,
        finding.success,
        finding.observed,
        finding.unexpected_count,
        finding.detail,
    ]
