"""The soak test with faults, in its short form; `python -m benchmarks.embedded.soak` is the long one."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from benchmarks.embedded.soak import Soak


@pytest.mark.integration
def test_soak_with_kills(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # clickhouse-connect logs every connection that a kill breaks
    report = Soak(tmp_path).run(seconds=16, fault_every=4)
    assert not report.problems, "\n".join(report.lines())
    assert report.done["kill -9"] + report.done["SIGTERM"] >= 1
    assert report.done["batches all"] > 20
