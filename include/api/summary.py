"""A period of one workspace in numbers, from the marts. Sums first, ratios of sums after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from include.api import builds, store
from include.api.analytics import measures, periods
from include.api.backends import Backends
from include.api.intake import trust
from include.api.schemas import (
    AnomalyCount,
    Campaign,
    Change,
    Day,
    FailedBuild,
    Freshness,
    OpenInsights,
    Period,
    PlatformTotals,
    Quality,
    Summary,
    Totals,
    Unjudged,
    Waste,
)
from include.api.scope import Caller
from include.api.warehouse import Warehouse

SPARK_DAYS = 28
TOP = 3
# Kinds of anomalies by which a campaign's numbers are wrong, whatever it did.
DATA_FAULTS = ("tracking_break", "duplicate_load", "partial_load")
_OF_MONEY = ("spend", "value", "roas", "cpa")
# Level, platform, account and campaign of an entity.
_Key = tuple[str, str, str, str]


def visible_workspaces(backends: Backends, caller: Caller) -> list[str]:
    """The caller's workspaces that have data, in order of their names."""
    rows = Warehouse(backends, caller).rows(
        "SELECT DISTINCT p.workspace AS workspace FROM @marts.mart_platform_daily AS p ORDER BY workspace"
    )
    return [str(row["workspace"]) for row in rows]


def summarise(
    backends: Backends, caller: Caller, workspace: str | None, date_from: date | None, date_to: date | None
) -> Summary:
    """The summary of the period, by default of the last day that has numbers.

    Without ``workspace`` it is the installation's own where the caller sees it, else the first they see.
    Raises ``Unavailable``, ``MixedCurrencies``.
    """
    names = visible_workspaces(backends, caller)
    chosen = workspace or default_workspace(backends, caller, names)
    reader = _Reader(backends, caller, chosen)
    first, last = reader.dates()
    period = _period(date_from, date_to, last)
    previous = _before(period) if period else None
    currency = periods.currency_of(reader.warehouse, period, previous, _series(period)) or reader.currency()
    platforms = reader.platforms(period)
    totals, before = reader.totals(period), reader.totals(previous)
    everyone = reader.campaigns(period)
    faulty = reader.faulty(period)
    campaigns = [c for keys, c in everyone if not faulty.keys() & keys]
    unjudged = [
        Unjudged(**c.model_dump(), fault=min(faulty[key] for key in faulty.keys() & keys))
        for keys, c in everyone
        if faulty.keys() & keys
    ]
    with backends.postgres(caller) as connection:
        inbox = OpenInsights(**store.counts(connection, chosen, currency))
        published = store.last_published(connection, last)
    return Summary(
        workspace=chosen,
        workspaces=names,
        known_platforms=reader.known_platforms(),
        currency=currency,
        period=period,
        previous=previous,
        totals=totals,
        previous_totals=before,
        change=Change(**{name: _change(totals, before, name) for name in Change.model_fields}),
        platforms=platforms,
        best=_ranked(campaigns, best=True),
        worst=_ranked(campaigns, best=False),
        waste=_waste(campaigns, [c for _, c in everyone]),
        unreliable=len(unjudged),
        unjudged=unjudged[:TOP],
        anomalies=reader.anomalies(period),
        insights=inbox,
        daily=reader.daily(period),
        freshness=reader.freshness(period, (first, last), published, builds.failed_build(backends)),
        quality=reader.quality(),
    )


def default_workspace(backends: Backends, caller: Caller, names: list[str]) -> str:
    """The installation's own workspace where the caller sees it and it has data, else the first that they see."""
    own = backends.settings.workspace
    if own in names or not names:
        return own if caller.sees(own) else next(iter(caller.workspaces), own)
    return names[0]


class _Reader:
    """Queries of one workspace."""

    def __init__(self, backends: Backends, caller: Caller, workspace: str) -> None:
        self.warehouse = Warehouse(backends, caller, workspace)

    def _rows(self, query: str, period: Period | None = None) -> list[dict[str, Any]]:
        days = {"first": period.date_from, "last": period.date_to} if period else {}
        return self.warehouse.rows(query.replace("{days}", "date BETWEEN {first:Date} AND {last:Date}"), days)

    def dates(self) -> tuple[date | None, date | None]:
        rows = self._rows(
            "SELECT minOrNull(date) AS first, maxOrNull(date) AS last FROM @marts.mart_platform_daily AS p"
        )
        return (rows[0]["first"], rows[0]["last"]) if rows else (None, None)

    def currency(self) -> str | None:
        rows = self._rows(
            "SELECT argMaxOrNull(reporting_currency, date) AS currency FROM @marts.mart_platform_daily AS p"
        )
        return str(rows[0]["currency"]) if rows and rows[0]["currency"] else None

    def known_platforms(self) -> list[str]:
        rows = self._rows("SELECT DISTINCT platform FROM @marts.mart_platform_daily AS p ORDER BY platform")
        return [str(row["platform"]) for row in rows]

    def unpriced_currencies(self, period: Period | None) -> list[str]:
        if period is None:
            return []
        rows = self._rows(
            "SELECT DISTINCT toString(currency) AS unit FROM @marts.mart_account_daily AS a WHERE {days}"
            " AND isNotNull(currency) AND cost > 0 AND isNull(cost_reporting) ORDER BY unit",
            period,
        )
        return [str(row["unit"]) for row in rows]

    def totals(self, period: Period | None) -> Totals:
        if period is None:
            return Totals()
        rows = self._rows(_summed("mart_account_daily", {}), period)
        return Totals(**_with_share(rows[0])) if rows else Totals()

    def platforms(self, period: Period | None) -> list[PlatformTotals]:
        if period is None:
            return []
        query = _summed("mart_account_daily", {"platform": "r.platform"})
        rows = self._rows(f"{query} ORDER BY spend DESC NULLS LAST, platform", period)
        return [PlatformTotals(**_with_share(row)) for row in rows]

    def campaigns(self, period: Period | None) -> list[tuple[frozenset[_Key], Campaign]]:
        """The campaigns, most spend first, each with the keys of itself, its account and its platform."""
        if period is None:
            return []
        keys = {name: f"r.{name}" for name in ("platform", "account_id", "campaign_id")}
        keys |= {
            "account": "coalesce(r.account_id, r.account_name, '')",
            "entity": "coalesce(r.campaign_id, r.campaign_name, '')",
        }
        names = {name: f"argMax(r.{name}, r.date)" for name in ("account_name", "campaign_name")}
        rows = self._rows(
            f"{_summed('mart_campaign_daily', keys, names)} ORDER BY spend DESC NULLS LAST, platform, account, entity",
            period,
        )
        return [
            (
                frozenset(
                    {
                        ("campaign", row["platform"], row["account"], row["entity"]),
                        ("account", row["platform"], row["account"], ""),
                        ("platform", row["platform"], "", ""),
                    }
                ),
                Campaign(**row),
            )
            for row in rows
        ]

    def faulty(self, period: Period | None) -> dict[_Key, str]:
        """What the period's numbers say nothing of, and why: tracking broke, or data came doubled or cut.

        An account or a platform only where the fault is its own: one campaign's shows on them too.
        """
        if period is None:
            return {}
        rows = self._rows(
            "SELECT entity_type, platform, if(entity_type = 'platform', '', ifNull(account_id, '')) AS account,"
            " if(entity_type = 'campaign', entity_id, '') AS entity, max(kind) AS fault FROM @marts.anomaly_daily AS a WHERE {days}"
            f" AND kind IN {DATA_FAULTS} AND (entity_type = 'campaign' OR entity_type IN ('account', 'platform')"
            " AND cause_entity_type = entity_type AND cause_entity_id = entity_id"
            " AND ifNull(cause_account_id, '') = ifNull(account_id, ''))"
            " GROUP BY entity_type, platform, account, entity",
            period,
        )
        return {(row["entity_type"], row["platform"], row["account"], row["entity"]): row["fault"] for row in rows}

    def anomalies(self, period: Period | None) -> list[AnomalyCount]:
        if period is None:
            return []
        rows = self._rows(
            "SELECT kind, severity, uniqExact(platform, account_id, entity_type, entity_id, date) AS count FROM @marts.anomaly_daily AS a WHERE {days}"
            " GROUP BY kind, severity ORDER BY count DESC, kind, severity",
            period,
        )
        return [AnomalyCount(**row) for row in rows]

    def daily(self, period: Period | None) -> list[Day]:
        if period is None:
            return []
        rows = self._rows(
            _summed("mart_account_daily", {"date": "r.date"}, {"is_provisional": "max(r.is_provisional)"})
            + " ORDER BY date",
            _series(period),
        )
        return [Day(**row) for row in rows]

    def freshness(
        self, period: Period | None, dates: tuple[date | None, date | None], published: Any, failed: FailedBuild | None
    ) -> Freshness:
        files = self._rows(
            "SELECT status, count() AS n, maxIf(loaded_at, status = 'loaded') AS newest FROM @ops.file_ledger AS l"
            " WHERE loaded_at > now() - INTERVAL 30 DAY GROUP BY status"
        )
        newest = [row["newest"] for row in files if row["status"] == "loaded"]
        young = self._rows(
            "SELECT uniqExactIf(date, is_provisional) AS provisional,"
            " countIf(isNull(cost_reporting) AND (isNotNull(cost) OR isNull(currency))) AS unpriced"
            " FROM @marts.mart_account_daily AS a WHERE {days}",
            period,
        ) if period else []  # fmt: skip
        return Freshness(
            first_date=dates[0],
            last_date=dates[1],
            provisional_days=young[0]["provisional"] if young else 0,
            unpriced=young[0]["unpriced"] if young else 0,
            unpriced_currencies=self.unpriced_currencies(period),
            last_loaded_at=newest[0] if newest else None,
            last_published_at=published,
            failed_build=failed,
            files={str(row["status"]): row["n"] for row in files},
        )

    def quality(self) -> Quality:
        found = trust.quality(self.warehouse)
        failed = [check for check in found.items if not check.success]
        errors = [check for check in failed if check.severity == "error"]
        return Quality(
            state=found.state,
            checked_at=found.checked_at,
            run_id=found.run_id,
            expectations=len(found.items),
            warnings=len(failed) - len(errors),
            errors=len(errors),
            messages=[check.detail for check in errors + [check for check in failed if check not in errors]][:10],
        )


def _period(date_from: date | None, date_to: date | None, last: date | None) -> Period | None:
    end = date_to or max(filter(None, (last, date_from)), default=None)
    if end is None:
        return None
    start = date_from or end
    return Period(date_from=start, date_to=end, days=(end - start).days + 1)


def _series(period: Period | None) -> Period | None:
    """The days of the daily series: the period, and at least ``SPARK_DAYS``."""
    if period is None:
        return None
    days = max(SPARK_DAYS, period.days)
    return Period(date_from=period.date_to - timedelta(days=days - 1), date_to=period.date_to, days=days)


def _before(period: Period) -> Period:
    end = period.date_from - timedelta(days=1)
    return Period(date_from=end - timedelta(days=period.days - 1), date_to=end, days=period.days)


def _summed(mart: str, keys: Mapping[str, str], labels: Mapping[str, str] | None = None) -> str:
    """A query of sums and ratios by keys, with labels; each name → SQL over ``r``."""
    named = "".join(f"{sql} AS {name}, " for name, sql in (dict(keys) | dict(labels or {})).items())
    grouped = f" GROUP BY {', '.join(keys)}" if keys else ""
    return (
        f"SELECT *, {measures.ratios()}, cost AS spend, conversion_value AS value FROM (SELECT {named}{measures.sums('1')}"
        f" FROM @marts.{mart} AS r WHERE r.{{days}}{grouped})"
    )


def _with_share(sums: Mapping[str, Any]) -> dict[str, Any]:
    return {**sums, "priced_share": measures.priced_share(sums)}


def _change(now: Totals, before: Totals, name: str) -> float | None:
    if name in _OF_MONEY and not measures.comparable(now.priced_share, before.priced_share):
        return None
    new, old = getattr(now, name), getattr(before, name)
    return _ratio(_minus(new, old), old and abs(old))


def _minus(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a - b


def _ratio(a: Any, b: Any) -> float | None:
    return None if a is None or b is None or b <= 0 else float(a) / float(b)


def _ranked(campaigns: list[Campaign], *, best: bool) -> list[Campaign]:
    """The campaigns that made the most money, or lost the most."""
    known = [c for c in campaigns if c.profit is not None and (c.profit > 0) == best and c.profit != 0]
    return sorted(known, key=lambda c: c.profit or Decimal(0), reverse=best)[:TOP]


def _waste(campaigns: list[Campaign], everyone: list[Campaign]) -> Waste:
    """What those that can be judged spent in vain, as a share of what all spent."""
    spent = sum((c.spend for c in everyone if c.spend), Decimal(0))
    idle = [c for c in campaigns if c.spend and c.conversions == 0]
    amount = sum((c.spend for c in idle if c.spend), Decimal(0))
    return Waste(amount=amount, share=_ratio(amount, spent), campaigns=len(idle), top=idle[:TOP])
