"""Weekly upkeep: orphans, old records, and sums that must agree."""

from __future__ import annotations

import logging
import time
from typing import Any

from clickhouse_connect.driver.client import Client

from include.landing.bucket import Bucket
from include.landing.specs import sources
from include.settings import Settings, get_settings
from include.warehouse.client import connect
from include.warehouse.cluster import on_cluster

log = logging.getLogger(__name__)

ORPHAN_SECONDS = 86_400
LOG_DAYS = 30


class SumsDisagree(RuntimeError):
    """Layers of the warehouse do not agree; the message says where."""


def drop_orphans(settings: Settings | None = None) -> dict[str, int]:
    """Delete what loads that never reached the ledger and builds that died left behind more than a day ago, and the rows of
    files that were taken back so long ago, once no build stands on them.

    Returns how much of each. A load id holds the nanoseconds of its beginning, so a load that still runs is never touched.
    """
    settings = settings or get_settings()
    client = connect(settings)
    everywhere = on_cluster(settings.clickhouse_cluster)
    limit = time.time_ns() - ORPHAN_SECONDS * 1_000_000_000
    removed = {}
    try:
        orphan = f"load_id < {limit} AND load_id NOT IN (SELECT load_id FROM ops.file_ledger) OR load_id IN ({_taken_back(client)})"
        for table in ("raw.ad_performance_rows", "ops.load_coverage", "ops.load_rejects"):
            count = int(client.query(f"SELECT count() FROM {table} WHERE {orphan}").result_rows[0][0])
            if count:
                client.command(f"DELETE FROM {table} WHERE {orphan}")
                log.info("%s: removed %d rows of unfinished loads", table, count)
            removed[table] = count
        # New data of dbt's insert_overwrite, whose build was killed before it dropped them.
        tables = client.query(
            "SELECT database, name FROM system.tables WHERE database IN ('staging', 'marts')"
            " AND name LIKE '%__dbt_new_data_%' AND metadata_modification_time < now() - {age:Int32}",
            parameters={"age": ORPHAN_SECONDS},
        ).result_rows
        for database, name in tables:
            client.command(f"DROP TABLE IF EXISTS {database}.`{name}`{everywhere} SYNC")
        removed["tables of unfinished builds"] = len(tables)
    finally:
        client.close()
    bucket = Bucket(settings)
    left = [file for file in bucket.working_copies() if file.modified.timestamp() * 1e9 < limit]
    for file in left:
        bucket.remove(file.key)
    removed["working copies"] = len(left)
    return removed


def _taken_back(client: Client) -> str:
    """A query for the loads of files that were taken back, and whose dates have been built since."""
    query = (
        "SELECT load_id FROM ops.file_ledger WHERE status = 'loaded' AND (file_id, export_id, repair_turn) IN ("
        "SELECT file_id, export_id, repair_turn FROM ops.file_ledger WHERE status = 'removed'"
        f" AND loaded_at < now64(6) - {ORPHAN_SECONDS})"
    )
    built = client.query("EXISTS TABLE staging.int_current_exports").first_row[0]
    return query + (" AND load_id NOT IN (SELECT load_id FROM staging.int_current_exports)" if built else "")


def forget_old_records() -> dict[str, int]:
    """Delete Airflow's task logs older than ``LOG_DAYS``. (Tables of ``ops`` expire by themselves.)"""
    folder = get_settings().home / "logs" / "airflow"
    limit = time.time() - LOG_DAYS * 86_400
    removed = 0
    for path in folder.rglob("*.log") if folder.exists() else ():
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            removed += 1
    return {"log_files": removed}


def check_sums() -> dict[str, Any]:
    """Compare the layers; raise ``SumsDisagree`` with the first differences.

    Every covered and built date is in the facts, and impressions, clicks and cost of staging equal those of the
    facts by workspace, platform, grain and date.
    """
    client = connect()
    try:
        tables = "(database, name) IN (('staging', 'stg_ad_performance'), ('marts', 'fct_ad_performance_daily'))"
        if client.query(f"SELECT count() FROM system.tables WHERE {tables}").result_rows[0][0] < 2:
            log.info("nothing was built yet")
            return {"missing": 0, "differing": 0}
        # Web analytics are no ads: they have facts of their own.
        others = ", ".join(f"'{name}'" for name, spec in sources().items() if spec.kind == "web_analytics")
        missing = client.query(
            f"SELECT DISTINCT workspace, date FROM staging.stg_ad_performance WHERE platform NOT IN ({others})"
            " AND (workspace, date) NOT IN (SELECT workspace, date FROM marts.fct_ad_performance_daily)"
            " ORDER BY date LIMIT 10"
        ).result_rows
        sums = "workspace, platform, grain, date, sum(impressions) AS i, sum(clicks) AS c, sum(cost) AS m"
        differing = client.query(
            f"SELECT workspace, platform, grain, date FROM (SELECT {sums} FROM staging.stg_ad_performance"
            f" WHERE platform NOT IN ({others}) GROUP BY ALL) AS s FULL JOIN (SELECT {sums} FROM marts.fct_ad_performance_daily GROUP BY ALL) AS f"
            " USING (workspace, platform, grain, date)"
            " WHERE s.i IS DISTINCT FROM f.i OR s.c IS DISTINCT FROM f.c OR s.m IS DISTINCT FROM f.m"
            " ORDER BY date LIMIT 10"
        ).result_rows
    finally:
        client.close()
    if missing or differing:
        raise SumsDisagree(
            f"dates of staging missing in the facts: {missing}; sums that differ: {differing}. "
            "Rebuild them with `bin/insightflow backfill --from D --to D --reprocess`"
        )
    return {"missing": 0, "differing": 0}
