"""Great Expectations, driven by a suite file. Everything is counted by ClickHouse; no row of data is pulled.

The context lives in memory and sees one run, so its cost does not grow with history: the history of results is
``ops.quality_results``; the data docs show the newest run.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from include.quality.report import Finding
from include.quality.sources import failures, measured
from include.quality.suite import Check, Suite
from include.settings import Settings
from include.warehouse.client import connect

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
from clickhouse_connect.driver.client import Client
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

log = logging.getLogger(__name__)

SITE = "data_docs"
EXAMPLES = 3
# Enough to name examples; more would be fetched for nothing.
RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLES}


def run_suites(settings: Settings, suite: Suite, days: Sequence[date]) -> tuple[list[Finding], Path]:
    """Evaluate the suite, and those of the sources, over the rows of the days.

    Returns a finding for each check (of a source's failed check, one for each workspace), and the data docs' page.
    """
    docs = settings.home / "quality" / SITE
    docs.parent.mkdir(parents=True, exist_ok=True)
    draft = docs.with_name(f".{SITE}.{uuid.uuid4().hex[:8]}")
    client = connect(settings)
    try:
        with _view(settings, suite, days) as view, measured(client, days) as by_source:
            tables = {suite.suite: view, **{s.suite: s.table.removeprefix("ops.") for s in by_source}}
            results = _validate(settings, [suite, *by_source], days, tables, draft)
            found = [
                _of_source(client, s, check, results[s.suite][check.name])
                for s in by_source
                for check in s.expectations
            ]
    finally:
        client.close()
    _replace(docs, draft)
    findings = [_finding(check, results[suite.suite][check.name]) for check in suite.expectations]
    findings = _with_examples(settings, suite, days, findings)
    return [*findings, *(finding for several in found for finding in several)], docs / "index.html"


def _of_source(client: Client, suite: Suite, check: Check, outcome: Any) -> list[Finding]:
    """The findings of a source's check: one where it holds or cannot be evaluated, else one for each workspace."""
    source = suite.suite.removeprefix("source_")
    finding = replace(_finding(check, outcome), suite=suite.suite)
    if finding.success or outcome.success:
        return [finding]
    return [
        replace(
            finding,
            workspace=failure.workspace,
            observed=failure.observed,
            unexpected_count=failure.accounts,
            detail=f"{source}, {check.name}: {check.means} Not so in {failure.workspace}: {failure.observed}. {check.remedy}",
        )
        for failure in failures(client, suite, check)
    ]


@contextlib.contextmanager
def _view(settings: Settings, suite: Suite, days: Sequence[date]) -> Iterator[str]:
    """A view of the dates' rows, for the length of a check; its name in the database ops.

    A query asset would do, but to learn the columns of a query Great Expectations fetches all its rows.
    """
    name = f"checked_{suite.suite}_{uuid.uuid4().hex[:12]}"
    client = connect(settings)
    try:
        client.command(f"CREATE VIEW ops.{name} AS {_batch(suite, days)}")
        yield name
    finally:
        client.command(f"DROP VIEW IF EXISTS ops.{name}")
        client.close()


def _validate(
    settings: Settings, suites: Sequence[Suite], days: Sequence[date], tables: dict[str, str], draft: Path
) -> dict[str, dict[str, Any]]:
    """Run one checkpoint of all suites; suite → name of the check → its result."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    context.add_data_docs_site(SITE, _site(draft))
    source = context.data_sources.add_sql(
        "warehouse", connection_string=settings.clickhouse_dsn(), create_temp_table=False
    )
    try:
        validations = []
        for suite in suites:
            asset = source.add_table_asset(suite.suite, table_name=tables[suite.suite], schema_name="ops")
            validations.append(_validation(context, asset, suite, days))
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(name=suites[0].suite, validation_definitions=validations, result_format=RESULT_FORMAT)
        )
        results = checkpoint.run().run_results.values()
        # Once for all suites; as an action of the checkpoint, it would write the index anew for each.
        context.build_data_docs(site_names=[SITE])
    finally:
        source.get_engine().dispose()
    return {
        result.suite_name: {item.expectation_config.meta["name"]: item for item in result.results} for result in results
    }


def _validation(context: Any, asset: Any, suite: Suite, days: Sequence[date]) -> Any:
    batch = asset.add_batch_definition_whole_table("dates of the run")
    # Added one by one, queries would replace each other: they are of one type and name no column.
    expectations = gx.ExpectationSuite(
        suite.suite, expectations=[_configuration(check, days).to_domain_obj() for check in suite.expectations]
    )
    return context.validation_definitions.add(
        gx.ValidationDefinition(name=suite.suite, data=batch, suite=context.suites.add(expectations))
    )


def _batch(suite: Suite, days: Sequence[date]) -> str:
    return f"SELECT * FROM {suite.table} WHERE {suite.date_column} IN {_listed(days)}"


def _listed(days: Sequence[date]) -> str:
    return "(" + ", ".join(f"toDate('{day.isoformat()}')" for day in days) + ")"


def _query(check: Check, days: Sequence[date]) -> str:
    """The check's query; {batch} stays for Great Expectations to fill."""
    return check.rows.replace("{dates}", _listed(days)).replace("{last}", f"toDate('{days[-1].isoformat()}')")


def _configuration(check: Check, days: Sequence[date]) -> ExpectationConfiguration:
    kwargs = dict(check.arguments)
    if check.rows:
        kwargs["unexpected_rows_query"] = _query(check, days)
    return ExpectationConfiguration(
        type=check.type or "unexpected_rows_expectation",
        kwargs=kwargs,
        meta={"name": check.name, "severity": check.severity, "remedy": check.remedy},
        description=check.means,
        severity="critical" if check.severity == "error" else "warning",
    )


def _finding(check: Check, outcome: Any) -> Finding:
    said = outcome.result or {}
    if check.rows:
        count = said.get("observed_value")
        observed = "" if count is None else f"{count} {'row' if count == 1 else 'rows'}"
    elif "observed_value" in said:
        count = None
        observed = f"at most {said['observed_value']:g}"
    else:
        count = said.get("unexpected_count")
        examples = ", ".join(str(value) for value in said.get("partial_unexpected_list", [])[:EXAMPLES])
        observed = f"{count} of {said.get('element_count')} rows" if count is not None else ""
        observed += f", for example {examples}" if examples else ""
    broken = not observed
    success = bool(outcome.success) and not broken
    detail = check.means
    if broken:
        detail = f"{check.name} could not be evaluated: {_reason(outcome)}. {check.means}"
    elif not success:
        detail = f"{check.name}: {check.means} Not so for {observed}. {check.remedy}"
    return Finding(check.name, check.column, check.severity, success, observed, count, detail)


def _with_examples(settings: Settings, suite: Suite, days: Sequence[date], findings: list[Finding]) -> list[Finding]:
    """Name the first rows that a failed query found; Great Expectations gives their number only."""
    checks = {check.name: check for check in suite.expectations if check.rows}
    wanted = [f for f in findings if not f.success and f.unexpected_count and f.name in checks]
    if not wanted:
        return findings
    client = connect(settings)
    examples = {}
    for finding in wanted:
        query = _query(checks[finding.name], days).replace("{batch}", f"({_batch(suite, days)})")
        rows = client.query(f"SELECT * FROM ({query}) LIMIT {EXAMPLES}").named_results()
        examples[finding.name] = "; ".join(", ".join(f"{k} {v}" for k, v in row.items()) for row in rows)
    client.close()
    return [
        replace(
            finding,
            observed=f"{finding.observed}, for example {examples[finding.name]}",
            detail=finding.detail.replace(
                f" {finding.observed}.", f" {finding.observed}, for example {examples[finding.name]}."
            ),
        )
        if finding.name in examples
        else finding
        for finding in findings
    ]


def _reason(outcome: Any) -> str:
    """The first line of what an expectation raised."""
    info = outcome.exception_info or {}
    if "exception_message" not in info:
        info = next((value for value in info.values() if isinstance(value, dict)), {})
    lines = str(info.get("exception_message") or "no reason given").strip().splitlines()
    return lines[0]


def _site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
    }


def _replace(docs: Path, draft: Path) -> None:
    """Put the new site in the place of the old one; a reader sees the one or the other."""
    old = docs.with_name(f"{draft.name}.old")
    if docs.exists():
        docs.rename(old)
    draft.rename(docs)
    shutil.rmtree(old, ignore_errors=True)
