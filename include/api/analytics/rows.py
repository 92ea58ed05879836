"""The rows that a question is about: a daily mart held to filters and days, with names that were parsed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from include.api.analytics.dimensions import LEVELS, PARSED, Grouping
from include.api.analytics.names import spellings
from include.api.schemas import Period

Names = list[str] | None
_MOST = 50


class EntityFilters(BaseModel):
    """Filters of every question; of a filter given several times any value counts."""

    workspace: str | None = Field(None, max_length=200, description="one of yours; by default the installation's own")
    platform: Names = Field(None, max_length=_MOST)
    account_id: Names = Field(None, max_length=_MOST, description="Google's also as 123-456-7890")
    campaign_id: Names = Field(None, max_length=_MOST)
    ad_group_id: Names = Field(None, max_length=_MOST)
    ad_id: Names = Field(None, max_length=_MOST)
    market: Names = Field(None, max_length=_MOST, description="as parsed from campaign names")
    funnel_stage: Names = Field(None, max_length=_MOST, description="as parsed from campaign names")
    audience: Names = Field(None, max_length=_MOST, description="as parsed from campaign names")
    campaign: str | None = Field(None, max_length=200, description="part of the campaign's name, in any case")

    def entities(self) -> list[str]:
        """The dimensions that are filtered."""
        named = {"platform": self.platform, "account": self.account_id, "campaign": self.campaign_id or self.campaign,
                 "ad_group": self.ad_group_id, "ad": self.ad_id}  # fmt: skip
        return [name for name, value in named.items() if value] + [name for name in PARSED if getattr(self, name)]

    def condition(self) -> tuple[str, dict[str, Any]]:
        """SQL over ``r`` and ``d``, and its parameters."""
        steps: list[str] = ["1"]
        parameters: dict[str, Any] = {}
        for name in ("platform", *(f"{level}_id" for level in LEVELS[1:]), *PARSED):
            if wanted := getattr(self, name):
                column = f"{'d' if name in PARSED else 'r'}.{name}"
                if name.endswith("_id"):  # where the export has no ids the name stands for it
                    column = f"coalesce({column}, r.{name.removesuffix('_id')}_name)"
                steps.append(f"ifNull({column}, '') IN {{{name}s:Array(String)}}")
                parameters[f"{name}s"] = spellings(wanted) if name == "account_id" else list(wanted)
        if self.campaign:
            steps.append("positionCaseInsensitiveUTF8(ifNull(r.campaign_name, ''), {campaign:String}) > 0")
            parameters["campaign"] = self.campaign
        return " AND ".join(steps), parameters


def rows_of(
    group: Grouping, filters: EntityFilters, period: Period, previous: Period | None
) -> tuple[str, dict[str, Any]]:
    """A subquery of the rows as ``r`` with ``is_previous``; days of the previous period are shifted onto the period."""
    condition, parameters = filters.condition()
    join = ""
    if group.parsed:
        join = (
            " LEFT JOIN @marts.dim_campaign AS d ON r.workspace = d.workspace AND r.platform = d.platform"
            " AND ifNull(r.account_id, '') = ifNull(d.account_id, '') AND ifNull(r.campaign_id, '') = ifNull(d.campaign_id, '')"
            " AND if(isNull(r.campaign_id), ifNull(r.campaign_name, ''), '')"
            " = if(isNull(d.campaign_id), ifNull(d.campaign_name, ''), '')"
        )
    names = "".join(f", d.{name} AS {name}" for name in group.parsed)

    def part(flag: str, day: str, first: str, last: str) -> str:
        return (
            f"SELECT r.* REPLACE ({day} AS date){names}, {flag} AS is_previous FROM @{group.mart} AS r{join}"
            f" WHERE r.date BETWEEN {{{first}:Date}} AND {{{last}:Date}} AND {condition}"
        )

    parameters |= {"first": period.date_from, "last": period.date_to}
    source = part("false", "r.date", "first", "last")
    if previous:
        parameters |= {
            "previous_first": previous.date_from,
            "previous_last": previous.date_to,
            "shift": (period.date_from - previous.date_from).days,
        }
        source += " UNION ALL " + part("true", "r.date + {shift:Int32}", "previous_first", "previous_last")
    return f"({source})", parameters
