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
DateStyle = Literal["iso", "compact", "ymd_slash", "mdy", "dmy", "named"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Made(_Strict):
    """A value that a platform spreads over several cells, or packs into one. Exactly one way of making it is given.

    ``sum_of``: numbers to add, absent ones count as nothing. ``product_of``: two numbers to multiply.
    ``date_of``: cells of year, month and day. ``local_day_of``: the UTC instant of an account's midnight, as its
    local day. ``part_of`` with ``pattern``: the first group of a pattern in a cell. ``value_of`` with ``when`` and
    ``matches``: a cell that means this only where another one matches.
    """

    sum_of: tuple[str, ...] = ()
    product_of: tuple[str, ...] = ()
    date_of: tuple[str, ...] = ()
    local_day_of: str = ""
    part_of: str = ""
    pattern: str = ""
    value_of: str = ""
    when: str = ""
    matches: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Made:
        ways = [self.sum_of, self.product_of, self.date_of, self.local_day_of, self.part_of, self.value_of]
        if sum(map(bool, ways)) != 1:
            raise ValueError("give one of sum_of, product_of, date_of, local_day_of, part_of and value_of")
        if self.product_of and len(self.product_of) != 2:
            raise ValueError("product_of takes two headers")
        if self.date_of and len(self.date_of) != 3:
            raise ValueError("date_of takes the headers of year, month and day")
        if bool(self.part_of) != bool(self.pattern) or (self.pattern and re.compile(self.pattern).groups < 1):
            raise ValueError("part_of needs a pattern with a group")
        if bool(self.value_of) != bool(self.when and self.matches):
            raise ValueError("value_of needs when and matches")
        re.compile(self.matches)
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers that it is made of."""
        single = tuple(filter(None, (self.local_day_of, self.part_of, self.value_of, self.when)))
        return self.sum_of or self.product_of or self.date_of or single


Wanted = tuple[str | Made, ...]


class SkipRule(_Strict):
    """Records that are no data. A record is skipped where its first cell matches, where all ``empty`` are, or where its
    first cell, an id or a name matches ``named`` and no other id is there."""

    reason: str
    first_cell: str | None = None
    empty: tuple[Canonical, ...] = ()
    named: str = ""

    @model_validator(mode="after")
    def _one_condition(self) -> SkipRule:
        if (self.first_cell is not None) + bool(self.empty) + bool(self.named) != 1:
            raise ValueError("a skip rule has one of first_cell, empty and named")
        re.compile(self.first_cell or self.named)
        return self


class Remark(_Strict):
    """What a line before the header (or after the data) means: a warning, or with ``reason`` a refusal of the file."""

    when: str
    say: str
    reason: str = ""

    @model_validator(mode="after")
    def _compiles(self) -> Remark:
        re.compile(self.when)
        return self


class Event(_Strict):
    """A conversion event that a workspace may choose to count.

    ``tiers``: action types of lists of actions; the first tier that has any is summed, never two tiers.
    ``conversions`` and ``conversion_value``: headers of the event's own columns, best first.
    """

    tiers: tuple[tuple[str, ...], ...] = ()
    conversions: tuple[str, ...] = ()
    conversion_value: tuple[str, ...] = ()


class NamedLists(_Strict):
    """JSON whose rows are lists of values and whose names stand in lists beside them (GA4's runReport)."""

    names: tuple[str, ...]
    rows: str
    values: tuple[str, ...]

    @model_validator(mode="after")
    def _pairs(self) -> NamedLists:
        if len(self.names) != len(self.values):
            raise ValueError("named_lists needs as many names as values")
        return self


class Series(_Strict):
    """JSON whose records hold, for each metric, a list with a value a day (X): ``values`` is the object of lists,
    ``start`` the path of the first day's instant from the top of the document."""

    values: str
    start: str


class Shape(_Strict):
    """One way in which a platform writes its rows.

    ``columns``: canonical column → headers (CSV), keys (JSON paths with dots) or columns (Parquet), best first;
    ``regex:`` before a header makes it a pattern, whose first group names the currency; ``Made`` values are made of
    several. Keys above a JSON record are named by their whole path from the top.
    """

    id: str
    title: str = ""
    formats: tuple[Format, ...]
    columns: dict[Canonical, Wanted]
    segments: dict[str, Wanted] = {}
    measures: dict[str, tuple[str, ...]] = Field(
        {}, description="numbers that are no metric of ads (sessions, a rate) → headers, best first; kept in `extra`"
    )
    rates: Literal["", "wide", "long"] = Field(
        "", description="exchange rates: a column a currency, or the currency and its rate in a row"
    )
    recognise: tuple[str, ...] = Field((), description="at least one of these headers must be there")
    recognise_preamble: tuple[str, ...] = Field((), description="or one of these patterns before the header")
    records: tuple[str, ...] = Field(
        (), description="JSON: paths of the list of records, such as data.list; [] where a list is passed on the way"
    )
    named_lists: NamedLists | None = None
    series: Series | None = None
    divisors: dict[str, int] = Field({}, description="header → divisor of its unit, 1000000 for micros")
    perhaps_micros: tuple[str, ...] = Field(
        (), description="beside one of these headers, cost of large whole numbers only may be micros: it is refused"
    )
    currencies: dict[str, str] = Field({}, description="header of a cost → the currency that it is always in")
    null_tokens: tuple[str, ...] = Field((), description="cells of ids and names that mean nothing, beyond the usual")
    id_formats: dict[Canonical, Literal["digits"]] = {}
    decimal_mark: Literal["auto", ".", ","] = "auto"
    date_style: DateStyle | Literal["auto"] = "auto"
    day_headers: tuple[str, ...] = Field(
        (), description="headers of a single day; beside one, the date_end is that of the whole report"
    )
    missing_metric: Literal["null", "zero_where_empty", "zero"] = Field(
        "null", description="an empty metric is unknown or 0; with zero also one that a JSON API leaves out everywhere"
    )
    skip: tuple[SkipRule, ...] = ()
    data_ends: Literal["", "blank_line"] = Field("", description="what follows a blank line is no data")
    empty_report: str = Field("", description="pattern of a file that says it has no rows")
    declared_totals: str | None = Field(None, description="first cell of the line whose totals must agree")
    totals_divided: bool = Field(False, description="declared totals are in units although the rows are not")
    declared_rows: str | None = Field(None, description="pattern (group 1) or JSON path of the number of rows")
    declared_rows_of_all_pages: bool = Field(False, description="the number counts all pages: fewer rows only warn")
    declared_rows_when: dict[str, str] = Field({}, description="JSON: only where these paths hold these values")
    exported_at: tuple[str, ...] = Field((), description="patterns (group 1) or headers of the time of the export")
    remarks: tuple[Remark, ...] = ()
    events: dict[str, Event] = Field({}, description="conversion events; `purchase` is counted by default")
    currency: str = ""
    required: tuple[tuple[str, ...], ...] = Field(
        (
            ("date",),
            ("campaign_id", "campaign_name", "ad_group_id", "ad_id", "account_id", "account_name"),
            ("impressions", "clicks", "cost"),
        ),
        description="of each group, at least one column or measure must be there",
    )

    @model_validator(mode="after")
    def _patterns_compile(self) -> Shape:
        patterns = [*self.recognise_preamble, self.empty_report, self.declared_totals or ""]
        patterns += [w.removeprefix("regex:") for w in self.headers() if w.startswith("regex:")]
        for pattern in patterns:
            re.compile(pattern)
        unknown = {name for group in self.required for name in group} - {*COLUMNS, *self.measures}
        if unknown:
            raise ValueError(f"required names neither columns nor measures: {', '.join(sorted(unknown))}")
        return self

    @property
    def record_paths(self) -> tuple[str, ...]:
        """Paths of the JSON lists that hold its records."""
        return (*self.records, *((self.named_lists.rows,) if self.named_lists else ()))

    def headers(self) -> list[str]:
        """All headers that the shape names, also those of made values and patterns (``regex:…``)."""
        wanted = [w for group in (*self.columns.values(), *self.segments.values()) for w in group]
        wanted += [header for group in self.measures.values() for header in group]
        wanted += self.recognise if self.rates == "wide" else ()
        return [h for w in wanted for h in ((w,) if isinstance(w, str) else w.headers)]


class Source(_Strict):
    """A platform: its shapes, and for how many days it still restates its numbers."""

    source: str
    title: str
    kind: Literal["ads", "web_analytics", "exchange_rates"] = "ads"
    aliases: tuple[str, ...] = ()
    restatement_days: int
    time_zone: str = Field("account", description="whose day a date is, in words")
    hierarchy: dict[str, str] = Field({}, description="our level → the platform's word for it")
    notes: tuple[str, ...] = Field((), description="what an analyst should know before trusting the numbers")
    shapes: tuple[Shape, ...]


@lru_cache(maxsize=1)
def sources() -> dict[str, Source]:
    """All specs by name. Raises ``ValueError`` naming the file where a spec does not hold together."""
    return {name: read_source(path) for name, path in spec_files().items()}


def spec_files() -> dict[str, Path]:
    """Source → its file: ours, and those of the folder that the setting ``sources`` names, which come first."""
    from include.settings import get_settings

    own = get_settings().sources
    folders = [SOURCES, *([own] if own else [])]
    files = {path.stem: path for folder in folders for path in folder.glob("*.yml")}
    return dict(sorted(files.items()))


def read_source(path: Path) -> Source:
    """One spec. Raises ``ValueError`` naming the file and what is wrong in it."""
    try:
        spec = Source.model_validate(yaml.safe_load(path.read_text()))
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"source spec {path.name}: {error}") from error
    if spec.source != path.stem:
        raise ValueError(f"source spec {path.name} says source: {spec.source}; it must be {path.stem}")
    return spec


def find_source(folder: str) -> Source | None:
    """The source that a bucket folder names, by name or alias; None where there is none."""
    for spec in sources().values():
        if folder == spec.source or folder in spec.aliases:
            return spec
    return None
