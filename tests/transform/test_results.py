"""Messages of results that quote rows: those of a workspace that leaves are taken out, and no others."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from include.settings import Settings
from include.transform import results
from include.transform.results import NodeResult

pytestmark = pytest.mark.integration

FOUND = "Got 4 results, configured to fail if != 0"
OF_A = {
    "first": "'a' AS workspace, '17' AS account_id",
    "second": "toDate('2026-06-30') AS date, 'a' AS workspace, 3 AS rows_of_key",
    "last": "'17' AS account_id, 'a' AS workspace",
    "no_workspace": "'17' AS unique_field, 2 AS n_records",
}
OF_OTHERS = {
    "longer": "'ab' AS workspace, '17' AS account_id",
    "with_a_blank": "'a b' AS workspace, '17' AS account_id",
    "with_a_comma": "'a, b' AS workspace, '17' AS account_id",
    "any_letter": "'b' AS workspace, 'a' AS account_id",
    "column_of_such_a_name": "'b' AS workspace, 'a' AS old_workspace",
}


def test_rows_of_a_workspace_go_and_status_and_counts_stay(clickhouse: Settings, warehouse: Client) -> None:
    nodes = [
        NodeResult(name, "test", "fail", 4, 0.1, FOUND, sql=f"SELECT {columns} FROM numbers(4)")
        for name, columns in (OF_A | OF_OTHERS).items()
    ]
    mixed = "SELECT arrayJoin(['b', 'a']) AS workspace, '17' AS account_id"
    nodes.append(NodeResult("mixed", "test", "warn", 2, 0.1, FOUND, sql=mixed))
    nodes.append(NodeResult("a", "model", "error", None, 0.1, "cannot read workspace: a, b: no rows are quoted"))
    results.keep(clickhouse, "quoting", "staging", results.told(clickhouse, nodes))
    before = kept(warehouse)
    results.forget_rows_of(warehouse, "a")
    after = kept(warehouse)
    changed = {node for node in before if before[node] != after[node]}
    assert changed == {*OF_A, "mixed"}
    for node in changed:
        (*counts, message), (*now, rest) = before[node], after[node]
        assert counts == now
        assert message != rest == FOUND + results.GONE
    results.forget_rows_of(warehouse, "a")
    assert kept(warehouse) == after, "twice changes nothing"
    warehouse.command("DELETE FROM ops.dbt_results WHERE run_id = 'quoting'")


def kept(warehouse: Client) -> dict[str, tuple[str, int | None, str]]:
    rows = warehouse.query("SELECT node, status, rows, message FROM ops.dbt_results WHERE run_id = 'quoting'")
    return {str(node): (str(status), n, str(message)) for node, status, n, message in rows.result_rows}
