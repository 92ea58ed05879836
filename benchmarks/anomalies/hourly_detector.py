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

    days: int = 5  # the same hour of so many days is what is usual
    weeks: int = 4  # and of so many weeks, beside it; 0: not asked
    level: int = 96  # hours that tell the level of late
    noise: int = 672  # hours that tell the noise
    floor: float = 0.30  # least noise, in logs
    z: float = 2.75
    spans: tuple[int, ...] = (1, 3, 7)  # hours that are asked about as one
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
    """How many of its usual deviations each hour lies outside its band; the largest over the spans."""
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
        own = pd.Series(misfit).rolling(span, min_periods=kept).mean()
        scale = 1.4826 * before(np.abs(np.asarray(own)), p.noise, 14)
        run = np.abs(np.asarray(pd.Series(outside).rolling(span, min_periods=kept).mean()))
        largest = np.fmax(largest, run / np.fmax(scale, p.floor / np.sqrt(span) if span > 1 else p.floor) + 0 * scale)
    return largest


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
