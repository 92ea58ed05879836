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


def _numbers(keys: Sequence[str]) -> list[int]:
    return sorted({int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], signed=True) for key in keys})
