"""Other detectors on hourly series: flags of each row, at their usual thresholds or chosen like ours (hourly_choice.py)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.anomalies import hourly, hourly_detector, nab, peers
from benchmarks.anomalies.hourly_detector import Bools, Floats, Hourly, on_grid, said_once
from benchmarks.anomalies.parameters import HOURLY_DEV_SETS, HOURLY_TEST_SETS

# name → distances of (series, hours), the usual threshold
PEERS: dict[str, tuple[Callable[[Floats], Floats], float]] = {
    "rolling z of 7 days": (partial(peers.rolling_z, window=168), 3.0),
    "Holt-Winters, a season of 24 hours": (partial(peers.holt_winters, period=24), 3.0),
    "S-H-ESD, 7 days by 24 hours": (partial(peers.s_h_esd, share=0.02, period=24, length=168), 1.0),
}
FACTORS = (0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0)
QUIET = 12  # hours, as ours: a peer that says an event every hour would pay for each


def distances(series: nab.Series, name: str) -> Floats:
    """A peer's distance of each hour of the clock."""
    logs, _ = on_grid(series)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.abs(np.nan_to_num(PEERS[name][0](np.exp(logs)[None, :])[0]))


def flags(series: nab.Series, far: Floats, threshold: float) -> Bools:
    """What of the distances is said of the rows."""
    _, hours = on_grid(series)
    return said_once(far >= threshold, QUIET)[hours]


def chosen_threshold(sets: list[list[nab.Series]], name: str) -> float:
    """The threshold with the best score on synthetic sets, as ours was chosen."""
    far = [[distances(series, name) for series in group] for group in sets]

    def mean_score(threshold: float) -> float:
        return float(
            np.mean(
                [
                    nab.score(group, [flags(s, d, threshold) for s, d in zip(group, of_group, strict=True)])[0]
                    for group, of_group in zip(sets, far, strict=True)
                ]
            )
        )

    return max((PEERS[name][1] * factor for factor in FACTORS), key=mean_score)


def at_its_best(series: list[nab.Series], far: list[Floats], near: float) -> tuple[float, float]:
    """The highest score that a threshold gives on the very series that are scored, and the threshold.

    This is how NAB has published scores come about: its optimizer takes, for each detector, the threshold with the best
    score on the corpus (github.com/numenta/NAB, nab/optimizer.py). It says what a ranking of hours is worth at most.
    """
    tried = [near * float(factor) for factor in np.geomspace(0.4, 4, 120)]
    points = [nab.score(series, [flags(s, d, z) for s, d in zip(series, far, strict=True)])[0] for z in tried]
    return max(zip(points, tried, strict=True))


def report() -> str:
    """Markdown: ours and the peers, each with what was chosen on synthetic sets, on others of them and on NAB's."""
    dev = [hourly.generate(seed) for seed in HOURLY_DEV_SETS[:10]]
    test = [hourly.generate(seed) for seed in HOURLY_TEST_SETS[:10]]
    real = nab.load()
    ours = Hourly()
    lines = [
        "| detector | z | ten unseen synthetic sets (sd) | NAB | windows | NAB, threshold chosen on it |",
        "|---|---|---|---|---|---|",
        _row("**InsightFlow**", ours.z, test, real, lambda series: ours_far(series, ours)),
    ]
    for name in PEERS:
        lines.append(_row(name, chosen_threshold(dev, name), test, real, partial(distances, name=name)))
    return "\n".join(
        [*lines, *(f"| {name}, as published | | | | | {points} |" for name, points in nab.PUBLISHED.items())]
    )


def ours_far(series: nab.Series, p: Hourly) -> Floats:
    """Our distance of each hour of the clock."""
    return np.nan_to_num(hourly_detector.distances(on_grid(series)[0], p))


def _row(
    name: str,
    threshold: float,
    test: list[list[nab.Series]],
    real: list[nab.Series],
    far: Callable[[nab.Series], Floats],
) -> str:
    scores = [nab.score(group, [flags(series, far(series), threshold) for series in group])[0] for group in test]
    of_real = [far(series) for series in real]
    points, found, windows = nab.score(real, [flags(s, d, threshold) for s, d in zip(real, of_real, strict=True)])
    best, best_threshold = at_its_best(real, of_real, threshold)
    return (
        f"| {name} | {threshold:.2f} | {np.mean(scores):.1f} ({np.std(scores):.1f}) | {points:.1f} | {found} of {windows}"
        f" | {best:.1f} at {best_threshold:.2f} |"
    )
