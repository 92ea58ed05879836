"""Which problems are planted, where, and what each does to a campaign's numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from include.samples.catalog import ACCOUNTS, Account, Floats, Ints
from include.samples.profile import Profile
from include.samples.truth import Problem

QUIET_DAYS = 35  # nothing is planted before: a detector needs a past to compare with
ZERO_ROWS, NO_ROWS = 1, 2
SPIKE, SHIFT, JUMP, COLLAPSE, DRIFT, PARTIAL = 2.8, 1.9, 2.2, 0.35, 0.8, 0.45
_METRIC = {
    "spend_spike": ("cost", "up", "cost"),
    "spend_stop": ("cost", "down", "conversion_value"),
    "tracking_break": ("conversions", "down", "conversion_value"),
    "ctr_collapse": ("ctr", "down", "conversion_value"),
    "cpc_jump": ("cpc", "up", "cost"),
    "level_shift": ("cost", "up", "cost"),
    "slow_drift": ("cpc", "up", "cost"),
    "duplicate_load": ("cost", "up", "cost"),
    "partial_load": ("cost", "down", "cost"),
}
KINDS = tuple(_METRIC)
_CAMPAIGN_KINDS = KINDS[:7]


@dataclass(frozen=True)
class Plan:
    """A problem to plant: days by index; `campaign` is a rank by size, None means the whole account."""

    kind: str
    account: int
    campaign: int | None
    start: int
    end: int
    omit_rows: bool = False


class Effects:
    """What the plans do to one account: factors of shape (days, campaigns), 1 where nothing happens."""

    def __init__(self, days: int, campaigns: int) -> None:
        shape = (days, campaigns)
        self.volume: Floats = np.ones(shape)
        self.ctr: Floats = np.ones(shape)
        self.cpc: Floats = np.ones(shape)
        self.cvr: Floats = np.ones(shape)
        self.load: Floats = np.ones(shape)
        self.gone: Ints = np.zeros(shape, dtype=np.int64)

    def apply(self, plan: Plan) -> None:
        """Plant one problem."""
        at = (slice(plan.start, plan.end + 1), slice(None) if plan.campaign is None else plan.campaign)
        if plan.kind == "spend_spike":
            self.volume[at] *= SPIKE
            self.cvr[at] *= 0.6
        elif plan.kind == "spend_stop":
            self.gone[at] = NO_ROWS if plan.omit_rows else ZERO_ROWS
        elif plan.kind == "tracking_break":
            self.cvr[at] = 0.0
        elif plan.kind == "ctr_collapse":
            self.ctr[at] *= COLLAPSE
        elif plan.kind == "cpc_jump":
            self.cpc[at] *= JUMP
            self.volume[at] *= 0.8
        elif plan.kind == "level_shift":
            self.volume[at] *= SHIFT
        elif plan.kind == "slow_drift":
            ramp = DRIFT * np.arange(1, plan.end - plan.start + 2) / (plan.end - plan.start + 1)
            self.cpc[at] *= 1 + ramp
            self.cpc[plan.end + 1 :, at[1]] *= 1 + DRIFT  # and it stays there
        elif plan.kind == "duplicate_load":
            self.load[at] *= 2.0
        elif plan.kind == "partial_load":
            self.load[at] *= PARTIAL
        else:
            raise ValueError(f"unknown kind of problem: {plan.kind}")


def make_plans(profile: Profile) -> list[Plan]:
    """The problems of a profile: the named ones where they fit, and in big sets random ones beside."""
    if not profile.problems:
        return []
    last = profile.days - 1
    plans = [p for p in _named(last) if _fits(p, profile)]
    return plans + _random(profile, plans)


def _named(last: int) -> list[Plan]:
    """The demo's problems, counted back from the last day. The first five fall on the last three days."""
    google_us, google_uk, meta_de, meta_us, partners = range(5)
    return [
        Plan("tracking_break", google_us, 0, last - 1, last),
        Plan("spend_stop", google_uk, 1, last - 1, last, omit_rows=True),
        Plan("spend_spike", meta_de, 1, last, last),
        Plan("ctr_collapse", google_us, 1, last, last),
        Plan("cpc_jump", meta_us, 0, last - 2, last - 1),
        Plan("spend_spike", meta_us, 1, last - 75, last - 75),
        Plan("spend_stop", google_us, 3, last - 71, last - 69),
        Plan("duplicate_load", partners, None, last - 64, last - 64),
        Plan("level_shift", meta_de, 2, last - 55, last),
        Plan("slow_drift", meta_us, 2, last - 59, last - 30),
        Plan("partial_load", google_uk, None, last - 47, last - 47),
        Plan("ctr_collapse", google_uk, 0, last - 37, last - 36),
        Plan("tracking_break", partners, 1, last - 31, last - 29),
        Plan("cpc_jump", google_us, 2, last - 24, last - 22),
    ]


def _fits(plan: Plan, profile: Profile) -> bool:
    size = profile.campaigns[plan.account]
    enough = size > 0 if plan.campaign is None else size > plan.campaign
    return enough and plan.start >= QUIET_DAYS


def _random(profile: Profile, plans: Sequence[Plan]) -> list[Plan]:
    """For big sets: about one problem in 250 campaign-days, never two on a campaign within a week."""
    last = profile.days - 1
    room = last - 12 - QUIET_DAYS  # starts; the last days belong to the named problems
    wanted = sum(profile.campaigns) * max(room, 0) // 250 - len(plans)
    if wanted <= 0:
        return []
    rng = np.random.default_rng([profile.seed, 99])
    busy = [np.zeros((profile.days, n), dtype=bool) for n in profile.campaigns]
    for p in plans:
        _block(busy, p, last)
    found: list[Plan] = []
    for account, size in enumerate(profile.campaigns):
        for kind in ("duplicate_load", "partial_load") if size else ():
            for day in rng.integers(QUIET_DAYS, QUIET_DAYS + room, profile.days // 90).tolist():
                if not busy[account][day].any():
                    found.append(Plan(kind, account, None, day, day))
                    _block(busy, found[-1], last)
    length = {"level_shift": 0, "slow_drift": 28}
    for attempt in range(wanted * 4):
        if len(found) >= wanted:
            break
        kind = _CAMPAIGN_KINDS[attempt % len(_CAMPAIGN_KINDS)]
        account = int(rng.choice(5, p=np.array(profile.campaigns) / sum(profile.campaigns)))
        campaign = int(rng.integers(0, profile.campaigns[account]))
        start = int(rng.integers(QUIET_DAYS, QUIET_DAYS + room))
        end = start + length.get(kind, int(rng.integers(1, 4))) - (kind not in length)
        end = last if kind == "level_shift" else end
        held = last if kind == "slow_drift" else end  # a drift stays where it came to
        if end > last - 9 and kind != "level_shift":
            continue
        if not busy[account][start : held + 1, campaign].any():
            omit = bool(attempt % 2) or not ACCOUNTS[account].lists_zeros
            found.append(Plan(kind, account, campaign, start, end, omit_rows=omit))
            _block(busy, found[-1], last)
    return found


def _block(busy: list[NDArray[np.bool_]], plan: Plan, last: int) -> None:
    end = last if plan.kind == "slow_drift" else plan.end
    rows = slice(max(plan.start - 7, 0), end + 8)
    busy[plan.account][rows, slice(None) if plan.campaign is None else plan.campaign] = True


def describe(plan: Plan, profile: Profile, account: Account, clicks: Floats, name: str | None) -> Problem:
    """The truth of a plan. `clicks` is what was to be expected by (day, campaign) without any problem."""
    spec = account.spec
    days = slice(plan.start, plan.end + 1)
    columns = np.arange(account.size) if plan.campaign is None else np.array([plan.campaign])
    part = clicks[days, columns]
    cost = float((part * account.cpc[columns]).sum())
    value = float((part * account.cvr[columns] * account.aov[columns]).sum())
    money, what = _story(plan, cost, value, float(part.sum()) / (plan.end - plan.start + 1))
    metric, direction, money_of = _METRIC[plan.kind]
    start, end = profile.day(plan.start), profile.day(plan.end)
    return Problem(
        kind=plan.kind,
        platform=spec.source,
        account_id=spec.account_id,
        account_name=spec.account_name,
        campaign_id=None if plan.campaign is None else account.ids[plan.campaign],
        campaign_name=name,
        date_start=start,
        date_end=end,
        metric=metric,
        direction=direction,
        note=f"{name or spec.account_name}: {what} ({_span(start, end)}).",
        money_at_stake=f"{money:.2f}",
        money_of=money_of,
        currency=spec.currency,
    )


def _span(start: date, end: date) -> str:
    return start.isoformat() if start == end else f"{start} to {end}"


def _story(plan: Plan, cost: float, value: float, clicks: float) -> tuple[float, str]:
    """Money at stake and a plain sentence, from the expected cost, value and clicks a day."""
    days = plan.end - plan.start + 1
    ramp = DRIFT * (days + 1) / days / 2
    stories: dict[str, tuple[float, str]] = {
        "spend_spike": (
            cost * (SPIKE - 1),
            f"spend about {SPIKE} times the usual, value does not follow",
        ),
        "spend_stop": (value, f"no spend at all ({'no rows' if plan.omit_rows else 'rows with zeros'})"),
        "tracking_break": (value, f"no conversions while about {clicks:,.0f} clicks a day go on"),
        "ctr_collapse": (value * (1 - COLLAPSE), f"click rate down to about {COLLAPSE:.0%} of the usual"),
        "cpc_jump": (cost * 0.8 * (JUMP - 1), f"a click costs about {JUMP} times the usual"),
        "level_shift": (cost * (SHIFT - 1), f"spend stays at about {SHIFT} times the former level"),
        "slow_drift": (cost * ramp, f"the price of a click creeps up by {DRIFT:.0%} in {days} days"),
        "duplicate_load": (cost, "all metrics of the account doubled, as if a file had been loaded twice"),
        "partial_load": (cost * (1 - PARTIAL), f"only about {PARTIAL:.0%} of the account's numbers arrived"),
    }
    return stories[plan.kind]
