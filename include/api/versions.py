"""Versions of the data that answers are made of: what an ETag is made of, and what a kept answer is good for.

Of ClickHouse's tables a version is what ``system.parts`` says of them, so it changes with any write, whoever made it.
Of insights it is a counter that PostgreSQL raises in the transaction that changes them. Neither reads a row of data,
and both are asked for at most once in ``api_fresh_seconds``.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from typing import Any

from cachetools import TTLCache

from include.api.backends import Backends
from include.api.scope import Caller
from include.warehouse.cluster import parts

INSIGHTS = "insights"
# Views, and the tables that they read.
VIEWS = {
    "ops.rejected_rows": ("ops.load_rejects", "ops.file_ledger"),
    "ops.current_loads": ("ops.file_ledger",),
    "ops.file_coverage": ("ops.load_coverage", "ops.file_ledger"),
    "ops.restatements": ("ops.restatement_log",),
}
# Block numbers rise with every write of a table and stay with its rows when the engine merges parts, so a merge that
# drops no row is no new version; the last number of a part's name, where it has five, is that of a mutation.
_PARTS = """
SELECT
    concat(database, '.', table) AS name,
    toString(cityHash64(any(written_in), sum(rows_there), groupBitXor(cityHash64(server, partition_id, blocks)))) AS version
FROM (
    SELECT
        p.database AS database, p.table AS table, p.server AS server, p.partition_id AS partition_id,
        any(t.uuid) AS written_in, sum(p.rows) AS rows_there,
        (min(p.min_block_number), max(p.max_block_number), max(splitByChar('_', p.name)[5])) AS blocks
    FROM {parts} AS p
    INNER JOIN system.tables AS t ON p.database = t.database AND p.table = t.name
    WHERE p.active AND p.database IN {databases:Array(String)} AND p.table IN {tables:Array(String)}
    GROUP BY database, table, server, partition_id
)
GROUP BY name
"""


class Versions:
    """What was last heard of each table's version. Safe to share between threads."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._lock = threading.Lock()
        self._known: TTLCache[Any, tuple[float, str]] = TTLCache(2000, 60)
        self._watched: set[str] = set()

    def known(self, sources: Sequence[str], caller: Caller) -> str | None:
        """The version of these sources together for a caller, where it is fresh enough to need no question."""
        found = []
        with self._lock:
            for key in self._keys(sources, caller):
                known = self._known.get(key)
                if known is None or time.monotonic() - known[0] > self._backends.settings.api_fresh_seconds:
                    return None
                found.append(known[1])
        return hashlib.sha256("|".join(found).encode()).hexdigest()[:20]

    def now(self, sources: Sequence[str], caller: Caller) -> str:
        """The version, asked for where what is known is old. Raises ``Unavailable``."""
        if (version := self.known(sources, caller)) is not None:
            return version
        asked = time.monotonic()
        if _tables(sources) and self._any_old(_tables(sources)):
            # One question for every table that is asked for these days, whichever answer needs them first.
            self._watched |= set(_tables(sources))
            tables = sorted(self._watched)
            rows = self._backends.query(
                _PARTS.replace("{parts}", parts(self._backends.settings.clickhouse_cluster)),
                {
                    "databases": sorted({name.split(".")[0] for name in tables}),
                    "tables": sorted({name.split(".")[1] for name in tables}),
                },
            )
            found = {str(row["name"]): str(row["version"]) for row in rows}
            with self._lock:
                self._known.update({name: (asked, found.get(name, "")) for name in tables})
        if INSIGHTS in sources and self._any_old([self._person(caller)]):
            version = self._insights(caller)
            with self._lock:
                self._known[self._person(caller)] = (asked, version)
        with self._lock:
            listed = [self._known.get(key, (0.0, ""))[1] for key in self._keys(sources, caller)]
        return hashlib.sha256("|".join(listed).encode()).hexdigest()[:20]

    def _any_old(self, keys: Sequence[Any]) -> bool:
        with self._lock:
            known = [self._known.get(key) for key in keys]
        oldest = time.monotonic() - self._backends.settings.api_fresh_seconds
        return any(one is None or one[0] < oldest for one in known)

    def forget_insights(self) -> None:
        """Something was just changed here: who changed it must see it."""
        with self._lock:
            for key in [key for key in self._known if not isinstance(key, str)]:
                del self._known[key]

    def _insights(self, caller: Caller) -> str:
        from sqlalchemy import text

        with self._backends.postgres(caller) as connection:
            return str(
                connection.execute(
                    text(
                        "SELECT concat_ws('/', (SELECT string_agg(workspace || ' ' || version, ',' ORDER BY workspace)"
                        " FROM insight_versions), (SELECT max(id) FROM publications))"
                    )
                ).scalar()
            )

    @staticmethod
    def _person(caller: Caller) -> tuple[str, tuple[str, ...]]:
        return (INSIGHTS, caller.workspaces)

    def _keys(self, sources: Sequence[str], caller: Caller) -> list[Any]:
        keys: list[Any] = list(_tables(sources))
        return [*keys, self._person(caller)] if INSIGHTS in sources else keys


def _tables(sources: Sequence[str]) -> list[str]:
    named = [table for name in sources if name != INSIGHTS for table in VIEWS.get(name, (name,))]
    return sorted(set(named))
