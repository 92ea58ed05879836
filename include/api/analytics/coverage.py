"""Whether a mart has all that accounts have: not every export goes down to campaigns, ad groups or ads."""

from __future__ import annotations

from include.api.analytics.dimensions import LEVELS, Grouping
from include.api.analytics.rows import EntityFilters
from include.api.schemas import Period
from include.api.warehouse import Warehouse

_ACCOUNT_DAY = "r.platform, coalesce(r.account_id, r.account_name, ''), r.date"


def lacking(
    warehouse: Warehouse, group: Grouping, filters: EntityFilters, period: Period, currency: str | None
) -> str | None:
    """A sentence on the accounts with days that the grain of the answer has no rows of; None where there is none.

    Nor where campaigns or what is below are filtered: then most accounts are left out on purpose.
    """
    fine = {*LEVELS[2:], *group.parsed} & {*filters.entities()}
    if group.level not in LEVELS[2:] or fine or not warehouse.has("marts.mart_account_daily"):
        return None
    condition, parameters = filters.condition()
    days = f"r.date BETWEEN {{first:Date}} AND {{last:Date}} AND {condition}"
    [found] = warehouse.rows(
        "SELECT uniqExact(r.platform, coalesce(r.account_id, r.account_name, '')) AS accounts, uniqExact(r.date) AS days,"
        f" sum(r.cost_reporting) AS cost FROM @marts.mart_account_daily AS r WHERE {days}"
        f" AND ({_ACCOUNT_DAY}) NOT IN (SELECT DISTINCT {_ACCOUNT_DAY} FROM @{group.mart} AS r WHERE {days})",
        parameters | {"first": period.date_from, "last": period.date_to},
    )
    if not found["accounts"]:
        return None
    several, level = found["accounts"] > 1, group.level.replace("_", " ")
    spent = f", {float(found['cost']):,.2f} {currency} of cost," if found["cost"] and currency else ""
    return (
        f"{found['accounts']} account{'s have' if several else ' has'} no {level}s on {found['days']}"
        f" day{'s' if found['days'] > 1 else ''}: what {'they' if several else 'it'} brought then{spent} is not in"
        " these numbers; those by account have it."
    )
