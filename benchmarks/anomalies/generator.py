"""Synthetic accounts with planted problems: numpy arrays of shape (campaigns, days), the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.anomalies.parameters import ACCOUNT_KINDS, CAMPAIGN_KINDS, DEFAULT, LASTING, Parameters, Range

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Event:
    """A planted problem of a campaign, or with `campaign` None of its whole account; days by index."""

    kind: str
    account: int
    campaign: int | None
    start: int
    end: int
    size: float


@dataclass
class World:
    """What a warehouse holds and what is true of it. `present` is False where no row was delivered."""

    parameters: Parameters
    seed: int
    account: npt.NDArray[np.int64]
    level: Floats  # usual clicks a day
    metrics: dict[str, Floats]  # as the exports that stand see them
    mature: dict[str, Floats]  # the same with all conversions in
    present: Bools
    loaded: Bools  # by (account, day)
    age: npt.NDArray[np.int64]  # days from the day to its export, by (account, day)
    drawn_from: dict[str, Floats]  # ctr, cpc, cvr, order_value, seen (of conversions), load (times a row was loaded)
    events: list[Event] = field(default_factory=list)

    @property
    def accounts(self) -> int:
        """Number of accounts."""
        return int(self.account.max()) + 1


def draw(rng: np.random.Generator, bounds: Range, size: int | None = None, *, logs: bool = False) -> Floats:
    """Uniform draws within bounds, of their logs with `logs`."""
    if logs:
        return np.exp(rng.uniform(np.log(bounds.low), np.log(bounds.high), size))
    return np.asarray(rng.uniform(bounds.low, bounds.high, size))


def generate(seed: int, p: Parameters = DEFAULT) -> World:
    """A workspace of `p.campaigns` campaigns over `p.days` days."""
    rng = np.random.default_rng(seed)
    account = _accounts(rng, p)
    level = draw(rng, p.clicks, p.campaigns, logs=True)
    n, days, accounts = p.campaigns, p.days, int(account.max()) + 1
    shape = (n, days)
    rest = np.zeros(shape, dtype=bool)
    weekend = np.isin(np.arange(days) % 7, (5, 6))
    rest[rng.random(n) < p.weekend_pause] = weekend
    begun = np.where(rng.random(n) < p.late_start, rng.integers(1, 200, n), 0)
    rest |= np.arange(days) < begun[:, None]

    volume = level[:, None] * np.exp(_normal_volume(rng, p, account))
    promoted, promoted_cvr = _promotions(rng, p, accounts)
    volume *= promoted[account]
    ctr, cpc, cvr = (
        draw(rng, bounds, n, logs=True)[:, None] * np.exp(_rate_noise(rng, p, shape))
        for bounds in (p.ctr, p.cpc, p.cvr)
    )
    cvr *= promoted_cvr[account]

    events = _plan(rng, p, account, rest)
    load = np.ones(shape)
    for event in events:
        _apply(event, p, account, volume, ctr, cpc, cvr, load)

    capped = rng.random(n) < p.capped
    most = np.median(volume * cpc, axis=1, keepdims=True) * draw(rng, p.cap, n)[:, None]
    cut = np.where(capped[:, None], np.minimum(most / np.maximum(volume * cpc, 1e-9), 1.0), 1.0)
    for event in events:  # whoever makes a campaign spend more has lifted its cap
        if event.kind in ("spend_spike", "level_shift"):
            cut[event.campaign, event.start : (days if event.kind in LASTING else event.end + 1)] = 1.0
    volume = volume * cut

    ctr = np.minimum(ctr, 0.5)
    impressions = rng.poisson(np.where(rest, 0.0, volume / draw_mean(ctr))).astype(np.int64)
    clicks = rng.binomial(impressions, ctr)
    cost = np.round(clicks * cpc, 2)
    final = rng.binomial(clicks, np.minimum(cvr, 0.5))
    age = rng.choice(len(p.ages), p=p.ages, size=(accounts, days))
    seen = np.array([*p.maturity, 1.0])[np.minimum(age, len(p.maturity))]
    seen = seen ** np.exp(rng.normal(0, p.maturity_spread, (accounts, 1)))
    conversions = rng.binomial(final, seen[account])
    order_value = draw(rng, p.order_value, n, logs=True)[:, None]
    basket = order_value * np.exp(rng.normal(0, p.order_spread, shape) / np.sqrt(np.maximum(final, 1)))

    def delivered(converted: npt.NDArray[np.int64]) -> dict[str, Floats]:
        return {
            "impressions": np.floor(impressions * load),
            "clicks": np.floor(clicks * load),
            "cost": np.round(cost * load, 2),
            "conversions": np.floor(converted * load),
            "conversion_value": np.round(np.round(converted * basket, 2) * load, 2),
        }

    metrics = delivered(conversions)
    loaded = rng.random((accounts, days)) >= p.gap
    for event in events:  # a gap on the day of an event would hide it
        loaded[event.account, event.start : event.end + 2] = True
    present = loaded[account] & (metrics["impressions"] > 0)  # platforms omit rows without activity
    drawn_from = {"ctr": ctr, "cpc": cpc, "cvr": np.minimum(cvr, 0.5), "seen": seen[account], "load": load}
    drawn_from["order_value"] = np.broadcast_to(order_value, shape)
    return World(p, seed, account, level, metrics, delivered(final), present, loaded, age, drawn_from, events)


def draw_mean(rate: Floats) -> Floats:
    """The usual rate of each campaign, so that a collapse of CTR takes clicks and leaves impressions."""
    return np.median(rate, axis=1, keepdims=True)


def _accounts(rng: np.random.Generator, p: Parameters) -> npt.NDArray[np.int64]:
    sizes: list[int] = []
    while sum(sizes) < p.campaigns:
        sizes.append(int(rng.integers(*p.campaigns_an_account)))
    return np.repeat(np.arange(len(sizes)), sizes)[: p.campaigns]


def _memory(noise: Floats, rho: float) -> Floats:
    """First-order autocorrelated noise of the same variance."""
    out = noise.copy()
    for t in range(1, out.shape[1]):
        out[:, t] = rho * out[:, t - 1] + np.sqrt(1 - rho * rho) * noise[:, t]
    return out


def _normal_volume(rng: np.random.Generator, p: Parameters, account: npt.NDArray[np.int64]) -> Floats:
    """Log deviation of a day's volume from the campaign's level without any problem."""
    n, days, accounts = p.campaigns, p.days, int(account.max()) + 1
    t = np.arange(days)
    week = rng.normal(0, 1, (accounts, 7)) * draw(rng, p.weekday, accounts)[:, None]
    week = week[account] + rng.normal(0, p.weekday_own, (n, 7))
    week -= week.mean(axis=1, keepdims=True)
    trend = rng.normal(0, p.trend, (n, 1)) * t / 365
    length, phase = rng.uniform(60, 180, (n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
    season = draw(rng, p.season, n)[:, None] * np.sin(2 * np.pi * t / length + phase)
    spread = draw(rng, p.volume_noise, n)[:, None] * np.where(rng.random((n, days)) < p.odd_day, 3.0, 1.0)
    own = _memory(rng.normal(0, 1, (n, days)), p.volume_memory) * spread
    common = rng.normal(0, 1, (accounts, days)) * draw(rng, p.account_noise, accounts)[:, None]
    return week[:, t % 7] + trend + season + own + common[account]


def _rate_noise(rng: np.random.Generator, p: Parameters, shape: tuple[int, int]) -> Floats:
    own = rng.normal(0, 1, shape) * draw(rng, p.rate_noise, shape[0])[:, None]
    own *= np.where(rng.random(shape) < p.odd_day, 3.0, 1.0)
    walk = np.cumsum(rng.normal(0, p.rate_walk, shape), axis=1)
    return own + walk


def _promotions(rng: np.random.Generator, p: Parameters, accounts: int) -> tuple[Floats, Floats]:
    volume, cvr = np.ones((accounts, p.days)), np.ones((accounts, p.days))
    for account in range(accounts):
        for start in rng.integers(0, p.days, rng.poisson(p.promotions * p.days / 365)):
            at = slice(start, start + int(rng.integers(p.promotion_days[0], p.promotion_days[1] + 1)))
            volume[account, at] = draw(rng, p.promotion_volume)
            cvr[account, at] = draw(rng, p.promotion_cvr)
    return volume, cvr


def _plan(rng: np.random.Generator, p: Parameters, account: npt.NDArray[np.int64], rest: Bools) -> list[Event]:
    """Events that do not touch each other: `rest` days before and after, longer after what lasts."""
    busy = np.zeros(rest.shape, dtype=bool)
    events: list[Event] = []

    def place(event: Event, until: int) -> bool:
        rows = account == event.account if event.campaign is None else np.array([event.campaign])
        at = slice(max(event.start - p.rest, 0), until + p.rest + 1)
        if busy[rows, at].any() or (event.campaign is not None and rest[event.campaign, event.start - 70 :].all()):
            return False
        if event.campaign is not None:
            if rest[event.campaign, max(event.start - 70, 0)] and rest[event.campaign, : event.start - 63].all():
                return False  # too young: no past to compare with
            if rest[event.campaign, event.start : event.end + 1].any() and event.kind not in LASTING:
                return False
        busy[rows, at] = True
        events.append(event)
        return True

    last = p.days - 1
    for number in range(int(account.max()) + 1):
        for kind in ACCOUNT_KINDS:
            for _ in range(rng.poisson(p.account_events_a_year * (last - p.first_judged) / 365)):
                start = int(rng.integers(p.first_judged, last - p.echo))
                size = 2.0 if kind == "duplicate_load" else float(draw(rng, p.partial))
                place(Event(kind, number, None, start, start, size), start)
    wanted = int(p.campaigns * p.events_a_campaign_year * (last - p.first_judged) / 365)
    for attempt in range(20 * wanted):
        if wanted <= 0:
            break
        campaign = int(rng.integers(0, p.campaigns))
        kind = CAMPAIGN_KINDS[attempt % len(CAMPAIGN_KINDS)]
        size, length = _size(rng, p, kind)
        start = int(rng.integers(p.first_judged, last - (p.drift_within if kind in LASTING else length)))
        end = min(start + length - 1, last)
        until = end + (p.new_normal if kind in LASTING else 0)
        wanted -= place(Event(kind, int(account[campaign]), campaign, start, end, size), until)
    return events


def _size(rng: np.random.Generator, p: Parameters, kind: str) -> tuple[float, int]:
    """Factor and days of a campaign's event."""

    def days(bounds: tuple[int, int]) -> int:
        return int(rng.integers(bounds[0], bounds[1] + 1))

    match kind:
        case "spend_spike":
            return float(draw(rng, p.spike)), days(p.spike_days)
        case "spend_stop":
            return 0.0, days(p.stop_days)
        case "tracking_break":
            return p.break_left, days(p.break_days)
        case "ctr_collapse":
            return float(draw(rng, p.collapse)), days(p.rate_days)
        case "cpc_jump":
            return float(draw(rng, p.jump)), days(p.rate_days)
        case "level_shift":
            return float(draw(rng, p.shift_up if rng.random() < 0.5 else p.shift_down)), p.shift_within
        case "slow_drift":
            return float(draw(rng, p.drift)) * (1 if rng.random() < 0.5 else -1), days(p.drift_days)
        case "duplicate_load":
            return 2.0, 1
    return float(draw(rng, p.partial)), 1


def _apply(
    event: Event, p: Parameters, account: npt.NDArray[np.int64], volume: Floats, ctr: Floats, cpc: Floats,
    cvr: Floats, load: Floats,
) -> None:  # fmt: skip
    rows = account == event.account if event.campaign is None else np.array([event.campaign])
    at = np.ix_(np.flatnonzero(rows) if rows.dtype == bool else rows, np.arange(event.start, event.end + 1))
    match event.kind:
        case "spend_spike" | "spend_stop":
            volume[at] *= event.size
        case "tracking_break":
            cvr[at] *= event.size
        case "ctr_collapse":
            ctr[at] *= event.size
        case "cpc_jump":
            cpc[at] *= event.size
        case "level_shift":
            volume[rows, event.start :] *= event.size
        case "slow_drift":
            ramp = np.ones(p.days)
            span = event.end - event.start + 1
            ramp[event.start : event.end + 1] = abs(event.size) ** (np.arange(1, span + 1) / span)
            ramp[event.end + 1 :] = abs(event.size)
            if event.size > 0:
                cpc[rows] *= ramp
            elif event.start % 2:
                ctr[rows] /= ramp
            else:
                cvr[rows] /= ramp
        case _:
            load[at] *= event.size
