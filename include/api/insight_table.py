"""All insights as CSV or Parquet, read by a cursor of the server's: constant memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import orjson

from include.api import store, tables
from include.api.backends import Backends
from include.api.money import meaning
from include.api.schemas import Insight, Order
from include.api.scope import Caller

# As in JSON: those of the database in its order, and what the amount is.
COLUMNS = [*Insight.model_fields, *Insight.model_computed_fields]
GROUP = 5000


def pieces(
    backends: Backends, caller: Caller, filters: store.Filters, order: Order, currencies: store.Currencies, kind: str
) -> Iterator[bytes]:
    """The table's bytes. Raises ``Unavailable`` with the first piece."""
    with backends.postgres(caller) as connection:
        found = store.everything(connection, filters, order, currencies)
        rows = ([*(_plain(value) for value in row), meaning(row.kind)] for row in found)
        yield from tables.rows_as_csv(COLUMNS, rows) if kind == tables.CSV else _parquet(rows)


def joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """A piece that was awaited, and the others."""
    yield first
    yield from rest


def _plain(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _parquet(rows: Iterator[list[Any]]) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "id": pa.int64(), "rank": pa.int32(), "impact_amount": pa.decimal128(18, 2), "confidence": pa.float64(),
        "is_provisional": pa.bool_(), "date_start": pa.date32(), "date_end": pa.date32(),
    }  # fmt: skip
    times = pa.timestamp("us", tz="UTC")
    schema = pa.schema([(n, times if n.endswith("_at") else types.get(n, pa.string())) for n in COLUMNS])
    out = _Sink()
    with pq.ParquetWriter(out, schema) as writer:
        group: list[list[Any]] = []
        for row in rows:
            group.append(row)
            if len(group) == GROUP:
                writer.write_batch(_batch(group, schema))
                group = []
                yield out.taken()
        if group:
            writer.write_batch(_batch(group, schema))
    yield out.taken()


def _batch(group: list[list[Any]], schema: Any) -> Any:
    import pyarrow as pa

    columns = zip(*group, strict=True)
    return pa.record_batch([pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


class _Sink(io.RawIOBase):
    """Takes what is written, tells how much that was in all, and gives away what it holds."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._held.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def taken(self) -> bytes:
        made, self._held = b"".join(self._held), []
        return made
