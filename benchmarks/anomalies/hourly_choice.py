"""Parameters of the hourly detector by the score on synthetic sets: ``python -m benchmarks.anomalies.hourly_choice``.

One parameter after the other, each at its best with the others as they stand, until a round changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.anomalies import hourly, nab
from benchmarks.anomalies.hourly_detector import Hourly, detect
from benchmarks.anomalies.parameters import HOURLY_DEV_SETS, HOURLY_TEST_SETS

CHOICES: dict[str, tuple[Any, ...]] = {
    "days": (5, 8, 14, 21, 28),
    "weeks": (0, 4, 8),
    "level": (6, 12, 24, 48, 96, 168),
    "noise": (42, 168, 336, 672, 1_000),
    "floor": (0.05, 0.10, 0.15, 0.20, 0.30),
    "z": (2.5, 2.75, 3.0, 3.25, 3.5, 4.0, 4.5, 5.0, 6.0),
    "spans": ((1,), (1, 3), (1, 6), (1, 3, 7), (1, 3, 12), (1, 6, 24)),
    "quiet": (0, 6, 12, 24, 48, 72),
}
Sets = list[list[nab.Series]]


def scores(sets: Sets, p: Hourly) -> list[float]:
    """NAB's score of each set."""
    return [nab.score(group, [detect(series, p) for series in group])[0] for group in sets]


def choose(sets: Sets, start: Hourly) -> Hourly:
    """The parameters at which no other value of one alone is better."""
    best, best_score = start, float(np.mean(scores(sets, start)))
    changed = True
    while changed:
        changed = False
        for name, values in CHOICES.items():
            for value in values:
                other = replace(best, **{name: value})
                score = float(np.mean(scores(sets, other)))
                if score > best_score + 1e-9:
                    best, best_score, changed = other, score, True
                    print(f"{name} = {value}: {score:.1f}", flush=True)
    return best


def main() -> None:
    """Choose on the development sets, from a lively and a sluggish start, and measure on the test sets."""
    dev = [hourly.generate(seed) for seed in HOURLY_DEV_SETS]
    test = [hourly.generate(seed) for seed in HOURLY_TEST_SETS]
    starts = (
        Hourly(days=14, weeks=0, level=48, noise=672, floor=0.15, z=2.75, spans=(1, 6), quiet=12),
        Hourly(days=8, weeks=8, level=14, noise=42, floor=0.20, z=5.0, spans=(1, 6), quiet=0),
    )
    chosen = [choose(dev, start) for start in starts]
    for p in sorted(chosen, key=lambda p: -float(np.mean(scores(dev, p)))):
        on_dev, on_test = scores(dev, p), scores(test, p)
        print(f"{p}: dev {np.mean(on_dev):.1f} (sd {np.std(on_dev):.1f}), test {np.mean(on_test):.1f}")


if __name__ == "__main__":
    main()
