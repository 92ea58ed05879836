"""One build at a time, over all processes and machines: an advisory lock in PostgreSQL."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from include.settings import Settings

log = logging.getLogger(__name__)

# Publications hold 7_302_002 (include/insights).
BUILD_LOCK = 7_302_001


@contextmanager
def build_lock(settings: Settings) -> Iterator[None]:
    """Hold the lock; wait for it as long as it takes (a task's time-out ends that). A dead holder frees it."""
    connection = psycopg2.connect(
        settings.postgres_dsn(),
        connect_timeout=10,
        application_name="insightflow build",
        keepalives_idle=30,
    )
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            waited = 0
            while True:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", (BUILD_LOCK,))
                row = cursor.fetchone()
                if row and row[0]:
                    break
                if waited % 60 == 0:
                    log.info("another build is at work; waiting for it")
                waited += 1
                time.sleep(0.5)
        yield
    finally:
        connection.close()
