"""The synthetic hourly series, and the daily method carried over to hours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.anomalies import hourly, hourly_peers, nab
from benchmarks.anomalies.hourly_detector import Hourly, detect, on_grid, said_once


@pytest.fixture(scope="module")
def group() -> list[nab.Series]:
    return hourly.generate(3)


def test_a_seed_gives_the_same_set(group: list[nab.Series]) -> None:
    again, other = hourly.generate(3), hourly.generate(4)
    assert all((a.values == b.values).all() and a.windows == b.windows for a, b in zip(group, again, strict=True))
    assert not np.array_equal(group[0].values, other[0].values)


def test_windows_are_a_tenth_of_the_series_after_its_unscored_part(group: list[nab.Series]) -> None:
    for series in group:
        hours = len(on_grid(series)[0])
        covered = sum(last - first + 1 for first, last in series.windows)
        assert 0.08 * hours < covered < 0.11 * hours
        assert all(first > series.probation for first, _ in series.windows)
        assert all(last < first for (_, last), (first, _) in zip(series.windows, series.windows[1:], strict=False))


def test_hours_without_a_row_are_unknown(group: list[nab.Series]) -> None:
    series = next(s for s in group if len(on_grid(s)[0]) > len(s.values))
    logs, hours = on_grid(series)
    assert np.isnan(logs).sum() == len(logs) - len(series.values)
    assert np.allclose(np.exp(logs[hours]), series.values)


def test_a_problem_is_found_when_it_begins_and_said_once() -> None:
    rng = np.random.default_rng(5)
    hours = np.arange(1_000)
    values = np.exp(0.3 * np.sin(2 * np.pi * hours / 24) + rng.normal(0, 0.05, 1_000))
    values[700:706] *= 4
    times = np.datetime64("2026-01-01", "s") + 3600 * hours
    flags = detect(nab.Series("burst", times, values, []), Hourly())
    assert np.flatnonzero(flags)[np.flatnonzero(flags) >= 690].tolist() == [700]


def test_a_later_hour_never_changes_a_flag(group: list[nab.Series]) -> None:
    series = group[0]
    cut = replace(series, times=series.times[:1_200], values=series.values[:1_200])
    assert (detect(series, Hourly())[:1_200] == detect(cut, Hourly())).all()


def test_what_follows_within_the_quiet_hours_is_the_same_event() -> None:
    flags = np.zeros(40, dtype=bool)
    flags[[3, 6, 9, 30]] = True
    assert np.flatnonzero(said_once(flags, 5)).tolist() == [3, 30]
    assert (said_once(flags, 0) == flags).all()


@pytest.mark.parametrize("name", list(hourly_peers.PEERS)[:2])
def test_a_peer_sees_the_largest_hours(group: list[nab.Series], name: str) -> None:
    far = hourly_peers.distances(group[0], name)
    assert far.shape == on_grid(group[0])[0].shape
    assert hourly_peers.flags(group[0], far, float(np.quantile(far, 0.99))).any()
