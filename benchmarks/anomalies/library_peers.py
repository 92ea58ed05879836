"""Detectors of libraries on the same series: flags by (campaign, day), causal as the other peers.

They need packages of their own, so `distances` runs this file by the Python that ``INSIGHTFLOW_BENCH_PYTHON`` names (see
``benchmarks/README.md``), and hands it the series: ``PYTHON -m benchmarks.anomalies.library_peers IN.npz OUT.npz``.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.anomalies.generator import Floats, World
from benchmarks.anomalies.parameters import DEFAULT
from benchmarks.anomalies.peers import rolling, series

REPO = Path(__file__).parents[2]
WEEK, MONTH, TRAINING = 7, 28, 84
Series = Mapping[str, Floats]


def auto_ets(named: Series) -> Floats:
    """statsforecast: exponential smoothing with a season of a week, its parameters fitted to the last 16 weeks every fourth
    week, one week ahead; the largest distance of a metric from the forecast, in half widths of the 99 % interval."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS

    logging.getLogger("statsforecast").setLevel(logging.ERROR)
    worst = np.zeros(next(iter(named.values())).shape)
    for values in named.values():
        days = values.shape[1]
        first = days - (days - DEFAULT.first_judged) // WEEK * WEEK
        enough = np.isfinite(values[:, :first]).sum(axis=1) >= TRAINING // 2
        filled = without_holes(values)
        known = np.flatnonzero(enough & (filled.std(axis=1) > 0))
        model = StatsForecast([AutoETS(season_length=WEEK, model="ANA", alias="ets")], freq=1)
        found = model.cross_validation(
            df=_frame(filled[known], known), h=WEEK, step_size=WEEK, n_windows=(days - first) // WEEK,
            input_size=4 * MONTH, refit=4, level=[99],
        )  # fmt: skip
        campaigns, at = found["unique_id"].to_numpy(), found["ds"].to_numpy()
        half = (found["ets-hi-99"] - found["ets-lo-99"]).to_numpy() / 2
        off = np.abs(values[campaigns, at] - found["ets"].to_numpy()) / np.where(half > 0, half, np.inf)
        worst[campaigns, at] = np.fmax(worst[campaigns, at], off)
    return worst


def ecod(named: Series) -> Floats:
    """PyOD's ECOD, which has no parameters: a campaign's day as a row of metrics, against the 84 days before its week, in
    the measure of `_beyond`."""
    from pyod.models.ecod import ECOD

    metrics = np.stack([without_holes(values) for values in named.values()], axis=2)
    known = np.isfinite(named["clicks"])
    out = np.zeros(known.shape)
    for first in range(DEFAULT.first_judged, known.shape[1], WEEK):
        before, week = slice(first - TRAINING, first), slice(first, first + WEEK)
        for c in np.flatnonzero(known[:, before].sum(axis=1) >= TRAINING // 2):
            model = ECOD().fit(metrics[c, before][known[c, before]])
            out[c, week] = _beyond(model, metrics[c, week])
    return np.where(known, out, 0.0)


def isolation_forest(named: Series) -> Floats:
    """PyOD's IForest over all campaigns: metrics against their median of 28 days, as logs, and the weekday; the last 84 days of
    everybody, anew every 28 days, in the measure of `_beyond`."""
    from pyod.models.iforest import IForest

    with np.errstate(all="ignore"):
        logs = [np.log((v + 1e-9) / (np.nanmedian(rolling(v, MONTH), axis=2) + 1e-9)) for v in named.values()]
    known = np.isfinite(named["clicks"])
    weekday = np.broadcast_to(np.arange(known.shape[1]) % WEEK, known.shape)
    features = np.stack([np.clip(np.nan_to_num(values), -5, 5) for values in logs] + [weekday], axis=2)
    out = np.zeros(known.shape)
    for first in range(DEFAULT.first_judged, known.shape[1], MONTH):
        before, month = slice(first - TRAINING, first), slice(first, first + MONTH)
        model = IForest(random_state=7).fit(features[:, before][known[:, before]])
        now = known[:, month]
        out[:, month][now] = _beyond(model, features[:, month][now])
    return out


# name → distances, the usual threshold
LIBRARIES: dict[str, tuple[Callable[[Series], Floats], float]] = {
    "statsforecast, AutoETS": (auto_ets, 1.0),
    "PyOD, ECOD": (ecod, 1.0),
    "PyOD, IForest": (isolation_forest, 1.0),
}


def _beyond(model: Any, rows: Floats) -> Floats:
    """Scores from the median of those trained on: 1 is where PyOD says outlier, beyond all but a tenth of them
    (`contamination` as it comes)."""
    middle = np.median(model.decision_scores_)
    return np.asarray((model.decision_function(rows) - middle) / max(model.threshold_ - middle, 1e-9))


def without_holes(values: Floats) -> Floats:
    """What is unknown is taken from the week before, or else from the median."""
    filled = values.copy()
    for day in range(WEEK, filled.shape[1]):
        filled[:, day] = np.where(np.isfinite(filled[:, day]), filled[:, day], filled[:, day - WEEK])
    with np.errstate(all="ignore"):
        middle = np.nan_to_num(np.nanmedian(values, axis=1))
    return np.where(np.isfinite(filled), filled, middle[:, None])


def _frame(values: Floats, names: np.ndarray) -> object:
    import pandas as pd

    count, days = values.shape
    return pd.DataFrame(
        {"unique_id": np.repeat(names, days), "ds": np.tile(np.arange(days), count), "y": values.ravel()}
    )


def distances(world: World) -> dict[str, Floats]:
    """The distances of a world's campaigns and days by detector; empty where no Python with the libraries is named."""
    python = os.environ.get("INSIGHTFLOW_BENCH_PYTHON")
    if not python:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder, "series.npz"), Path(folder, "distances.npz")
        np.savez(given, **series(world))
        subprocess.run([python, "-m", __spec__.name, given, answer], cwd=REPO, check=True)
        with np.load(answer) as found:
            return {name: found[name] for name in LIBRARIES}


def main() -> None:
    """Read the series, write the distances."""
    warnings.simplefilter("ignore", RuntimeWarning)  # of days without data, and of metrics that hardly vary
    with np.load(sys.argv[1]) as named:
        given = {name: named[name] for name in named.files}
    np.savez(sys.argv[2], **{name: find(given) for name, (find, _) in LIBRARIES.items()})


if __name__ == "__main__":
    main()
