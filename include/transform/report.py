"""What became of a build, and the error of one that failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from include.transform.results import NodeResult

BAD = ("error", "fail", "runtime error", "partial success")


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

    @property
    def lasts(self) -> bool:
        """Whether data tests failed, which tell the same of the same data; an error may be of the engine."""
        return self.report is not None and any(node.status == "fail" for node in self.report.failed)
