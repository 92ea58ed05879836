"""The numbers: what is expected of each campaign and day, noise, and what an export of some age sees."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.samples.catalog import Account, Floats, Ints
from include.samples.problems import NO_ROWS, Effects
from include.samples.profile import Profile

MATURITY = (0.80, 0.92, 0.97, 0.99, 1.00)
"""Share of the final conversions that an export sees at age 0, 1, 2, ... days."""

_CREDIT = (0.0, 0.0, 0.0, 1 / 2, 1 / 3, 2 / 3, 1 / 4, 1 / 6)  # attribution shares conversions out


@dataclass(frozen=True)
class Block:
    """The rows of one day in one file; arrays run in parallel.

    `campaign` and `part` are indexes into the account's campaigns and its parts (devices or ads).
    Cost and value are cents, conversions are counted in units of 10^-conversion_decimals.
    """

    day: date
    campaign: Ints
    part: Ints
    impressions: Ints
    clicks: Ints
    cost: Ints
    conversions: Ints
    value: Ints


def expected_clicks(account: Account, profile: Profile) -> Floats:
    """Clicks by (day, campaign) from level, weekday, trend and a slow season."""
    t = np.arange(profile.days)[:, None]
    weekday = (profile.first_day.weekday() + t[:, 0]) % 7
    slow = np.exp(account.trend * t + 0.05 * np.sin(2 * np.pi * t / 90 + account.season))
    clicks: Floats = account.level * account.week[weekday] * slow
    return clicks


class Series:
    """Final campaign totals of an account by (day, campaign), drawn once."""

    def __init__(self, account: Account, profile: Profile, effects: Effects, clicks: Floats) -> None:
        self.account, self.profile, self.gone = account, profile, effects.gone
        rng = np.random.default_rng([profile.seed, account.index, 1])
        shape = clicks.shape
        level = clicks * effects.volume * rng.gamma(account.noise**-2, account.noise**2, shape)
        impressions = rng.poisson(level / account.ctr * np.exp(rng.normal(0, 0.03, shape)))
        ctr = np.minimum(account.ctr * effects.ctr * np.exp(rng.normal(0, 0.03, shape)), 0.9)
        n_clicks = rng.binomial(impressions, ctr)
        cpc = account.cpc * effects.cpc * np.exp(rng.normal(0, 0.04, shape))
        cvr = np.minimum(account.cvr * effects.cvr * np.exp(rng.normal(0, 0.04, shape)), 0.9)
        orders = rng.binomial(n_clicks, cvr)
        basket = account.aov * np.exp(rng.normal(0, 1, shape) * 0.35 / np.sqrt(np.maximum(orders, 1)))
        load = np.where(effects.gone > 0, 0.0, effects.load)
        self.impressions = _whole(impressions * load)
        self.clicks = _whole(n_clicks * load)
        self.cost = _whole(n_clicks * cpc * 100 * load)
        self.orders = _whole(orders * load)
        self.value = _whole(orders * basket * 100 * load)

    def block(self, index: int, age: int) -> Block:
        """The rows of a day as an export of that age (in days) lists them.

        The draws depend on the day only, so a later export differs by what has matured, by nothing else.
        """
        account, spec = self.account, self.account.spec
        day = self.profile.day(index)
        rng = np.random.default_rng([self.profile.seed, account.index, 2, day.toordinal()])
        impressions = rng.multinomial(self.impressions[index], account.weights)
        clicks = np.minimum(rng.multinomial(self.clicks[index], account.weights), impressions)
        click_share = clicks / np.maximum(clicks.sum(axis=1, keepdims=True), 1)
        cost = _whole(self.cost[index][:, None] * click_share)
        last = 1 - click_share[:, :-1].sum(axis=1, keepdims=True)  # exact 1 in sum, as multinomial wants it
        order_share = np.concatenate([click_share[:, :-1], np.clip(last, 0, 1)], axis=1)
        orders = rng.multinomial(self.orders[index], order_share)
        orders[clicks.sum(axis=1) == 0] = 0
        all_orders = np.maximum(orders.sum(axis=1, keepdims=True), 1)
        value = _whole(self.value[index][:, None] * (orders / all_orders))
        final = orders * 10**spec.conversion_decimals
        if spec.conversion_decimals:
            credit = rng.choice(_CREDIT, orders.shape)
            final = _whole((orders - credit * (orders > 0)) * 10**spec.conversion_decimals)
        seen = self._seen(final, rng.random(orders.shape), age)
        value = value * seen // np.maximum(final, 1)
        listed = np.broadcast_to((self.gone[index] != NO_ROWS)[:, None], orders.shape) & (account.weights > 0)
        if not spec.lists_zeros:
            listed = listed & (impressions > 0)
        campaign, part = np.nonzero(listed)
        pick = (campaign, part)
        return Block(
            day, campaign, part, impressions[pick], clicks[pick], cost[pick], seen[pick], value[pick]
        )  # fmt: skip

    def _seen(self, final: Ints, chance: Floats, age: int) -> Ints:
        """Conversions visible at an age: never falling with age, unbiased, all of them in the end."""
        share = MATURITY[min(age, len(MATURITY) - 1)]
        step = 1
        if self.account.spec.conversion_decimals:  # fractional: cut to whole hundredths
            step = 10 ** (self.account.spec.conversion_decimals - 2)
        if share == 1.0:
            return final
        return np.minimum(np.floor(final / step * share + chance).astype(np.int64) * step, final)


def _whole(values: NDArray[Any]) -> Ints:
    whole: Ints = np.rint(values).astype(np.int64)
    return whole
