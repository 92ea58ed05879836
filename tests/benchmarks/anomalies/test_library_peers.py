"""Detectors of libraries run where their packages are; what they are given has no holes, and the day itself stays."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.anomalies import library_peers
from benchmarks.anomalies.generator import generate
from benchmarks.anomalies.parameters import Parameters


def test_without_a_python_that_has_them_they_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSIGHTFLOW_BENCH_PYTHON", raising=False)
    assert library_peers.distances(generate(1, Parameters(campaigns=4, days=90))) == {}


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_what_is_unknown_is_taken_from_the_week_before_and_else_from_the_median() -> None:
    values = np.arange(21.0)[None, :].copy()
    values[0, [2, 8, 15]] = np.nan
    filled = library_peers.without_holes(values)[0]
    assert filled[8] == 1.0
    assert filled[15] == 1.0, "and so for as many weeks as it takes"
    assert filled[2] == np.nanmedian(values), "nothing is a week before it"
    known = np.isfinite(values[0])
    assert (filled[known] == values[0][known]).all()
    assert (library_peers.without_holes(np.full((1, 21), np.nan)) == 0).all()
