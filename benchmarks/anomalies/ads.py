"""Ads and ad groups of the synthetic campaigns, with problems of single ads.

A campaign's impressions are dealt out to its ads, which have its ratios at a level of their own; the campaign then is
the sum of its ads. The same for the same world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.anomalies.generator import Bools, Floats, World, draw
from benchmarks.anomalies.parameters import AdParameters
from benchmarks.anomalies.scoring import explained

SUMS = ("impressions", "clicks", "cost", "conversions", "conversion_value")


@dataclass(frozen=True)
class AdEvent:
    """A planted problem of one ad, days by index."""

    kind: str
    ad: int
    start: int
    end: int
    size: float


@dataclass
class Ads:
    """The ads of a world: arrays of shape (ads, days)."""

    campaign: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]  # number of the ad group, all campaigns' together
    metrics: dict[str, Floats]
    level: Floats  # usual clicks a day
    events: list[AdEvent]

    @property
    def present(self) -> Bools:
        """Where a row was delivered: platforms omit ads without impressions."""
        return self.metrics["impressions"] > 0


def with_ads(world: World, p: AdParameters | None = None) -> tuple[World, Ads]:
    """A world whose campaigns are the sums of their ads, and the ads."""
    rng, p = np.random.default_rng([world.seed, 7]), p or AdParameters()
    near, _ = explained(world)
    parts: list[dict[str, Floats]] = []
    campaigns: list[int] = []
    groups: list[int] = []
    events: list[AdEvent] = []
    for campaign in range(len(world.level)):
        count, first = int(rng.integers(p.ads[0], p.ads[1] + 1)), len(campaigns)
        of_groups = int(rng.integers(p.groups[0], min(p.groups[1], count) + 1))
        base = max(groups, default=-1) + 1
        parts.append(_split(rng, world, p, campaign, count, first, near[campaign], events))
        campaigns += [campaign] * count
        groups += [base + number % of_groups for number in range(count)]
    metrics = {name: np.concatenate([part[name] for part in parts]) for name in SUMS}
    sums = {name: np.stack([part[name].sum(axis=0) for part in parts]) for name in SUMS}
    sums |= {name: np.round(sums[name], 2) for name in ("cost", "conversion_value")}
    clicks = np.where(metrics["impressions"] > 0, metrics["clicks"], np.nan)
    with np.errstate(all="ignore"):
        level = np.nan_to_num(np.nanmean(clicks, axis=1)) if len(clicks) else np.zeros(0)
    ads = Ads(np.array(campaigns), np.array(groups), metrics, level, events)
    return replace(world, metrics=sums, present=world.present & (sums["impressions"] > 0)), ads


def _split(
    rng: np.random.Generator, world: World, p: AdParameters, campaign: int, count: int, first: int, near: Bools,
    events: list[AdEvent],
) -> dict[str, Floats]:  # fmt: skip
    """The sums of each ad of a campaign, (ads, days); planted problems are put on the list."""
    days = world.parameters.days
    of_campaign = {name: values[campaign] for name, values in world.drawn_from.items()}
    load = of_campaign["load"]
    delivered = world.metrics["impressions"][campaign]
    whole = np.where(load > 0, np.ceil(delivered / load), 0.0)  # as they were before the load's fault
    share = _shares(rng, p, count, days)
    impressions = rng.multinomial(whole.astype(np.int64), share.T).T

    begun = (impressions > 0).argmax(axis=1)
    wear, left = np.ones((count, days)), np.ones((count, days))
    for ad in np.flatnonzero(rng.random(count) < p.wears):
        wear[ad] = np.exp(-float(draw(rng, p.wear)) * np.maximum(np.arange(days) - begun[ad], 0)).clip(p.worn_out)
    usual = impressions.mean(axis=1) * np.median(of_campaign["ctr"])
    for number in range(count):
        for event in _plan(rng, world, p, first + number, float(usual[number]), impressions[number] > 0, near):
            at = slice(event.start, event.end + 1)
            (left if event.kind == "tracking_break" else wear)[number, at] *= event.size
            near[max(event.start - 1, 0) : event.end + world.parameters.echo + 1] = True
            events.append(event)

    def own(spread: float) -> Floats:
        noise = rng.normal(0, 1, (count, days)) * draw(rng, p.rate_noise, count)[:, None]
        return np.asarray(np.exp(rng.normal(0, spread, (count, 1)) + noise))

    clicks = rng.binomial(impressions, np.minimum(of_campaign["ctr"] * own(p.own_ctr) * wear, 0.5))
    cost = clicks * of_campaign["cpc"] * own(p.own_cpc)
    final = rng.binomial(clicks, np.minimum(of_campaign["cvr"] * own(p.own_cvr) * left, 0.5))
    seen = rng.binomial(final, of_campaign["seen"])
    spread = rng.normal(0, world.parameters.order_spread, (count, days)) / np.sqrt(np.maximum(final, 1))
    value = seen * of_campaign["order_value"] * np.exp(spread)
    return {
        "impressions": np.floor(impressions * load),
        "clicks": np.floor(clicks * load),
        "cost": np.round(np.round(cost, 2) * load, 2),
        "conversions": np.floor(seen * load),
        "conversion_value": np.round(np.round(value, 2) * load, 2),
    }


def _shares(rng: np.random.Generator, p: AdParameters, count: int, days: int) -> Floats:
    """What part of a campaign each ad gets, by day: its own level, days that remember, and moves for good."""
    own = rng.normal(0, p.own_share, (count, 1))
    noise = rng.normal(0, 1, (count, days)) * draw(rng, p.share_noise, count)[:, None]
    for t in range(1, days):
        noise[:, t] = p.share_memory * noise[:, t - 1] + np.sqrt(1 - p.share_memory**2) * noise[:, t]
    moves = np.where(rng.random((count, days)) < p.moved, rng.normal(0, p.moved_by, (count, days)), 0.0)
    weight = np.exp(own + noise + np.clip(np.cumsum(moves, axis=1), -2.5, 2.5))
    starts = np.where(rng.random(count) < p.late, rng.integers(1, days // 2, count), 0)
    starts[0] = 0
    weight *= np.arange(days) >= starts[:, None]
    return np.asarray(weight / weight.sum(axis=0))


def _plan(
    rng: np.random.Generator, world: World, p: AdParameters, ad: int, usual: float, active: Bools, near: Bools
) -> list[AdEvent]:
    """Problems of an ad on days on which nothing else is planted on its campaign, and which have a past."""
    q = world.parameters
    if usual < p.least_clicks:
        return []
    out: list[AdEvent] = []
    busy = near.copy()
    for _ in range(rng.poisson(p.events_an_ad_year * (q.days - q.first_judged) / 365)):
        kind = ("tracking_break", "ctr_collapse")[int(rng.integers(2))]
        low, high = p.break_days if kind == "tracking_break" else p.collapse_days
        start = int(rng.integers(q.first_judged, q.days - q.echo))
        end = start + int(rng.integers(low, high + 1)) - 1
        around = slice(max(start - q.rest, 0), end + q.rest + 1)
        if busy[around].any() or active[start - 56 : start].sum() < 42 or not active[start : end + 1].all():
            continue
        busy[around] = True
        size = p.break_left if kind == "tracking_break" else float(draw(rng, p.collapse))
        out.append(AdEvent(kind, ad, start, end, size))
    return out
