"""All parameters of the synthetic accounts, in one place. Nothing here is tuned to a detector."""

from __future__ import annotations

from dataclasses import dataclass

DEV_SEEDS = (11, 12, 13)
TEST_SEEDS = (101, 102, 103, 104, 105)
HOURLY_DEV_SETS = tuple(range(1, 41))
HOURLY_TEST_SETS = tuple(range(201, 241))

CAMPAIGN_KINDS = (
    "spend_spike", "spend_stop", "tracking_break", "ctr_collapse", "cpc_jump",
    "level_shift", "slow_drift", "duplicate_load", "partial_load",
)  # fmt: skip
ACCOUNT_KINDS = ("duplicate_load", "partial_load")
LASTING = ("level_shift", "slow_drift")
KINDS = CAMPAIGN_KINDS

# Campaigns by usual clicks a day: from, below.
TIERS = {"all": (0.0, 1e12), ">= 200": (200.0, 1e12), "20-200": (20.0, 200.0), "< 20": (0.0, 20.0)}


@dataclass(frozen=True)
class Range:
    """Bounds of a uniform draw."""

    low: float
    high: float


@dataclass(frozen=True)
class Parameters:
    """What a synthetic workspace is like. Noise is a standard deviation of logs, probabilities are by day."""

    campaigns: int = 300
    days: int = 420
    first_judged: int = 84  # before it nothing is planted and nothing is scored
    campaigns_an_account: tuple[int, int] = (4, 30)
    clicks: Range = Range(1.0, 10_000.0)  # a day, log-uniform
    # what is normal
    weekday: Range = Range(0.02, 0.30)  # spread of weekdays' log levels, by account
    weekday_own: float = 0.05  # a campaign's own part of it
    trend: float = 0.25  # sd of the log change over a year
    season: Range = Range(0.0, 0.12)  # log amplitude of waves of 60 to 180 days
    volume_noise: Range = Range(0.05, 0.20)
    volume_memory: float = 0.35  # correlation of a day's noise with the day before's
    account_noise: Range = Range(0.02, 0.08)  # the part of a day's noise that an account's campaigns share
    rate_noise: Range = Range(0.02, 0.09)  # of CTR, CPC and CVR each
    rate_walk: float = 0.005  # a day's step of the slow walk of CTR, CPC and CVR
    odd_day: float = 0.002  # days with three times the noise
    promotions: int = 3  # an account and year; nobody tells the detector
    promotion_days: tuple[int, int] = (1, 3)
    promotion_volume: Range = Range(1.15, 1.6)
    promotion_cvr: Range = Range(1.0, 1.2)
    capped: float = 0.30  # share of campaigns with a daily budget that cuts good days
    cap: Range = Range(0.9, 1.4)  # of the usual spend
    weekend_pause: float = 0.08  # share of campaigns that rest on Saturday and Sunday
    late_start: float = 0.10  # share of campaigns that begin within the first 200 days
    gap: float = 0.004  # an account's day that never loads
    ctr: Range = Range(0.004, 0.09)
    cpc: Range = Range(0.25, 3.0)
    cvr: Range = Range(0.008, 0.06)
    order_value: Range = Range(25.0, 140.0)
    order_spread: float = 0.5  # sd of log order values
    # what an export sees of the conversions after 0, 1, 2, … days; accounts differ by `maturity_spread`
    maturity: tuple[float, ...] = (0.80, 0.92, 0.97, 0.99)
    maturity_spread: float = 0.0
    ages: tuple[float, ...] = (0.25, 0.25, 0.15, 0.10, 0.25)  # how often a day stands at age 0, 1, 2, 3, 4 and more
    # what is planted
    events_a_campaign_year: float = 3.3
    account_events_a_year: float = 1.4  # of each kind
    rest: int = 12  # undisturbed days between events of a campaign
    spike: Range = Range(1.8, 4.0)
    spike_days: tuple[int, int] = (1, 2)
    stop_days: tuple[int, int] = (1, 4)
    break_days: tuple[int, int] = (1, 5)
    break_left: float = 0.02  # of the conversions
    collapse: Range = Range(0.30, 0.60)
    jump: Range = Range(1.5, 2.6)
    rate_days: tuple[int, int] = (1, 4)
    shift_up: Range = Range(1.55, 2.4)
    shift_down: Range = Range(0.33, 0.62)
    drift: Range = Range(1.6, 2.4)  # CPC by it, CTR or CVR by one over it
    drift_days: tuple[int, int] = (18, 28)
    partial: Range = Range(0.2, 0.6)
    # how a detector is scored, in days
    grace: int = 1  # a flag so late after the last day of an event still finds it
    shift_within: int = 14
    drift_within: int = 21
    echo: int = 7  # flags so late after an event are neither right nor wrong
    new_normal: int = 28  # the same after the start of a shift or the end of a drift


DEFAULT = Parameters()


@dataclass(frozen=True)
class AdParameters:
    """What ads are like. Nothing here is tuned to a detector."""

    ads: tuple[int, int] = (1, 6)  # a campaign
    groups: tuple[int, int] = (1, 3)
    own_share: float = 0.8  # sd of the log of an ad's usual share
    share_noise: Range = Range(0.05, 0.30)  # sd of the log of its day's share, with memory
    share_memory: float = 0.8
    moved: float = 0.004  # a day on which the platform gives an ad another share for good
    moved_by: float = 0.7  # sd of the log of it
    own_ctr: float = 0.25  # sd of the log of an ad's own ratios over its campaign's
    own_cpc: float = 0.15
    own_cvr: float = 0.20
    rate_noise: Range = Range(0.02, 0.06)  # of its CTR and CVR, day by day, beside its campaign's
    late: float = 0.3  # share of ads that begin later than their campaign
    wears: float = 0.3  # share of ads that are clicked ever less
    wear: Range = Range(0.003, 0.012)  # of the log of CTR a day
    worn_out: float = 0.5  # CTR falls no lower
    events_an_ad_year: float = 1.5
    least_clicks: float = 30.0  # a usual day's clicks of an ad that something is planted on
    break_left: float = 0.02
    break_days: tuple[int, int] = (1, 5)
    collapse: Range = Range(0.30, 0.60)
    collapse_days: tuple[int, int] = (1, 4)


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
    up: float = 0.85  # chance that it goes up
    # Labels are set by people who look at a plot: what they label lies beyond nearly all ordinary prices of the week before
    # and the week after, by a tenth. The share of these, by kind.
    beyond: tuple[float, float, float] = (1.0, 0.99, 0.90)  # point, burst, level
    point: Range = Range(1.6, 8.0)  # factor up, or one over it down
    point_hours: tuple[int, int] = (1, 3)
    burst: Range = Range(1.4, 3.0)
    burst_hours: tuple[int, int] = (4, 36)
    level: Range = Range(1.4, 2.2)
    erratic: Range = Range(2.5, 5.0)  # times the noise
    erratic_hours: tuple[int, int] = (12, 48)
