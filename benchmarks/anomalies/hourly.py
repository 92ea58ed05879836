"""Synthetic hourly prices of ads (cost of a click or of a thousand impressions) with planted problems.

What the parameters of the hourly detector are chosen on, so that NAB's real series stay unseen. A set is like NAB's: six
series of about ten weeks, some problems each, a window of 10 % of the series over their number around each, and NAB's own
scoring (nab.py). The same seed gives the same set.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.anomalies.nab import PROBATION, Series
from benchmarks.anomalies.parameters import HourlyParameters, Range

SHARE_OF_WINDOWS = 0.10

Floats = npt.NDArray[np.float64]
Event = tuple[str, int, int, float]  # kind, first hour, hours, factor


KINDS = ("point", "burst", "level", "erratic")
ODDS = (0.40, 0.30, 0.20, 0.10)


def generate(seed: int, p: HourlyParameters | None = None) -> list[Series]:
    """A set of series with their windows."""
    rng, p = np.random.default_rng(seed), p or HourlyParameters()
    return [_series(rng, p, f"{seed}-{number}") for number in range(p.series)]


def _uniform(rng: np.random.Generator, bounds: Range) -> float:
    return float(rng.uniform(bounds.low, bounds.high))


def _profile(rng: np.random.Generator, amplitude: float) -> Floats:
    """A smooth day of 24 hours in logs, about zero."""
    angle = 2 * np.pi * np.arange(24) / 24
    waves = [rng.normal() / k * np.sin(k * angle + rng.uniform(0, 2 * np.pi)) for k in (1, 2, 3)]
    day = np.sum(waves, axis=0)
    return np.asarray(amplitude * (day - day.mean()) / max(float(day.std()), 1e-9))


def _rhythm(rng: np.random.Generator, p: HourlyParameters, hours: int, amplitude: float) -> Floats:
    """Hours of the day and days of the week, the weekend often with hours of its own."""
    usual, other = _profile(rng, amplitude), _profile(rng, amplitude)
    mix = 0.5 if rng.random() < p.own_weekend else 0.0
    week = np.concatenate([usual if day < 5 else (1 - mix) * usual + mix * other for day in range(7)])
    week += np.repeat(rng.normal(0, _uniform(rng, p.price_weekdays), 7), 24)
    return np.tile(week, hours // 168 + 2)[rng.integers(0, 168) :][:hours]


def _memory(noise: Floats, rho: float) -> Floats:
    """First-order autocorrelated noise of the same variance."""
    out = noise.copy()
    for i in range(1, len(out)):
        out[i] = rho * out[i - 1] + np.sqrt(1 - rho * rho) * noise[i]
    return out


def _series(rng: np.random.Generator, p: HourlyParameters, name: str) -> Series:
    hours = int(rng.integers(*p.hours))
    t = np.arange(hours)
    events = np.exp(rng.uniform(np.log(p.events.low), np.log(p.events.high)))
    events = events * np.exp(_rhythm(rng, p, hours, _uniform(rng, p.busy_hours)))

    level = np.cumsum(rng.normal(0, _uniform(rng, p.walk), hours)) + rng.normal(0, p.trend) * t / hours
    for start in rng.integers(0, hours, rng.poisson(p.steps)):
        level[start:] += rng.normal(0, p.step)
    louder = np.where(rng.random(hours) < p.odd_hour, 3.0, 1.0)
    louder *= np.exp(_uniform(rng, p.unrest) * _memory(rng.normal(0, 1, hours), p.unrest_memory))
    freedom = _uniform(rng, p.tails)
    market = rng.standard_t(freedom, hours) * np.sqrt((freedom - 2) / freedom) * _uniform(rng, p.noise)
    market = _memory(market, _uniform(rng, p.memory))
    variance = np.expm1(_uniform(rng, p.spread) ** 2) / np.maximum(rng.poisson(events), 1)  # of a mean of log-normals
    noise = market + rng.normal(0, 1, hours) * np.sqrt(np.log1p(variance))
    ordinary = level + _rhythm(rng, p, hours, _uniform(rng, p.price_hours)) + louder * noise
    logs, planted = ordinary.copy(), _plan(rng, p, hours)
    for kind, start, length, factor in planted:
        at = slice(start, hours if kind == "level" else start + length)
        if kind == "erratic":
            logs[at] += (factor - 1) * (louder * noise)[at]
            continue
        share = p.beyond[KINDS.index(kind)]
        around = ordinary[max(start - 168, 0) : start + length + 168]
        here = float(np.median(ordinary[start : start + max(length, 24 if kind == "level" else 1)]))
        if factor > 1:
            logs[at] += max(np.log(factor), np.quantile(around, share) + 0.1 - here)
        else:
            logs[at] += min(np.log(factor), np.quantile(around, 1 - share) - 0.1 - here)
    values = np.exp(logs)

    present = np.ones(hours, dtype=bool)
    for start in rng.integers(0, hours, rng.poisson(p.gaps)):
        present[start : start + int(rng.integers(p.gap_hours[0], p.gap_hours[1] + 1))] = False
    for _, start, length, _ in planted:
        present[start : start + length] = True
    half = int(SHARE_OF_WINDOWS * hours / len(planted) / 2)
    kept = np.flatnonzero(present)
    windows = [
        (int(np.searchsorted(kept, start - half)), int(np.searchsorted(kept, start + half, side="right")) - 1)
        for _, start, _, _ in planted
    ]
    times = np.datetime64("2025-01-06T00:00:00", "s") + 3600 * kept
    return Series(name, times, values[kept], windows)


def _plan(rng: np.random.Generator, p: HourlyParameters, hours: int) -> list[Event]:
    """Problems whose windows do not touch, none of them in the part that is not scored. Labels are where they begin."""
    count = int(rng.integers(p.problems[0], p.problems[1] + 1))
    half = int(SHARE_OF_WINDOWS * hours / count / 2)
    first, last = int(PROBATION * hours) + half + 1, hours - half - 1
    starts: list[int] = []
    while len(starts) < count:
        start = int(rng.integers(first, last))
        if all(abs(start - other) > 2 * half + 48 for other in starts):
            starts.append(start)
    planted = []
    for start in sorted(starts):
        kind = str(rng.choice(KINDS, p=ODDS))
        bounds = {"point": p.point, "burst": p.burst, "level": p.level, "erratic": p.erratic}[kind]
        factor = float(np.exp(rng.uniform(np.log(bounds.low), np.log(bounds.high))))
        if kind != "erratic" and rng.random() >= p.up:
            factor = 1 / factor
        spans = {"point": p.point_hours, "burst": p.burst_hours, "level": (1, 1), "erratic": p.erratic_hours}[kind]
        planted.append((kind, start, int(rng.integers(spans[0], spans[1] + 1)), factor))
    return planted
