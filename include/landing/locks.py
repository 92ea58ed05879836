"""Advisory locks of PostgreSQL on files of the bucket, over all processes and machines. A dead holder frees them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg2

from include.settings import Settings

# The class of these two-part locks; builds have 7303 and 7304 (include/transform/lock.py).
FILE_SPACE = 7_302


@contextmanager
def file_locks(settings: Settings, keys: Sequence[str]) -> Iterator[None]:
    """Hold the locks of keys, taken in one order, freed with the connection. Waits for who loads one of them."""
    connection = psycopg2.connect(settings.postgres_dsn(), connect_timeout=10, application_name="insightflow load")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, n) FROM unnest(%s::int[]) AS n", (FILE_SPACE, _numbers(keys)))
        yield
    finally:
        connection.close()


def files_at_work(settings: Settings, keys: Sequence[str]) -> int:
    """How many of the keys somebody loads, or takes back, at this moment."""
    connection = psycopg2.connect(settings.postgres_dsn(), connect_timeout=10, application_name="insightflow load")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(DISTINCT objid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND objid::bigint = ANY (%s::bigint[])",
                (FILE_SPACE, [number % 2**32 for number in _numbers(keys)]),
            )
            return int((cursor.fetchone() or (0,))[0])
    finally:
        connection.close()


def _numbers(keys: Sequence[str]) -> list[int]:
    return sorted({int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], signed=True) for key in keys})
