"""The ad-exchange series of the Numenta Anomaly Benchmark, and its scoring with the standard profile.

Rules: github.com/numenta/NAB, nab/sweeper.py and nab/scorer.py. A detection in a labelled window counts once, the
earlier the more; one outside costs 0.11, less when it is just behind a window; a missed window costs 1. The first 15 %
of a series are not scored. 100 is perfect, 0 a detector that says nothing.
"""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).parent / "nab"
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = 1.0, 0.11, 1.0
PROBATION = 0.15
# Published results of the standard profile on these series, by NAB's own scoring.
PUBLISHED = {
    "numenta": 76.9,
    "ARTime": 75.1,
    "contextOSE": 72.0,
    "random cut forest": 62.8,
    "Twitter ADVec": 49.6,
}


@dataclass(frozen=True)
class Series:
    """One file: hours in order, values, and labelled windows as first and last index."""

    name: str
    times: npt.NDArray[np.datetime64]
    values: npt.NDArray[np.float64]
    windows: list[tuple[int, int]]

    @property
    def probation(self) -> int:
        """Points at the start that are not scored."""
        return math.floor(PROBATION * min(len(self.values), 5000))


def load(folder: Path = FOLDER) -> list[Series]:
    """All series with their windows."""
    windows = json.loads((folder / "windows.json").read_text())
    out = []
    for path in sorted(folder.glob("*.csv")):
        rows = list(csv.DictReader(path.open()))
        times = np.array([datetime.fromisoformat(r["timestamp"]) for r in rows], dtype="datetime64[s]")
        spans = []
        for first, last in windows[path.name]:
            start, end = (np.datetime64(datetime.fromisoformat(t), "s") for t in (first, last))
            spans.append((int(np.searchsorted(times, start)), int(np.searchsorted(times, end))))
        out.append(Series(path.name, times, np.array([float(r["value"]) for r in rows]), spans))
    return out


def sigmoid(position: float) -> float:
    """NAB's scaled sigmoid: −1 is the start of a window, 0 its end."""
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


def raw_score(series: Series, flags: npt.NDArray[np.bool_]) -> tuple[float, int]:
    """Sum of the weights of one series, and the windows that were found."""
    total, found = 0.0, 0
    windows = [w for w in series.windows if w[1] >= series.probation]
    for first, last in windows:
        hits = [i for i in np.flatnonzero(flags[first : last + 1]) + first if i >= series.probation]
        if hits:
            found += 1
            position = -(last - hits[0] + 1) / (last - first + 1)
            total += sigmoid(position) * TRUE_POSITIVE / sigmoid(-1.0)
        else:
            total -= FALSE_NEGATIVE
    inside = np.zeros(len(flags), dtype=bool)
    for first, last in series.windows:
        inside[first : last + 1] = True
    for i in np.flatnonzero(flags & ~inside):
        if i < series.probation:
            continue
        before = [w for w in series.windows if w[1] < i]
        if before:
            first, last = before[-1]
            total += sigmoid((i - last) / max(last - first, 1)) * FALSE_POSITIVE
        else:
            total -= FALSE_POSITIVE
    return total, found


def score(all_series: list[Series], flags: list[npt.NDArray[np.bool_]]) -> tuple[float, int, int]:
    """The normalized score over all series, the windows found, and their number."""
    windows = sum(len([w for w in s.windows if w[1] >= s.probation]) for s in all_series)
    parts = [raw_score(s, f) for s, f in zip(all_series, flags, strict=True)]
    null, perfect = -FALSE_NEGATIVE * windows, TRUE_POSITIVE * windows
    return 100 * (sum(p[0] for p in parts) - null) / (perfect - null), sum(p[1] for p in parts), windows
