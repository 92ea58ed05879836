"""Suite files: what a table must be, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

SUITES = Path(__file__).parent / "suites"


class Check(BaseModel):
    """One expectation: of a type that Great Expectations has, or a query for the rows that should not be."""

    model_config = ConfigDict(extra="forbid")

    name: str
    severity: Literal["error", "warning"]
    means: str
    remedy: str
    type: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict, alias="with")
    rows: str = ""
    passing: bool = False
    """Whether what fails may hold a moment later without anybody's doing: the check is then tried again."""

    @model_validator(mode="after")
    def _one_kind(self) -> Check:
        if bool(self.type) == bool(self.rows):
            raise ValueError(f"expectation {self.name} needs either `type` or `rows`")
        return self

    @property
    def column(self) -> str:
        """The column or columns it is about, empty for a query."""
        names = (self.arguments.get(key) for key in ("column", "column_A", "column_B"))
        return ", ".join(name for name in names if name)


class Suite(BaseModel):
    """The expectations on one table."""

    model_config = ConfigDict(extra="forbid")

    suite: str
    table: str
    date_column: str
    expectations: list[Check]

    @model_validator(mode="after")
    def _names_once(self) -> Suite:
        names = [check.name for check in self.expectations]
        if len(names) != len(set(names)):
            raise ValueError(f"suite {self.suite} has two expectations of one name")
        return self


def load_suite(name: str) -> Suite:
    """Read ``suites/<name>.yml``. Raises ``pydantic.ValidationError`` when it is not a suite."""
    return Suite.model_validate(yaml.safe_load((SUITES / f"{name}.yml").read_text()))
