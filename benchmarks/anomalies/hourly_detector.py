"""The daily method carried over to hours: what is usual at this hour, at the level of late, beyond the usual noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.anomalies.nab import Series

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
HOUR = np.timedelta64(3600, "s")


@dataclass(frozen=True)
class Hourly:
    """Parameters. Chosen by hourly_choice.py on synthetic series, never on NAB's."""

    days: int = 14  # the same hour of so many days is what is usual
    weeks: int = 2  # and of so many weeks, beside it; 0: not asked
    level: int = 48  # hours that tell the level of late
    noise: int = 1_000  # hours that tell the noise
    restless: float = 0.2  # share of the noise that the last two days tell
    floor: float = 0.30  # least noise, in logs
    z: float = 2.75
    fall: float = 1.1  # times as far as a rise must a fall be off
    spans: tuple[int, ...] = (2, 5, 12)  # hours that are asked about as one
    news: float = 3.0  # z of an hour beside the one before it; 0: not asked
    quiet: int = 12  # what is off again within so many hours is the same event, and said once


def on_grid(series: Series) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Logs by the hour of the clock, nan where there is no row, and the hour of each row."""
    hours = ((series.times - series.times[0]) // HOUR).astype(np.int64)
    grid = np.full(int(hours[-1]) + 1, np.nan)
    grid[hours] = np.log(np.maximum(series.values, 1e-3))
    return grid, hours


def same_hour(logs: Floats, period: int, cycles: int, least: int) -> Floats:
    """Median of the same hour of the cycles before."""
    shifted = np.full((cycles, len(logs)), np.nan)
    for n in range(1, cycles + 1):
        shifted[n - 1, period * n :] = logs[: -period * n] if period * n < len(logs) else []
    known = np.isfinite(shifted).sum(axis=0)
    shifted.sort(axis=0)  # nan last
    at = np.arange(len(logs))
    low, high = np.maximum((known - 1) // 2, 0), np.maximum(known // 2, 0)
    middle = (shifted[low, at] + shifted[np.minimum(high, cycles - 1), at]) / 2
    return np.where(known >= least, middle, np.nan)


def before(values: Floats, hours: int, least: int) -> Floats:
    """Median of the hours before each."""
    return np.asarray(pd.Series(values).shift(1).rolling(hours, min_periods=least).median())


def distances(logs: Floats, p: Hourly) -> Floats:
    """How many of its usual deviations each hour lies outside its band; the largest over the spans, and over what is new."""
    bands = [same_hour(logs, 24, p.days, 3)]
    if p.weeks:
        bands.append(same_hour(logs, 168, p.weeks, 2))
    low, high = np.full(len(logs), np.inf), np.full(len(logs), -np.inf)
    offs = []
    for usual in bands:
        off = logs - usual
        of_late = np.nan_to_num(before(off, p.level, 3))
        for edge in (usual, usual + of_late):
            low, high = np.fmin(low, edge), np.fmax(high, edge)
        offs.append(off - of_late)
    misfit = offs[-1] if len(offs) == 1 else np.where(np.isfinite(offs[1]), offs[1], offs[0])
    outside = logs - np.clip(logs, low, high)
    largest = np.zeros(len(logs))
    for span in p.spans:
        kept = max(1, span * 2 // 3)
        own = np.asarray(pd.Series(misfit).rolling(span, min_periods=kept).mean())
        run = np.asarray(pd.Series(outside).rolling(span, min_periods=kept).mean())
        largest = np.fmax(largest, _off(run, _noise(own, p), p.floor / np.sqrt(span), p))
    if p.news:
        memory = _memory(misfit, p.noise)
        news = misfit - memory * np.nan_to_num(np.asarray(pd.Series(misfit).shift(1)))
        both = np.where(news * outside > 0, np.sign(outside) * np.fmin(np.abs(news), np.abs(outside)), 0.0)
        floor = p.floor * np.sqrt(1 - memory**2)
        largest = np.fmax(largest, _off(both, _noise(news, p), floor, p) * p.z / p.news)
    return largest


def _noise(misfit: Floats, p: Hourly) -> Floats:
    """The usual deviation before each hour: calm and restless days follow each other."""
    size = np.abs(misfit)
    usual, of_late = 1.4826 * before(size, p.noise, 14), 1.4826 * before(size, 48, 14)
    known = np.where(np.isfinite(of_late), np.fmax(of_late, 1e-6), usual)
    return np.asarray(usual ** (1 - p.restless) * known**p.restless)


def _memory(misfit: Floats, hours: int) -> Floats:
    """How much of an hour's misfit the next has, by the hours before each; no single hour decides it."""
    held = pd.Series(np.clip(misfit, -0.7, 0.7))
    shared = (held * held.shift(1)).shift(1).rolling(hours, min_periods=48).mean()
    own = (held * held).shift(1).rolling(hours, min_periods=48).mean()
    return np.clip(np.nan_to_num(np.asarray(shared / own)), 0, 0.95)


def _off(run: Floats, noise: Floats, floor: Floats | float, p: Hourly) -> Floats:
    """Deviations that a run is off; nan while the noise is unknown."""
    return np.abs(run) / np.where(run < 0, p.fall, 1.0) / np.fmax(noise, floor) + 0 * noise


def said_once(flags: Bools, quiet: int) -> Bools:
    """The first flag of each event: what follows within `quiet` hours of a flag, said or not, goes with it."""
    if not quiet:
        return flags
    recent = np.asarray(pd.Series(flags.astype(float)).shift(1).rolling(quiet, min_periods=1).max()) > 0
    return np.asarray(flags & ~recent)


def detect(series: Series, p: Hourly) -> Bools:
    """A flag for each row of a series."""
    logs, hours = on_grid(series)
    return said_once(np.nan_to_num(distances(logs, p)) >= p.z, p.quiet)[hours]
