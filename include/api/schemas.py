"""What the API gives and takes. Money and ratios are JSON numbers; ratios are fractions; null is unknown."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, computed_field

from include.api.money import meaning

Money = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
Severity = Literal["critical", "high", "medium", "low"]
Status = Literal["open", "acknowledged", "resolved"]
Order = Literal["money", "priority", "date", "rank"]


class Insight(BaseModel):
    """One finding: what happened to which entity, when, and how much money is at stake."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    workspace: str
    insight_key: str
    kind: str
    severity: Severity
    status: Status
    entity_type: str
    entity_id: str | None
    entity_name: str | None
    platform: str | None
    account_id: str | None
    metric: str | None
    date_start: date
    date_end: date
    title: str
    body: str
    next_step: str = Field(description="what to do next; the last sentence of the body")
    impact_basis: str = Field(description="how impact_amount was computed")
    impact_amount: Money | None
    impact_currency: str | None
    confidence: float | None
    rank: int
    evidence: dict[str, Any] | list[Any]
    is_provisional: bool
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    status_by: str | None
    status_at: datetime | None
    run_id: str

    # Ignored: mypy knows no decorator on a property; pydantic documents it so.
    @computed_field(description="what impact_amount is: at stake, a week to gain, …")  # type: ignore[prop-decorator]
    @property
    def impact_meaning(self) -> str:
        """In words that follow the amount."""
        return meaning(self.kind)


class InsightPage(BaseModel):
    """A page of insights; `next_cursor` is null on the last one."""

    items: list[Insight]
    next_cursor: str | None


class StatusChange(BaseModel):
    """What a person may set; publishing then leaves it alone."""

    model_config = ConfigDict(extra="forbid")

    status: Status


class Period(BaseModel):
    """Days from `date_from` to `date_to`, both included."""

    date_from: date
    date_to: date
    days: int


class Totals(BaseModel):
    """Sums of a period in reporting currency, and ratios of those sums; rows without a rate are left out of money."""

    spend: Money | None = None
    value: Money | None = None
    impressions: int | None = None
    clicks: int | None = None
    conversions: Money | None = None
    roas: float | None = None
    roi: float | None = None
    cpa: float | None = None
    ctr: float | None = None
    unpriced_rows: int = Field(0, description="rows without an exchange rate: their money is left out")
    priced_share: float | None = Field(None, description="part of the clicks whose cost has an exchange rate")


class Change(BaseModel):
    """Change against the previous period as a fraction; null where that was zero or unknown.

    Of money null also where the exchange rates leave out more of one period than of the other.
    """

    spend: float | None = None
    value: float | None = None
    clicks: float | None = None
    conversions: float | None = None
    roas: float | None = None
    cpa: float | None = None


class Campaign(BaseModel):
    """A campaign's sums over the period, in reporting currency."""

    platform: str
    account_id: str | None
    account_name: str | None
    campaign_id: str | None
    campaign_name: str | None
    spend: Money | None
    value: Money | None
    conversions: Money | None
    profit: Money | None
    roas: float | None


class Unjudged(Campaign):
    """A campaign whose numbers say nothing of what it did."""

    fault: Literal["tracking_break", "duplicate_load", "partial_load"] = Field(description="what is wrong with them")


class PlatformTotals(Totals):
    """A platform's part of the totals."""

    platform: str


class Waste(BaseModel):
    """Spend of campaigns without a single conversion in the period, where conversions are known."""

    amount: Money
    share: float | None = Field(description="of the spend of all campaigns")
    campaigns: int
    top: list[Campaign]


class AnomalyCount(BaseModel):
    """Anomalies of one kind and severity; several metrics of an entity on a day are one."""

    kind: str
    severity: str
    count: int


class OpenInsights(BaseModel):
    """The inbox in numbers."""

    open: int
    acknowledged: int
    at_stake: Money = Field(
        description="sum of the impact, in reporting currency, of open insights whose money is of their own days: no gain"
        " of a day or week"
    )
    at_stake_unpriced: dict[str, Money] = Field(
        description="the same of money that has no exchange rate, by its currency: no part of at_stake"
    )
    apart: int = Field(description="open insights whose money is of a day or a week, as gains are: no part of at_stake")
    by_severity: dict[str, int]


class Day(BaseModel):
    """One day's totals, for a line."""

    date: date
    spend: Money | None
    value: Money | None
    conversions: Money | None
    roas: float | None
    cpa: float | None
    is_provisional: bool


class FailedBuild(BaseModel):
    """A build that failed and that no later one of its layer has made good."""

    run_id: str
    layer: str
    finished_at: datetime


class Freshness(BaseModel):
    """How far the numbers reach."""

    first_date: date | None = Field(description="first day in the marts: a comparison from before it is partial")
    last_date: date | None = Field(description="last day in the marts")
    provisional_days: int = Field(description="days of the period whose numbers the platforms may still change")
    unpriced: int = Field(description="account-days of the period left out of the money: a rate is missing")
    unpriced_currencies: list[str] = Field(description="currencies of the period's spend that have no rate")
    last_loaded_at: datetime | None
    last_published_at: datetime | None
    failed_build: FailedBuild | None = Field(description="why figures are older than what was loaded")
    files: dict[str, int] = Field(description="files of the last 30 days by status")


class Quality(BaseModel):
    """The newest check of the staging table."""

    state: Literal["ok", "warning", "error", "unknown"]
    checked_at: datetime | None
    run_id: str | None
    expectations: int
    warnings: int
    errors: int
    messages: list[str]


class Summary(BaseModel):
    """A period of one workspace, for a person at nine in the morning."""

    workspace: str
    workspaces: list[str] = Field(description="that the caller may choose from")
    known_platforms: list[str] = Field(description="that have numbers on any day")
    currency: str | None
    period: Period | None
    previous: Period | None
    totals: Totals
    previous_totals: Totals
    change: Change
    platforms: list[PlatformTotals]
    best: list[Campaign]
    worst: list[Campaign]
    waste: Waste
    unreliable: int = Field(description="campaigns left out of the three: tracking broke, or data came doubled or cut")
    unjudged: list[Unjudged] = Field(description="those of them that spent the most")
    anomalies: list[AnomalyCount]
    insights: OpenInsights
    daily: list[Day]
    freshness: Freshness
    quality: Quality


class Ready(BaseModel):
    """Whether the databases answer."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str]
