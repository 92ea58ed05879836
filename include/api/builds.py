"""Whether the newest build of each layer stands."""

from __future__ import annotations

from include.api.backends import Backends
from include.api.schemas import FailedBuild

TABLE = "ops.dbt_results"
DAYS = 7  # before the newest build; what is older says nothing of how it stands, and costs


def failed_build(backends: Backends) -> FailedBuild | None:
    """The failure of the newest build of a layer, the latest of them; None where all of them stand.

    Nodes of a build belong to no workspace, so this query has no scope; it tells no message, which may quote a cell.
    """
    from include.transform.report import BAD  # dbt's side, and heavy: the app is there before it

    rows = backends.query(
        "SELECT argMax(run_id, at) AS run_id, argMax(layer, at) AS layer, max(at) AS finished_at FROM ("
        "SELECT layer, run_id, finished_at AS at, countIf(status IN {bad:Array(String)}) AS failed"
        f" FROM {TABLE} WHERE finished_at >= (SELECT max(finished_at) FROM {TABLE}) - INTERVAL {DAYS} DAY"
        " GROUP BY layer, run_id, at ORDER BY at DESC LIMIT 1 BY layer) WHERE failed > 0 HAVING count() > 0",
        {"bad": list(BAD)},
    )
    return FailedBuild.model_validate(rows[0]) if rows else None
