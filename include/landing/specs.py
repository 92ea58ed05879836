"""Source specs: what each platform exports, as data (``sources/<platform>.yml``)."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

SOURCES = Path(__file__).parent / "sources"

KEYS = (
    "account_id",
    "account_name",
    "campaign_id",
    "campaign_name",
    "ad_group_id",
    "ad_group_name",
    "ad_id",
    "ad_name",
)
METRICS = ("cost", "impressions", "clicks", "conversions", "conversion_value")
COUNTS = ("impressions", "clicks")
COLUMNS = (
    "date",
    "date_end",
    *KEYS,
    "impressions",
    "clicks",
    "cost",
    "conversions",
    "conversion_value",
    "currency",
)

Canonical = Literal[
    "date", "date_end", "account_id", "account_name", "campaign_id", "campaign_name", "ad_group_id",
    "ad_group_name", "ad_id", "ad_name", "impressions", "clicks", "cost", "conversions", "conversion_value",
    "currency",
]  # fmt: skip
Format = Literal["csv", "json", "parquet"]
DateStyle = Literal["iso", "compact", "ymd_slash", "mdy", "dmy"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SkipRule(_Strict):
    """Records that are no data. A record is skipped where its first cell matches, or where all ``empty`` are."""

    reason: str
    first_cell: str | None = None
    empty: tuple[Canonical, ...] = ()

    @model_validator(mode="after")
    def _one_condition(self) -> SkipRule:
        if (self.first_cell is None) == (not self.empty):
            raise ValueError("a skip rule has either first_cell or empty")
        return self


class Shape(_Strict):
    """One way in which a platform writes its rows.

    ``columns``: canonical column → headers (CSV), keys (JSON paths with dots) or columns (Parquet), best first;
    ``regex:`` before a header makes it a pattern, whose first group names the currency.
    """

    id: str
    formats: tuple[Format, ...]
    columns: dict[Canonical, tuple[str, ...]]
    segments: dict[str, tuple[str, ...]] = {}
    recognise: tuple[str, ...] = Field((), description="at least one of these headers must be there")
    records: tuple[str, ...] = Field((), description="keys of JSON envelopes that hold the list of records")
    divisors: dict[str, int] = Field({}, description="header → divisor of its unit, 1000000 for micros")
    id_formats: dict[Canonical, Literal["digits"]] = {}
    decimal_mark: Literal["auto", ".", ","] = "auto"
    date_style: DateStyle | Literal["auto"] = "auto"
    missing_metric: Literal["null", "zero"] = "null"
    skip: tuple[SkipRule, ...] = ()
    declared_totals: str | None = Field(None, description="first cell of the line whose totals must agree")
    declared_rows: str | None = Field(None, description="preamble line with the number of rows, as group 1")
    conversion_tiers: tuple[tuple[str, ...], ...] = ()
    currency: str = ""
    required: tuple[tuple[Canonical, ...], ...] = Field(
        (
            ("date",),
            ("campaign_id", "campaign_name", "ad_group_id", "ad_id", "account_id", "account_name"),
            ("impressions", "clicks", "cost"),
        ),
        description="of each group, at least one column must be there",
    )

    @model_validator(mode="after")
    def _patterns_compile(self) -> Shape:
        for rule in self.skip:
            re.compile(rule.first_cell or "")
        for headers in self.columns.values():
            for header in headers:
                re.compile(header.removeprefix("regex:") if header.startswith("regex:") else "")
        return self


class Source(_Strict):
    """A platform: its shapes, and for how many days it still restates its numbers."""

    source: str
    title: str
    aliases: tuple[str, ...] = ()
    restatement_days: int
    shapes: tuple[Shape, ...]


@lru_cache(maxsize=1)
def sources() -> dict[str, Source]:
    """All specs by name. Raises ``ValueError`` naming the file where a spec does not hold together."""
    found = {}
    for path in sorted(SOURCES.glob("*.yml")):
        try:
            spec = Source.model_validate(yaml.safe_load(path.read_text()))
        except ValueError as error:
            raise ValueError(f"source spec {path.name}: {error}") from error
        if spec.source != path.stem:
            raise ValueError(f"source spec {path.name} says source: {spec.source}; it must be {path.stem}")
        found[spec.source] = spec
    return found


def find_source(folder: str) -> Source | None:
    """The source that a bucket folder names, by name or alias; None where there is none."""
    for spec in sources().values():
        if folder == spec.source or folder in spec.aliases:
            return spec
    return None
