"""Which account and date each load brings, at the grain at which a newer export replaces an older one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from clickhouse_connect.driver.client import Client

from include.landing.bucket import sql_string
from include.landing.ledger import LedgerLine
from include.landing.rates import is_of_rates
from include.landing.statement import ROWS

NO_TIME = "'1970-01-01 00:00:00.000'"
DATES = "%Y-%m-%d %H:%M:%S.%f"


def write_coverage(client: Client, lines: Sequence[LedgerLine]) -> None:
    """Note what the lines' loads cover; exchange rates cover nothing. Visible with their ledger rows, which come after."""
    lines = [line for line in lines if not is_of_rates(line.source)]
    if not lines:
        return
    ids = ", ".join(str(line.load_id) for line in lines)

    def of_load(values: Sequence[str], default: str) -> str:
        if len(set(values)) == 1:
            return values[0]
        return f"transform(load_id, [{ids}], [{', '.join(values)}], {default})"

    orders = [sql_string(line.export_order.astimezone(UTC).strftime(DATES)[:-3]) for line in lines]
    grain = of_load([sql_string(line.grain) for line in lines], "''")
    client.command(
        "INSERT INTO ops.load_coverage (load_id, export_id, file_id, workspace, source, grain, account_id, date, rows,"
        f" loaded_at, export_order) SELECT load_id, {of_load([str(line.export_id) for line in lines], '0')},"
        f" any(file_id), any(workspace), any(source), {grain}, account_id, date, count(),"
        f" toDateTime64('{lines[0].loaded_at.strftime(DATES)}', 6, 'UTC'),"
        f" toDateTime64({of_load(orders, NO_TIME)}, 3, 'UTC') FROM {ROWS}"
        f" WHERE load_id IN ({ids}) AND disposition = 'loaded'"
        " GROUP BY load_id, account_id, date",
        settings={"max_query_size": 64 * 1024**2, "max_partitions_per_insert_block": 0},
    )
