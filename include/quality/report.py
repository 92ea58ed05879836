"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

SHOWN = 50  # of the findings; all are in ops.quality_results


@dataclass(frozen=True)
class Finding:
    """The result of one expectation. ``unexpected_count`` of a query is at most its limit of 1,000.

    ``workspace`` is empty where the rows name none.
    """

    name: str
    column: str
    severity: str
    success: bool
    observed: str
    unexpected_count: int | None
    detail: str
    suite: str = ""
    workspace: str = ""
    passing: bool = False
    """Of a failure: whether it may be gone when looked at again (``Check.passing``), or nothing could be evaluated."""


@dataclass(frozen=True)
class QualityReport:
    """The results of the suites over the dates of a run: for each workspace the united table's, and those of its sources."""

    run_id: str
    suite: str
    dates: tuple[str, ...]
    checked_at: datetime
    findings: tuple[Finding, ...]
    data_docs: str
    """Address of the page with all results, which leads to the data docs."""
    seconds: float

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Failed expectations that stop a run."""
        return tuple(f for f in self.findings if not f.success and f.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Failed expectations that do not."""
        return tuple(f for f in self.findings if not f.success and f.severity != "error")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for XCom and logs: the first findings, and the address of the data docs."""
        return {
            "run_id": self.run_id,
            "suite": self.suite,
            "dates": list(self.dates),
            "checked_at": self.checked_at.isoformat(),
            "suites": sorted({finding.suite or self.suite for finding in self.findings}),
            "expectations": len(self.findings),
            "errors": [finding.detail for finding in self.errors][:SHOWN],
            "warnings": [finding.detail for finding in self.warnings][:SHOWN],
            "data_docs": self.data_docs,
            "seconds": self.seconds,
        }


class QualityError(RuntimeError):
    """Expectations of level error failed: the run must not go on to the marts."""

    def __init__(self, report: QualityReport) -> None:
        lines = [f"{len(report.errors)} of {len(report.findings)} expectations on {report.suite} failed:"]
        lines += [f"- {finding.detail}" for finding in report.errors]
        if report.data_docs:
            lines.append(f"All results: {report.data_docs}")
        super().__init__("\n".join(lines))
        self.report = report

    @property
    def lasts(self) -> bool:
        """Whether a failure is of the data as they are, so that trying again tells the same."""
        return any(not finding.passing for finding in self.report.errors)
