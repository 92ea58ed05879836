"""What numbers can be grouped by, and which mart holds them at that grain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

Dimension = Literal[
    "platform", "account", "campaign", "ad_group", "ad", "date", "week", "month",
    "market", "funnel_stage", "audience",
]  # fmt: skip
DIMENSIONS: tuple[str, ...] = get_args(Dimension)

LEVELS = ("platform", "account", "campaign", "ad_group", "ad")
PARSED = ("market", "funnel_stage", "audience")
DATES = {"date": "r.date", "week": "toMonday(r.date)", "month": "toStartOfMonth(r.date)"}


@dataclass(frozen=True)
class Grouping:
    """Columns of a grouped answer: ``keys`` identify a row, ``labels`` are shown with it; each name → SQL over ``r``."""

    level: str
    parsed: tuple[str, ...]
    keys: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def mart(self) -> str:
        """The daily mart of the grain; of platforms that of their accounts: a platform's row has no money where one of its
        accounts has no rate, and what the others spent counts at every grain."""
        return f"marts.mart_{'account' if self.level == 'platform' else self.level}_daily"


def level_of(names: list[str]) -> str:
    """The finest entity among the names of dimensions or filters; the platform where there is none."""
    found = [LEVELS.index(name) for name in names if name in LEVELS]
    if set(names) & set(PARSED):
        found.append(LEVELS.index("campaign"))
    return LEVELS[max(found, default=0)]


def grouping(group_by: list[str], filtered: list[str]) -> Grouping:
    """How to group by the dimensions, with filters on others. An entity brings its parents into the key."""
    level = level_of([*group_by, *filtered])
    parsed = tuple(name for name in PARSED if name in group_by or name in filtered)
    keys: dict[str, str] = {}
    labels: dict[str, str] = {}
    for name in group_by:
        if name in DATES:
            keys[name] = DATES[name]
        elif name in PARSED:
            keys[name] = f"ifNull(r.{name}, '')"
    entities = [name for name in group_by if name in LEVELS]
    if entities:
        keys["platform"] = "r.platform"
        for name in LEVELS[1 : LEVELS.index(level_of(entities)) + 1]:
            keys[f"{name}_id"] = f"r.{name}_id"
            # Where the export has no ids the name is the key.
            keys[f"_{name}"] = f"if(isNull(r.{name}_id), ifNull(r.{name}_name, ''), '')"
            labels[f"{name}_name"] = f"argMax(r.{name}_name, r.date)"
    return Grouping(level, parsed, keys, labels)
