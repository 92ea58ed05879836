"""What an upload is told at once of its first part."""

from __future__ import annotations

from pydantic import BaseModel, Field


class MappedColumn(BaseModel):
    """A column as it is understood."""

    column: str
    header: str
    divisor: int = Field(description="what its numbers are divided by, 1000000 for micros")


class Feedback(BaseModel):
    """What the first part of a file says. The load itself reads all of it, and has the last word."""

    taken_for: str | None = Field(description="the source; null where nothing fits")
    shape: str | None = Field(description="the export of it")
    format: str
    encoding: str
    columns: list[MappedColumn]
    missing: list[str] = Field(description="columns that the warehouse has and the file has not")
    unknown_headers: list[str] = Field(description="kept as they are, and used for nothing")
    rows_seen: int
    rows_refused: dict[str, int] = Field(description="of the rows seen, by reason")
    sampled: bool = Field(description="only the first part was looked at")
    refusal: str = Field(description="why the file would not load, and what to do; empty where it would")
    warnings: list[str]
