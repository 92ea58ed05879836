"""What a summary may say: every number with its name and unit. Both writers have these, and nothing else."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, Field

from include.api.schemas import Campaign, Insight, Summary

TOP = 3
# Names of money at stake that is no part of the sum; its currency follows.
NO_RATE = "money at stake without an exchange rate, in"


class Fact(BaseModel):
    """A number, a date or a name that the text may use."""

    name: str
    value: float | str
    unit: str = Field("", description="a currency, %, or empty for a count, a ratio or a name")


class Narrative(BaseModel):
    """A summary in words. Every number in `text` is one of `facts`."""

    workspace: str
    text: str
    written_by: Literal["template", "model"]
    model: str | None = None
    note: str = Field("", description="why a configured model's text was not used")
    facts: list[Fact]


def facts_of(summary: Summary, insights: list[Insight]) -> list[Fact]:
    """The facts of a period: totals, changes, best, worst, waste, and the insights that are open."""
    made: list[Fact] = []
    currency = summary.currency or ""

    def add(name: str, value: object, unit: str = "") -> None:
        if value is not None:
            made.append(Fact(name=name, value=value if isinstance(value, str) else float(str(value)), unit=unit))

    if summary.period:
        add("first day", _day(summary.period.date_from))
        add("last day", _day(summary.period.date_to))
        add("days", summary.period.days)
    totals, before = summary.totals, summary.previous_totals
    for name, unit in (("spend", currency), ("value", currency), ("cpa", currency), ("roas", ""), ("conversions", ""),
                       ("clicks", "")):  # fmt: skip
        add(name, getattr(totals, name), unit)
        add(f"{name} before", getattr(before, name), unit)
        if (moved := getattr(summary.change, name, None)) is not None:
            add(f"change of {name}", moved * 100, "%")
    if summary.freshness.unpriced_currencies:
        add("currencies without an exchange rate", ", ".join(summary.freshness.unpriced_currencies))
    for label, campaigns in (("earned most", summary.best), ("lost most", summary.worst)):
        for number, campaign in enumerate(campaigns[:TOP], 1):
            add(f"{label} {number}", _named(campaign))
            add(f"profit of {label} {number}", campaign.profit, currency)
    if summary.waste.campaigns:
        add("campaigns without a conversion", summary.waste.campaigns)
        add("their spend", summary.waste.amount, currency)
        if summary.waste.share is not None:
            add("their share of spend", summary.waste.share * 100, "%")
    if summary.unreliable:
        add("campaigns with faulty data, not judged", summary.unreliable)
    add("open insights", summary.insights.open)
    add("money at stake", summary.insights.at_stake, currency)
    for other, amount in summary.insights.at_stake_unpriced.items():
        add(f"{NO_RATE} {other}", amount, other)
    for number, insight in enumerate(insights[:TOP], 1):
        add(f"insight {number}", insight.title)
        add(
            f"money of insight {number}, {insight.impact_meaning}", insight.impact_amount, insight.impact_currency or ""
        )
    if summary.freshness.provisional_days:
        add("days that may still change", summary.freshness.provisional_days)
    return made


def _named(campaign: Campaign) -> str:
    return campaign.campaign_name or campaign.campaign_id or campaign.platform


def _day(day: dt.date) -> str:
    return day.isoformat()
