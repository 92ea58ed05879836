"""One layer of the dbt project, built for some dates.

Builds run side by side, also those of one layer: the dates go to dbt through its environment, and locks keep two
builds from replacing one period of a table at once (see ``lock``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from include.settings import Settings, get_settings
from include.transform import results, runner, seeds, structures
from include.transform.lock import ALONE, TableLocks, layer_lock
from include.transform.report import BAD, BuildError, BuildReport

log = logging.getLogger(__name__)

LAYERS = ("staging", "facts", "marts", "anomalies", "insights")


def build(
    layer: str,
    dates: Iterable[date],
    run_id: str,
    full_refresh: bool = False,
    settings: Settings | None = None,
    *,
    tests: bool = True,
) -> BuildReport:
    """Build the models of ``models/<layer>`` for the dates, and run their data tests (unless told not to).

    With ``full_refresh`` the tables are made anew from all that is left of them. Seeds whose files changed are
    loaded first. Node results are kept in ``ops.dbt_results``. Raises ``BuildError`` when a node fails (what
    depends on it is skipped), and ``ValueError`` for an unknown layer.
    """
    if layer not in LAYERS:
        raise ValueError(f"there is no layer {layer!r}; layers are {', '.join(LAYERS)}")
    settings = settings or get_settings()
    days = sorted(set(dates))
    if not days and not full_refresh:
        return BuildReport(layer, run_id, (), full_refresh, 0.0)
    started = time.monotonic()
    seeds.load_changed(settings, run_id)
    # dbt learns at its start which tables there are: of two builds side by side both would make a new one.
    first = structures.unmade(settings, layer)
    with layer_lock(settings, layer, alone=layer in ALONE or bool(first)):
        outcome = _invoke(settings, f"path:models/{layer}", days, full_refresh, tests)
        nodes = results.of(settings, outcome)
    if layer not in ALONE and any(node.status == "fail" for node in nodes):
        # Another build may have been half done with tables that a test compares: what fails alone has failed.
        doubted = {node.unique_id: node for node in nodes if node.status in ("fail", "skipped")}
        log.info("%d nodes did not pass; looking again while no other build is at work", len(doubted))
        with layer_lock(settings, layer, alone=True):
            again = _invoke(
                settings, " ".join(node.unique_id.split(".")[2] for node in doubted.values()), days, full_refresh
            )
            nodes = [node for node in nodes if node.unique_id not in doubted] + results.of(settings, again)
        outcome = replace(outcome, success=again.success and not any(n.status in BAD for n in nodes), error=again.error)
    report = BuildReport(
        layer, run_id, tuple(day.isoformat() for day in days), full_refresh, time.monotonic() - started, tuple(nodes)
    )
    results.keep(settings, run_id, layer, nodes)
    if not outcome.success:
        raise BuildError(_explain(layer, report, outcome.error), report)
    for node in report.warned:
        log.warning("%s warns: %s", node.node, node.message)
    log.info("built %s: %s", layer, report.summary())
    return report


def _invoke(
    settings: Settings, select: str, days: list[date], full_refresh: bool, tests: bool = True
) -> runner.Outcome:
    arguments = ["build" if tests else "run", "--select", *select.split()]
    # A test that compares layers runs with the later one.
    arguments += ["--exclude-resource-types", "unit_test", "--indirect-selection", "buildable"] if tests else []
    arguments += ["--no-write-json"]  # half a second, and nobody reads it
    # Data tests name the dates too, so a full refresh is asked for without any.
    arguments += ["--full-refresh"] if full_refresh else []
    environment = structures.environment(settings)
    if not full_refresh:
        environment[runner.DATES] = ",".join(day.isoformat() for day in days)
    locks: list[TableLocks] = []

    def watch(manifest: Any) -> TableLocks:
        locks.append(TableLocks(settings, days, full_refresh, manifest))
        return locks[0]

    try:
        return runner.invoke(settings, arguments, environment=environment, watch=watch)
    finally:
        for lock in locks:
            lock.close()


def _explain(layer: str, report: BuildReport, error: str) -> str:
    failed = [f"{node.node}: {' '.join(node.message.split())[:600]}" for node in report.failed]
    lines = failed or [error or "dbt gave no reason; see its log"]
    return f"dbt cannot build {layer} ({len(lines)} failed): " + " | ".join(lines)
