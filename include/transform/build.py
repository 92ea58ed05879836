"""One layer of the dbt project, built for some dates.

The dates go to dbt through the table ``ops.build_requests``: a variable would make it parse the project anew.
Builds take turns over an advisory lock of PostgreSQL, because the newest request counts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from include.settings import Settings, get_settings
from include.transform import runner, seeds
from include.transform.lock import build_lock
from include.warehouse.client import connect

log = logging.getLogger(__name__)

LAYERS = ("staging", "facts", "marts", "anomalies", "insights")
BAD = ("error", "fail", "runtime error", "partial success")


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, test or seed. ``rows`` is None where dbt does not know."""

    node: str
    resource_type: str
    status: str
    rows: int | None
    seconds: float
    message: str


@dataclass(frozen=True)
class BuildReport:
    """One build of one layer."""

    layer: str
    run_id: str
    dates: tuple[str, ...]
    full_refresh: bool
    seconds: float
    nodes: tuple[NodeResult, ...] = field(default=())

    @property
    def failed(self) -> list[NodeResult]:
        """Nodes in error and failed tests."""
        return [node for node in self.nodes if node.status in BAD]

    @property
    def warned(self) -> list[NodeResult]:
        """Tests that only warn."""
        return [node for node in self.nodes if node.status == "warn"]

    def summary(self) -> dict[str, Any]:
        """Counts, for XCom and logs."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            counts[node.status] = counts.get(node.status, 0) + 1
        return {"layer": self.layer, "dates": len(self.dates), "seconds": round(self.seconds, 1), **counts}


class BuildError(RuntimeError):
    """dbt could not build a layer; the message names each failed node with what it says."""

    def __init__(self, message: str, report: BuildReport | None = None) -> None:
        super().__init__(message)
        self.report = report


def build(
    layer: str,
    dates: Iterable[date],
    run_id: str,
    full_refresh: bool = False,
    settings: Settings | None = None,
) -> BuildReport:
    """Build the models of ``models/<layer>`` for the dates, and run their data tests.

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
    with build_lock(settings):
        seeds.load_changed(settings, run_id)
        _request(settings, days, run_id)
        arguments = ["build", "--select", f"path:models/{layer}", "--exclude-resource-types", "unit_test"]
        # A test that compares layers runs with the later one.
        arguments += ["--indirect-selection", "buildable"]
        if full_refresh:
            arguments.append("--full-refresh")
        outcome = runner.invoke(settings, arguments)
    nodes = tuple(NodeResult(**node) for node in outcome.nodes)
    report = BuildReport(
        layer, run_id, tuple(day.isoformat() for day in days), full_refresh, time.monotonic() - started, nodes
    )
    keep_results(settings, run_id, layer, nodes)
    if not outcome.success:
        raise BuildError(_explain(layer, report, outcome.error), report)
    for node in report.warned:
        log.warning("%s warns: %s", node.node, node.message)
    log.info("built %s: %s", layer, report.summary())
    return report


def keep_results(settings: Settings, run_id: str, layer: str, nodes: Sequence[NodeResult]) -> None:
    """Append node results to ``ops.dbt_results``."""
    if not nodes:
        return
    now = datetime.now(UTC)
    rows = [{"run_id": run_id, "finished_at": now, "layer": layer, **asdict(node)} for node in nodes]
    client = connect(settings)
    try:
        columns = list(rows[0])
        client.insert("ops.dbt_results", [list(row.values()) for row in rows], column_names=columns)
    finally:
        client.close()


def _request(settings: Settings, days: list[date], run_id: str) -> None:
    client = connect(settings)
    try:
        client.insert("ops.build_requests", [[run_id, days]], column_names=["run_id", "dates"])
    finally:
        client.close()


def _explain(layer: str, report: BuildReport, error: str) -> str:
    failed = [f"{node.node}: {' '.join(node.message.split())[:600]}" for node in report.failed]
    lines = failed or [error or "dbt gave no reason; see its log"]
    return f"dbt cannot build {layer} ({len(lines)} failed): " + " | ".join(lines)
