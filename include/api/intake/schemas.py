"""What the data routes answer."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from include.api.schemas import Money


class LedgerFile(BaseModel):
    """An attempt at a file."""

    model_config = ConfigDict(extra="ignore")

    file_id: str
    workspace: str
    source: str
    uri: str
    status: str
    format: str = ""
    shape: str = Field("", description="the export that it was taken for")
    grain: str = ""
    size_bytes: int = 0
    exported_at: dt.datetime | None = None
    received_at: dt.datetime | None = None
    loaded_at: dt.datetime
    rows_read: int
    rows_loaded: int
    rows_rejected: int
    rows_skipped: int
    rows_declared: int | None = None
    rejected: dict[str, int] = Field({}, description="rows by reason of rejection")
    skipped: dict[str, int] = Field({}, description="rows by reason of skipping")
    date_min: dt.date | None
    date_max: dt.date | None
    warnings: list[str] = []
    error: str = Field(description="what is wrong and what to do; empty where nothing is")
    run_id: str = ""


class FilePage(BaseModel):
    """A page of files, newest first."""

    items: list[LedgerFile]
    next_cursor: str | None


class RejectedRow(BaseModel):
    """A row that was kept apart."""

    workspace: str
    file_id: str
    uri: str
    source: str
    row_number: int = Field(description="line of the file; of a CSV the line on which the record begins")
    reason: str
    detail: str
    raw_text: str


class RejectPage(BaseModel):
    """A page of rejected rows; `reasons` counts all that the filters find."""

    items: list[RejectedRow]
    next_cursor: str | None
    reasons: dict[str, int]


class Restatement(BaseModel):
    """A number that a newer export changed."""

    workspace: str
    platform: str
    grain: str
    account_id: str | None
    date: dt.date
    entity_id: str
    entity_name: str | None
    metric: str
    before: Money | None = Field(description="null where the older export did not list it")
    after: Money | None = Field(description="null where the newer export no longer lists it")
    currency: str | None
    currency_before: str | None = Field(description="of `before`, where the older export said one")
    exported_before: dt.datetime
    exported_after: dt.datetime
    restated_at: dt.datetime


class RestatementPage(BaseModel):
    """A page of restatements, newest first."""

    items: list[Restatement]
    next_cursor: str | None


class CoverageDay(BaseModel):
    """A source and day."""

    date: dt.date
    state: Literal["loaded", "missing"]
    rows: int
    files: int
    accounts: int
    loaded_at: dt.datetime | None


class SourceCoverage(BaseModel):
    """The days of a source, oldest first, every one between its first and the newest of all."""

    workspace: str
    source: str
    days_loaded: int
    days_missing: int
    days: list[CoverageDay]


class Coverage(BaseModel):
    """Which days of which source are in."""

    date_from: dt.date | None
    date_to: dt.date | None
    items: list[SourceCoverage]


class Check(BaseModel):
    """An expectation and what the newest check found."""

    workspace: str = Field(description="empty: the rows name none, or all workspaces were checked at once")
    suite: str
    expectation: str
    column: str
    severity: str
    success: bool
    observed: str
    unexpected_count: int | None
    detail: str


class QualityChecks(BaseModel):
    """The newest check, failures first."""

    state: Literal["ok", "warning", "error", "unknown"]
    checked_at: dt.datetime | None
    run_id: str | None
    items: list[Check]


class SourceFreshness(BaseModel):
    """How far a source reaches."""

    workspace: str
    source: str
    last_date: dt.date | None
    last_loaded_at: dt.datetime | None
    last_exported_at: dt.datetime | None
    files: int
    days_behind: int | None = Field(description="days behind the newest source of the workspace")
    days_old: int | None = Field(description="days between its last date and today, UTC")
    state: Literal["fresh", "late", "stale"] = Field(
        description="late: behind another source; stale: nothing of the last three days"
    )


class FreshnessReport(BaseModel):
    """How far the numbers reach, by source, and when they were last built and published."""

    last_date: dt.date | None
    last_loaded_at: dt.datetime | None
    last_published_at: dt.datetime | None
    items: list[SourceFreshness]
