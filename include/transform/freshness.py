"""How long ago each source brought something: dbt's ``source freshness`` on the running warehouse."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from include.settings import Settings
from include.transform import runner


def freshness(settings: Settings) -> list[dict[str, Any]]:
    """A row a source with limits: newest arrival (None: nothing ever came), hours since, limits in hours, state.

    States are dbt's: ``pass``, ``warn``, ``error``. Raises ``RuntimeError`` with dbt's reason where it cannot look.
    """
    outcome = runner.invoke(settings, ["source", "freshness", "--quiet", "--log-level", "none"])
    looked = getattr(outcome.result, "results", None)
    if looked is None:
        raise RuntimeError(f"dbt cannot look at the sources: {outcome.error}")
    rows = []
    for found in looked:
        state = str(found.status)
        if state == "runtime error":
            raise RuntimeError(f"dbt cannot look at {found.node.name}: {found.message}")
        # Of an empty table dbt is told the first second of 1970.
        newest: datetime | None = found.max_loaded_at if found.max_loaded_at.year > 1970 else None
        limits = found.node.freshness
        rows.append(
            {
                "source": f"{found.node.schema}.{found.node.identifier}",
                "newest": newest,
                "hours": round(found.age / 3600, 1) if newest else None,
                "warns_after": _hours(limits.warn_after),
                "fails_after": _hours(limits.error_after),
                "state": state,
            }
        )
    return rows


def _hours(limit: Any) -> float | None:
    if limit is None or limit.count is None:
        return None
    return float(
        limit.count * {"minute": 1 / 60, "hour": 1, "day": 24}[str(getattr(limit.period, "value", limit.period))]
    )
