"""Great Expectations, driven by a suite file. Everything is counted by ClickHouse; no row of data is pulled.

A context lives in memory and sees one workspace in one run, so its cost does not grow with history: the history of
results is ``ops.quality_results``; the data docs of the last runs are kept (``docs.py``).
"""

from __future__ import annotations

import contextlib
import logging
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from include.landing.bucket import sql_string
from include.quality import docs
from include.quality.report import Finding
from include.quality.sources import HISTORY_DAYS, failure_of, measured
from include.quality.suite import Check, Suite
from include.settings import Settings
from include.warehouse.client import connect

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
from clickhouse_connect.driver.client import Client
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

log = logging.getLogger(__name__)

NOT_NULL = "expect_column_values_to_not_be_null"
LACKING = "SELECT platform, date, file_id, row_number FROM {batch} WHERE {column} IS NULL ORDER BY ALL"
SITE = "data_docs"
EXAMPLES = 3
# Enough to name examples; more would be fetched for nothing.
RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLES}


@dataclass(frozen=True)
class Part:
    """A suite over the rows of one workspace: the validation of its own that no other workspace can show up in."""

    workspace: str
    suite: Suite
    table: str
    """Name of its view in the database ops."""


def run_suites(settings: Settings, suite: Suite, days: Sequence[date], run_id: str) -> list[Finding]:
    """Evaluate the suite, and those of the sources, over the rows of the days: once for each workspace and source.

    Returns a finding for each check of each workspace, and writes the data docs of each (``docs.folder_of``).
    """
    findings: list[Finding] = []
    client = connect(settings)
    try:
        with _views(client, suite, days) as united, measured(client, days) as by_source:
            of_sources = [Part(m.workspace, m.suite, m.suite.table.removeprefix("ops.")) for m in by_source]
            for part in united:
                parts = [part, *(other for other in of_sources if other.workspace == part.workspace)]
                with docs.replaced(docs.folder_of(settings.home, part.workspace, run_id)) as draft:
                    results = _validate(settings, parts, days, draft)
                for one in parts:
                    findings += _findings(client, one, days, results[one.suite.suite])
    finally:
        client.close()
    return findings


def _findings(client: Client, part: Part, days: Sequence[date], results: dict[str, Any]) -> list[Finding]:
    """A finding for each check of a part, with the accounts or rows of which it does not hold."""
    found = []
    for check in part.suite.expectations:
        outcome = results[check.name]
        finding = _finding(part, check, outcome)
        if not finding.success and not outcome.success:
            if part.suite.date_column:
                finding = _with_examples(client, part, check, days, finding)
            else:
                finding = _of_source(client, part, check, finding)
        found.append(finding)
    return found


def _of_source(client: Client, part: Part, check: Check, finding: Finding) -> Finding:
    """The finding with the accounts of which a source's check does not hold."""
    source = part.suite.suite.removeprefix("source_")
    failure = failure_of(client, part.suite, check)
    return replace(
        finding,
        observed=failure.observed,
        unexpected_count=failure.accounts,
        detail=f"{source}, {check.name}: {check.means} Not so in {part.workspace}: {failure.observed}. {check.remedy}",
    )


@contextlib.contextmanager
def _views(client: Client, suite: Suite, days: Sequence[date]) -> Iterator[list[Part]]:
    """A view of the dates' rows of each workspace that has or should have some, for the length of a check: those with
    rows in the weeks before too, which may have stopped to deliver.

    A query asset would do, but to learn the columns of a query Great Expectations fetches all its rows.
    """
    name = f"checked_{suite.suite}_{uuid.uuid4().hex[:12]}"
    recent = f"BETWEEN {_listed(days[-1:])} - {HISTORY_DAYS} AND {_listed(days[-1:])}"
    there = client.query(
        f"SELECT workspace FROM {suite.table} WHERE {suite.date_column} IN {_listed(days)} OR {suite.date_column} {recent}"
        f" UNION DISTINCT SELECT workspace FROM ops.file_coverage WHERE date IN {_listed(days)}"
    ).result_rows
    parts = [
        Part(workspace, suite, f"{name}_{number}")
        for number, workspace in enumerate(sorted(str(row[0]) for row in there))
    ]
    try:
        for part in parts:
            client.command(f"CREATE VIEW ops.{part.table} AS {_batch(part, days)}")
        yield parts
    finally:
        for part in parts:
            client.command(f"DROP VIEW IF EXISTS ops.{part.table}")


def _validate(
    settings: Settings, parts: Sequence[Part], days: Sequence[date], draft: Path
) -> dict[str, dict[str, Any]]:
    """Run one checkpoint of a workspace's suites and write its data docs; suite → name of the check → its result."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    context.add_data_docs_site(SITE, docs.site(draft))
    source = context.data_sources.add_sql(
        "warehouse", connection_string=settings.clickhouse_dsn(), create_temp_table=False
    )
    try:
        validations = []
        for part in parts:
            asset = source.add_table_asset(part.suite.suite, table_name=part.table, schema_name="ops")
            validations.append(_validation(context, asset, part, days))
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(name=parts[0].suite.suite, validation_definitions=validations, result_format=RESULT_FORMAT)
        )
        results = checkpoint.run().run_results.values()
        # Once for all suites; as an action of the checkpoint, it would write the index anew for each.
        context.build_data_docs(site_names=[SITE])
    finally:
        source.get_engine().dispose()
    return {
        result.suite_name: {item.expectation_config.meta["name"]: item for item in result.results} for result in results
    }


def _validation(context: Any, asset: Any, part: Part, days: Sequence[date]) -> Any:
    batch = asset.add_batch_definition_whole_table("dates of the run")
    # Added one by one, queries would replace each other: they are of one type and name no column.
    expectations = gx.ExpectationSuite(
        part.suite.suite,
        expectations=[_configuration(check, part, days).to_domain_obj() for check in part.suite.expectations],
    )
    return context.validation_definitions.add(
        gx.ValidationDefinition(name=part.suite.suite, data=batch, suite=context.suites.add(expectations))
    )


def _batch(part: Part, days: Sequence[date]) -> str:
    suite = part.suite
    own = f"workspace = {sql_string(part.workspace)}"
    return f"SELECT * FROM {suite.table} WHERE {suite.date_column} IN {_listed(days)} AND {own}"


def _listed(days: Sequence[date]) -> str:
    return "(" + ", ".join(f"toDate('{day.isoformat()}')" for day in days) + ")"


def _query(check: Check, part: Part, days: Sequence[date]) -> str:
    """The check's query; {batch} stays for Great Expectations to fill."""
    query = check.rows.replace("{dates}", _listed(days)).replace("{last}", f"toDate('{days[-1].isoformat()}')")
    # Braces would be taken for a place to fill; no workspace of a bucket needs them.
    return query.replace("{workspace}", sql_string(part.workspace).replace("{", "{{").replace("}", "}}"))


def _configuration(check: Check, part: Part, days: Sequence[date]) -> ExpectationConfiguration:
    kwargs = dict(check.arguments)
    if check.rows:
        kwargs["unexpected_rows_query"] = _query(check, part, days)
    return ExpectationConfiguration(
        type=check.type or "unexpected_rows_expectation",
        kwargs=kwargs,
        meta={"name": check.name, "severity": check.severity, "remedy": check.remedy},
        description=check.means,
        severity="critical" if check.severity == "error" else "warning",
    )


def _finding(part: Part, check: Check, outcome: Any) -> Finding:
    said = outcome.result or {}
    if check.rows:
        count = said.get("observed_value")
        observed = "" if count is None else f"{count} {'row' if count == 1 else 'rows'}"
    elif "observed_value" in said:
        count = None
        observed = f"at most {said['observed_value']:g}"
    else:
        count = said.get("unexpected_count")
        values = [value for value in said.get("partial_unexpected_list", []) if value is not None]
        examples = ", ".join(map(str, values[:EXAMPLES]))
        observed = f"{count} of {said.get('element_count')} rows" if count is not None else ""
        observed += f", for example {examples}" if examples else ""
    broken = not observed
    success = bool(outcome.success) and not broken
    detail = check.means
    if broken:
        detail = f"{check.name} could not be evaluated: {_reason(outcome)}. {check.means}"
    elif not success:
        place = f" in {part.workspace}" if part.workspace else ""
        detail = f"{check.name}: {check.means} Not so{place} for {observed}. {check.remedy}"
    return Finding(
        check.name, check.column, check.severity, success, observed, count, detail, part.suite.suite, part.workspace,
        passing=broken or check.passing,
    )  # fmt: skip


def _with_examples(client: Client, part: Part, check: Check, days: Sequence[date], finding: Finding) -> Finding:
    """Name the first rows that a failed query found, or that lack a value; Great Expectations gives their number only."""
    if not finding.unexpected_count or not (check.rows or check.type == NOT_NULL):
        return finding
    query = _query(check, part, days) if check.rows else LACKING.format(column=check.column, batch="{batch}")
    query = query.replace("{batch}", f"({_batch(part, days)})")
    rows = client.query(f"SELECT * FROM ({query}) LIMIT {EXAMPLES}").named_results()
    examples = "; ".join(", ".join(f"{k} {v}" for k, v in row.items()) for row in rows)
    observed = f"{finding.observed}, for example {examples}"
    return replace(
        finding, observed=observed, detail=finding.detail.replace(f" {finding.observed}.", f" {observed}.", 1)
    )


def _reason(outcome: Any) -> str:
    """The first line of what an expectation raised."""
    info = outcome.exception_info or {}
    if "exception_message" not in info:
        info = next((value for value in info.values() if isinstance(value, dict)), {})
    lines = str(info.get("exception_message") or "no reason given").strip().splitlines()
    return lines[0]
