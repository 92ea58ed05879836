"""What the analytics routes answer. Ratios are fractions of sums; null is unknown."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from include.api.schemas import Money, Period


class Numbers(BaseModel):
    """Sums in reporting currency, and ratios of those sums."""

    impressions: int | None = None
    clicks: int | None = None
    conversions: Money | None = None
    cost: Money | None = None
    conversion_value: Money | None = None
    profit: Money | None = Field(None, description="conversion_value - cost, of rows whose money has a rate")
    ctr: float | None = Field(None, description="clicks per impression, a fraction")
    cvr: float | None = Field(None, description="conversions per click, a fraction")
    cpc: float | None = None
    cpm: float | None = None
    cpa: float | None = None
    roas: float | None = Field(None, description="conversion_value per cost, of rows whose money has a rate")
    roi: float | None = Field(None, description="(conversion_value - cost) per cost; -1 is all lost")
    aov: float | None = None


class RoiRow(Numbers):
    """A group's numbers. Of the keys those are set that were grouped by, with their parents."""

    model_config = ConfigDict(extra="ignore")

    platform: str | None = None
    account_id: str | None = None
    account_name: str | None = None
    campaign_id: str | None = None
    campaign_name: str | None = None
    ad_group_id: str | None = None
    ad_group_name: str | None = None
    ad_id: str | None = None
    ad_name: str | None = None
    market: str | None = None
    funnel_stage: str | None = None
    audience: str | None = None
    date: dt.date | None = None
    week: dt.date | None = Field(None, description="its Monday")
    month: dt.date | None = Field(None, description="its first day")
    is_provisional: bool = Field(False, description="platforms may still change a part of it")
    unpriced_rows: int = Field(0, description="rows without an exchange rate: their money is left out")
    unpriced_currencies: list[str] = Field([], description="of those rows")
    previous: Numbers | None = None
    change: dict[str, float | None] | None = Field(
        None, description="by measure, as a fraction of the previous; of money null where other parts have a rate"
    )


class RoiPage(BaseModel):
    """Rows of a period; `totals` are of all rows, not of the page. `next_cursor` is null on the last page."""

    workspace: str
    currency: str | None
    group_by: list[str]
    period: Period | None
    previous: Period | None
    totals: RoiRow | None
    items: list[RoiRow]
    next_cursor: str | None
    notes: list[str]


class AnomalyMark(BaseModel):
    """An anomaly on a point of a line."""

    metric: str
    kind: str
    severity: str
    direction: str | None = None
    platform: str
    account_id: str | None = None
    entity_type: str
    entity_id: str
    entity_name: str | None = None
    value: float | None = None
    expected: float | None = None
    impact_reporting: Money | None = None


class Band(BaseModel):
    """What was to be expected of a metric on that day."""

    expected: float | None
    lower: float | None
    upper: float | None


class TrendPoint(BaseModel):
    """A day, week or month; a measure is null where nothing was loaded."""

    date: dt.date = Field(description="the day, the Monday of the week or the first of the month, asked for or not")
    days: int = Field(
        description="of its day, week or month that the question is about: fewer at an end of the period that cuts one"
    )
    days_with_data: int = Field(0, description="of those that have numbers; fewer means a gap, or days yet to come")
    previous_date: dt.date | None = Field(None, description="the first of the days that it is compared with")
    is_provisional: bool = False
    has_data: bool
    unpriced_rows: int = Field(0, description="rows without an exchange rate: their money is left out")
    values: dict[str, float | None]
    previous: dict[str, float | None] | None = None
    band: dict[str, Band] = Field({}, description="by measure, where the detector judged just this entity")
    anomalies: list[AnomalyMark] = []


class TrendSeries(BaseModel):
    """One line: the whole, or one of what `split` names."""

    key: dict[str, str | None]
    name: str
    points: list[TrendPoint]


class Trends(BaseModel):
    """Series of a period, oldest first, every interval of it."""

    workspace: str
    currency: str | None
    interval: str
    metrics: list[str]
    period: Period | None
    previous: Period | None
    series: list[TrendSeries]
    notes: list[str]


class Anomaly(BaseModel):
    """A metric of an entity that left its expected band on a day."""

    model_config = ConfigDict(extra="ignore")

    workspace: str
    platform: str
    account_id: str | None = None
    account_name: str | None = None
    entity_type: str
    entity_id: str
    entity_name: str | None = None
    date: dt.date
    metric: str
    value: float | None = None
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    z_score: float | None = None
    direction: str | None = None
    kind: str
    severity: str
    impact_reporting: Money | None = None
    impact_currency: str | None = None
    baseline_days: int | None = None
    is_provisional: bool = False


class AnomalyPage(BaseModel):
    """A page of anomalies; `next_cursor` is null on the last one."""

    items: list[Anomaly]
    next_cursor: str | None
    notes: list[str]


class Pacing(BaseModel):
    """A budget's month: what was spent, what was to be expected by now, where it will end."""

    model_config = ConfigDict(extra="ignore")

    workspace: str
    platform: str | None = None
    account_id: str | None = None
    campaign_id: str | None = None
    scope_name: str | None = None
    month: dt.date
    as_of: dt.date
    budget: Money | None = None
    currency: str | None = None
    spend_to_date: Money | None = None
    expected_to_date: Money | None = None
    projected_spend: Money | None = None
    projected_low: Money | None = None
    projected_high: Money | None = None
    pace: float | None = Field(None, description="projected_spend per budget")
    status: str | None = Field(None, description="on_track, over or under")

    @field_validator("platform", "account_id", "campaign_id")
    @classmethod
    def _wider(cls, value: Any) -> Any:
        return value or None


class PacingPage(BaseModel):
    """Budgets of a month at their newest day."""

    items: list[Pacing]
    next_cursor: str | None = None
    notes: list[str]


def number(value: Any) -> float | None:
    """A measure for JSON."""
    return float(value) if isinstance(value, Decimal | int | float) else None
