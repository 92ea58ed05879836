"""Insights in PostgreSQL. The connection is the caller's (``Backends.postgres``): it holds no rows of others."""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Double,
    Integer,
    Numeric,
    String,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    table,
    text,
    update,
)
from sqlalchemy.engine import Connection, CursorResult, Row
from sqlalchemy.exc import DataError
from sqlalchemy.sql import ColumnElement, Select

from include.api.analytics.paging import BadCursor
from include.api.money import NOT_SUMMED, OF_A_DAY_OR_WEEK
from include.api.schemas import Insight, Order, Status

_TYPES: dict[str, Any] = {
    "id": BigInteger(),
    "date_start": Date(),
    "date_end": Date(),
    "impact_amount": Numeric(18, 2),
    "workspace": String(),
    "rank": Integer(),
    "confidence": Double(),
}
INSIGHTS = table("insights", *(column(name, _TYPES.get(name)) for name in Insight.model_fields))
C = INSIGHTS.c

_DAMAGED = "the cursor is damaged; start again without one"

# Reporting currency by workspace.
Currencies = Mapping[str, str]
# Sort keys, each with True for descending.
_Keys = tuple[tuple[ColumnElement[Any], bool], ...]


def _keys(order: Order, currencies: Currencies) -> _Keys:
    """The sort keys of an order; the id makes every one total."""
    if order == "date":
        return (C.date_end, True), (C.id, True)
    if order == "rank":
        return (C.date_end, True), (C.rank, False), (C.id, False)
    # A million yen are not a million dollars: money in another currency than the workspace reports in is unknown.
    reported = [and_(C.workspace == name, C.impact_currency == unit) for name, unit in sorted(currencies.items())]
    amount: ColumnElement[Any] = case((or_(*reported), C.impact_amount)) if reported else C.impact_amount
    if order == "priority":
        # As the feed ranks. Rounded, so that a cursor's text compares equal.
        amount = amount * cast(func.coalesce(C.confidence, 0), Numeric(9, 6))
    # Unknown impact sorts last; a cursor needs a value to compare with.
    return (cast(func.coalesce(amount, -1), Numeric(26, 8)), True), (C.id, True)


@dataclass(frozen=True)
class Filters:
    """Conditions on a list of insights; None means any."""

    workspace: str | None = None
    status: Sequence[str] | None = None
    kind: Sequence[str] | None = None
    severity: Sequence[str] | None = None
    platform: Sequence[str] | None = None
    entity_type: Sequence[str] | None = None
    entity_id: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    min_impact: Decimal | None = None
    run_id: str | None = None


def find(
    connection: Connection, filters: Filters, order: Order, limit: int, cursor: str | None, currencies: Currencies
) -> tuple[list[Row[Any]], str | None]:
    """A page of insights and the cursor of the next, or None. Raises ``BadCursor``."""
    keys = _keys(order, currencies)
    query = _filtered(select(*INSIGHTS.c), filters)
    if cursor:
        query = query.where(_after(keys, _decode(cursor, order, len(keys))))
    query = query.order_by(*(key.desc() if down else key.asc() for key, down in keys)).limit(limit + 1)
    query = query.add_columns(*(key.label(f"_{n}") for n, (key, _) in enumerate(keys)))
    try:
        rows = list(connection.execute(query))
    except DataError as error:
        raise BadCursor(_DAMAGED) from error
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]._mapping
    return rows[:limit], _encode(order, [last[f"_{n}"] for n in range(len(keys))])


def everything(connection: Connection, filters: Filters, order: Order, currencies: Currencies) -> CursorResult[Any]:
    """All insights in their order, by a cursor of the server's."""
    query = _filtered(select(*INSIGHTS.c), filters)
    query = query.order_by(*(key.desc() if down else key.asc() for key, down in _keys(order, currencies)))
    return connection.execution_options(stream_results=True, max_row_buffer=1000).execute(query)


def get(connection: Connection, insight_id: int) -> Row[Any] | None:
    """The insight, or None where there is none that the caller sees."""
    return connection.execute(select(*INSIGHTS.c).where(C.id == insight_id)).one_or_none()


def set_status(connection: Connection, name: str, insight_id: int, status: Status) -> Row[Any] | None:
    """Set what a person of this name decided and give the insight back, or None where the connection may change none."""
    resolved = status == "resolved"
    statement = (
        update(INSIGHTS)
        .where(C.id == insight_id)
        .values(
            status=status,
            status_by=name,
            status_at=func.now(),
            resolved_at=func.coalesce(C.resolved_at, func.now()) if resolved else None,
        )
        .returning(*INSIGHTS.c)
    )
    return connection.execute(statement).one_or_none()


def counts(connection: Connection, workspace: str, currency: str | None) -> dict[str, Any]:
    """Open and acknowledged insights, the open ones by severity, and their money: in this currency, and beside it in each
    that has no rate to it. Gains and whatever else is of a day or a week are counted apart."""
    adds_up = C.kind.not_in(NOT_SUMMED)
    apart = and_(C.kind.in_(OF_A_DAY_OR_WEEK), C.impact_amount.is_not(None))
    query = (
        select(
            C.status,
            C.severity,
            C.impact_currency,
            func.count().label("n"),
            func.sum(C.impact_amount).filter(adds_up).label("money"),
            func.count().filter(apart).label("apart"),
        )
        .where(C.workspace == workspace, C.status.in_(["open", "acknowledged"]))
        .group_by(C.status, C.severity, C.impact_currency)
    )
    found = {"open": 0, "acknowledged": 0, "apart": 0}
    severities: Counter[str] = Counter()
    money: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for row in connection.execute(query):
        found[row.status] += row.n
        if row.status == "open":
            found["apart"] += row.apart
            severities[row.severity] += row.n
            money[row.impact_currency] += row.money or Decimal(0)
    at_stake = money.pop(currency, Decimal(0)) if currency else Decimal(0)
    return {
        **found,
        "at_stake": at_stake,
        "at_stake_unpriced": {name: amount for name, amount in sorted(money.items(), key=str) if name and amount},
        "by_severity": dict(severities),
    }


def last_published(connection: Connection, day: date | None) -> Any:
    """When a run last published that looked at this day, or None: one of some dates looks at the days after them too."""
    query = text(
        "SELECT max(published_at) FROM publications WHERE EXISTS (SELECT FROM unnest(dates) AS published WHERE published <= :day)"
    )
    return connection.execute(query, {"day": day}).scalar()


def _filtered(query: Select[Any], filters: Filters) -> Select[Any]:
    if filters.workspace is not None:
        query = query.where(C.workspace == filters.workspace)
    for name in ("status", "kind", "severity", "platform", "entity_type"):
        if wanted := getattr(filters, name):
            query = query.where(C[name].in_(list(wanted)))
    if filters.entity_id is not None:
        query = query.where(C.entity_id == filters.entity_id)
    if filters.date_from is not None:
        query = query.where(C.date_end >= filters.date_from)
    if filters.date_to is not None:
        query = query.where(C.date_start <= filters.date_to)
    if filters.min_impact is not None:
        query = query.where(C.impact_amount >= filters.min_impact)
    if filters.run_id is not None:
        query = query.where(_of_run(filters.run_id))
    return query


def _of_run(run_id: str) -> ColumnElement[bool]:
    """Insights of the days that the run published: one that a re-run left unchanged still is its day's."""
    return text(
        "EXISTS (SELECT FROM publications AS p CROSS JOIN LATERAL unnest(p.dates) AS published"
        " WHERE p.run_id = :run_id AND published BETWEEN insights.date_start AND insights.date_end)"
    ).bindparams(run_id=run_id)  # type: ignore[return-value]  # typed as its base class


def _after(keys: Sequence[tuple[ColumnElement[Any], bool]], values: Sequence[str]) -> ColumnElement[bool]:
    """Rows behind the given one: (a, b) after (x, y) is a after x, or a = x and b after y."""
    steps: list[ColumnElement[bool]] = []
    ahead: list[ColumnElement[bool]] = []
    for (key, down), value in zip(keys, values, strict=True):
        bound = cast(literal(value, String()), key.type)
        steps.append(and_(*ahead, key < bound if down else key > bound))
        ahead.append(key == bound)
    return or_(*steps)


def _encode(order: str, values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([order, *map(str, values)]).encode()).decode().rstrip("=")


def _decode(cursor: str, order: Order, length: int) -> list[str]:
    try:
        name, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadCursor(_DAMAGED) from error
    if name != order or len(values) != length or not all(isinstance(value, str) for value in values):
        raise BadCursor(f"the cursor is not one of order={order}; start again without one")
    return [str(value) for value in values]
