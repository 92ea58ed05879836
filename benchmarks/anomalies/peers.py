"""Other detectors, from their documented rules, on the same series: flags by (campaign, day).

All are causal and judge the metrics one by one. They are given more than the product: a calendar that fills days
without activity with zeros, no days that never loaded, and conversions that are all in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.anomalies.generator import Bools, Floats, World

if TYPE_CHECKING:  # the environment of library_peers has no engine
    from benchmarks.anomalies.engine import Engine

METRICS = ("clicks", "cost", "conversions", "ctr", "cpc", "cvr", "cpa", "roi")


def filled(world: World) -> tuple[dict[str, Floats], Bools]:
    """The additive metrics with zeros on silent days, and the days on which a campaign is expected."""
    begun = np.maximum.accumulate(world.present, axis=1)
    known = begun & world.loaded[world.account]
    return {name: np.where(world.present, values, 0.0) for name, values in world.mature.items()}, known


def series(world: World) -> dict[str, Floats]:
    """What a peer looks at: volumes and ratios, nan where there is nothing to divide by or no data."""
    m, known = filled(world)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {
            "ctr": m["clicks"] / m["impressions"],
            "cpc": m["cost"] / m["clicks"],
            "cvr": m["conversions"] / m["clicks"],
            "cpa": m["cost"] / m["conversions"],
            "roi": (m["conversion_value"] - m["cost"]) / m["cost"],
        }
    all_of_them = {name: m[name] for name in ("clicks", "cost", "conversions")} | ratios
    return {name: np.where(known & np.isfinite(v), v, np.nan) for name, v in all_of_them.items()}


def reference(world: World, engine: Engine, threshold: float = 3.5) -> Bools:
    """The count-aware z that this detector grew from: reference.sql as it was written."""
    m, known = filled(world)
    c, d = np.nonzero(known)
    columns = {"campaign_id": c, "d": d.astype("datetime64[D]")} | {
        name: m[source][c, d]
        for name, source in (
            ("impressions", "impressions"), ("clicks", "clicks"), ("cost", "cost"),
            ("conversions", "conversions"), ("revenue", "conversion_value"),
        )
    }  # fmt: skip
    engine.put("daily", columns, ["UInt32", "Date", *["Float64"] * 5], "(campaign_id, d)")
    sql = (Path(__file__).parent / "reference.sql").read_text()
    rows = engine.rows(
        f"SELECT campaign_id AS c, toInt32(d) AS d FROM ({sql}) WHERE abs(z) >= {threshold} GROUP BY c, d"
    )
    flags = np.zeros(world.present.shape, dtype=bool)
    flags[rows["c"].to_numpy(), rows["d"].to_numpy()] = True
    return flags


def rolling(values: Floats, days: int, *, with_today: bool = False) -> Floats:
    """The window of `days` days before each day (or ending on it): shape (series, days, window), nan before the start."""
    padded = np.pad(values, ((0, 0), (days, 0)), constant_values=np.nan)
    views = np.lib.stride_tricks.sliding_window_view(padded, days, axis=1)
    return views[:, 1:] if with_today else views[:, :-1]


def _z(values: Floats, window: Floats, least: int) -> Floats:
    mean, sd = np.nanmean(window, axis=2), np.nanstd(window, axis=2, ddof=1)
    enough = np.isfinite(window).sum(axis=2) >= least
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(enough & (sd > 0), (values - mean) / sd, 0.0)


def rolling_z(values: Floats, window: int = 28) -> Floats:
    """Distance from the mean of 28 days in standard deviations."""
    return _z(values, rolling(values, window), window // 2)


def window_with_the_day(values: Floats) -> Floats:
    """The same over 30 days that hold the day itself."""
    return _z(values, rolling(values, 30, with_today=True), 14)


def rolling_mad(values: Floats, days: int = 28) -> Floats:
    """Distance from the median of 28 days in scaled median absolute deviations."""
    window = rolling(values, days)
    return _mad(values, window, 14)


def _mad(values: Floats, window: Floats, least: int) -> Floats:
    middle = np.nanmedian(window, axis=2)
    spread = 1.4826 * np.nanmedian(np.abs(window - middle[:, :, None]), axis=2)
    enough = np.isfinite(window).sum(axis=2) >= least
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(enough & (spread > 0), (values - middle) / spread, 0.0)


def weekday_mad(values: Floats) -> Floats:
    """The same against the eight last days of the same weekday."""
    return _mad(values, rolling(values, 56)[:, :, ::7], 4)


def elementary(values: Floats) -> Floats:
    """elementary's anomaly tests: z of 14 days of training, sensitivity 3, at least 7 values."""
    return _z(values, rolling(values, 14), 7)


def elementary_weekday(values: Floats) -> Floats:
    """elementary with `seasonality: day_of_week`: its training period times seven, the same weekday of it."""
    return _z(values, rolling(values, 98)[:, :, ::7], 7)


def holt_winters(
    values: Floats, alpha: float = 0.2, beta: float = 0.01, gamma: float = 0.15, period: int = 7
) -> Floats:
    """One-step residuals of additive Holt-Winters with a season (a week of days), over their standard deviation of six."""
    n, days = values.shape
    start = np.nan_to_num(np.nanmean(values[:, : 4 * period], axis=1))
    level, slope = start.copy(), np.zeros(n)
    season = np.zeros((n, period))
    residual = np.full(values.shape, np.nan)
    for t in range(days):
        seen = np.isfinite(values[:, t])
        s = t % period
        x = np.where(seen, values[:, t], level + slope + season[:, s])
        residual[:, t] = np.where(seen, x - (level + slope + season[:, s]), np.nan)
        new = alpha * (x - season[:, s]) + (1 - alpha) * (level + slope)
        slope = beta * (new - level) + (1 - beta) * slope
        season[:, s] = gamma * (x - new) + (1 - gamma) * season[:, s]
        level = new
    spread = np.nanstd(rolling(residual, 6 * period), axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, np.nan_to_num(residual) / spread, 0.0)


def s_h_esd(values: Floats, share: float = 0.10, period: int = 7, length: int = 56) -> Floats:
    """Twitter's S-H-ESD over the 56 days up to the day: weekday medians and the median taken out, then a generalized
    ESD test with median and MAD. The answer is the day's own statistic over the critical value of its turn."""
    from scipy.stats import t as student

    window = rolling(values, length, with_today=True)
    out = np.zeros(values.shape)
    for first in range(0, len(values), 50):  # in parts: the windows take memory
        w = np.array(window[first : first + 50])
        w -= np.nanmedian(w, axis=2, keepdims=True)
        for k in range(period):
            w[:, :, k::period] -= np.nanmedian(w[:, :, k::period], axis=2, keepdims=True)
        n = np.isfinite(w).sum(axis=2)
        found = np.zeros(w.shape[:2])
        for turn in range(int(length * share)):
            middle = np.nanmedian(w, axis=2, keepdims=True)
            spread = 1.4826 * np.nanmedian(np.abs(w - middle), axis=2)
            with np.errstate(divide="ignore", invalid="ignore"):
                r = np.abs(w - middle) / spread[:, :, None]
            r = np.where(np.isfinite(r), r, -1.0)
            left = np.maximum(n - turn, 4)
            tail = student.ppf(1 - 0.05 / (2 * left), left - 2)
            critical = (left - 1) * tail / np.sqrt((left - 2 + tail**2) * left)
            at = r.argmax(axis=2)
            worst = np.take_along_axis(r, at[:, :, None], axis=2)[:, :, 0]
            is_today = (at == w.shape[2] - 1) & (worst > critical) & (n >= length // 2)
            found = np.maximum(found, np.where(is_today, worst / critical, 0.0))
            np.put_along_axis(w, at[:, :, None], np.nan, axis=2)
        out[first : first + 50] = found
    return out


# name → distance of each value, the usual threshold, metrics
PEERS: dict[str, tuple[Callable[[Floats], Floats], float]] = {
    "30-day z with the day in its window": (window_with_the_day, 2.5),
    "rolling 28-day z": (rolling_z, 3.0),
    "rolling 28-day MAD": (rolling_mad, 3.5),
    "same-weekday MAD, 8 weeks": (weekday_mad, 3.5),
    "elementary": (elementary, 3.0),
    "elementary, day_of_week": (elementary_weekday, 3.0),
    "Holt-Winters": (holt_winters, 3.0),
    "S-H-ESD": (s_h_esd, 1.0),
}


def distances(world: World, name: str) -> Floats:
    """The largest distance of any metric by (campaign, day)."""
    with np.errstate(all="ignore"):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            parts = [np.abs(np.nan_to_num(PEERS[name][0](v))) for v in series(world).values()]
    return np.max(parts, axis=0)
