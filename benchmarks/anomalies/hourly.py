"""Synthetic hourly prices of ads (cost of a click or of a thousand impressions) with planted problems.

What the parameters of the hourly detector are chosen on, so that NAB's real series stay unseen. A set is like NAB's: six
series of about ten weeks, some problems each, a window of 10 % of the series over their number around each, and NAB's own
scoring (nab.py). The same seed gives the same set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.anomalies.nab import PROBATION, Series
from benchmarks.anomalies.parameters import Range

DEV_SETS = tuple(range(1, 41))
TEST_SETS = tuple(range(201, 241))
SHARE_OF_WINDOWS = 0.10

Floats = npt.NDArray[np.float64]
Event = tuple[str, int, int, float]  # kind, first hour, hours, factor


@dataclass(frozen=True)
class HourlyParameters:
    """What a series is like. Noise is a standard deviation of logs. Nothing here is tuned to a detector."""

    series: int = 6
    hours: tuple[int, int] = (1_500, 1_700)
    # what is normal
    events: Range = Range(15.0, 5_000.0)  # clicks (or thousands of impressions) in a usual hour, log-uniform
    busy_hours: Range = Range(0.2, 0.9)  # log amplitude of the hours of the day in events
    price_hours: Range = Range(0.03, 0.30)  # the same in the price
    price_weekdays: Range = Range(0.02, 0.15)
    own_weekend: float = 0.5  # chance that the weekend has hours of its own
    spread: Range = Range(0.5, 1.2)  # sd of the logs of single prices, of which an hour's price is the mean
    noise: Range = Range(
        0.05, 0.25
    )  # of the market: the daily bench's 2 to 9 % a day, as the mean of hours with memory
    tails: Range = Range(3.0, 8.0)  # degrees of freedom of its Student's t: prices have heavy tails
    unrest: Range = Range(0.2, 0.5)  # sd of the log of the noise itself, for calm and restless days follow each other
    unrest_memory: float = 0.97  # by hour
    memory: Range = Range(0.2, 0.8)  # correlation of an hour's noise with the hour before's
    walk: Range = Range(0.002, 0.008)  # an hour's step of the level
    trend: float = 0.15  # sd of the log change over the series
    steps: float = 2.0  # small changes of level that nobody labels, a series
    step: float = 0.10
    odd_hour: float = 0.004  # hours with three times the noise
    gaps: float = 2.0  # stretches without rows, a series
    gap_hours: tuple[int, int] = (1, 12)
    # what is planted
    problems: tuple[int, int] = (1, 4)
    up: float = 0.7  # chance that it goes up
    # Labels are set by people who look at the whole series: what they label stands out of its own extremes. The least log
    # factor of a kind, in the series' 99.5th percentile of noise.
    stands_out: tuple[float, float, float] = (1.2, 0.8, 0.6)  # point, burst, level
    point: Range = Range(1.6, 5.0)  # factor up, or one over it down
    point_hours: tuple[int, int] = (1, 3)
    burst: Range = Range(1.4, 3.0)
    burst_hours: tuple[int, int] = (4, 36)
    level: Range = Range(1.4, 2.2)
    erratic: Range = Range(2.5, 5.0)  # times the noise
    erratic_hours: tuple[int, int] = (12, 48)


DEFAULT = HourlyParameters()
KINDS = ("point", "burst", "level", "erratic")
ODDS = (0.40, 0.30, 0.20, 0.10)


def generate(seed: int, p: HourlyParameters = DEFAULT) -> list[Series]:
    """A set of series with their windows."""
    rng = np.random.default_rng(seed)
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
    planted = _plan(rng, p, hours)
    extreme = float(np.quantile(np.abs(louder * noise), 0.995))
    for kind, start, length, factor in planted:
        at = slice(start, hours if kind == "level" else start + length)
        if kind == "erratic":
            louder[at] *= factor
        else:
            least = p.stands_out[KINDS.index(kind)] * extreme
            level[at] += np.sign(np.log(factor)) * max(abs(np.log(factor)), least)
    rhythm = _rhythm(rng, p, hours, _uniform(rng, p.price_hours))
    values = np.exp(level + rhythm + louder * noise)

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
