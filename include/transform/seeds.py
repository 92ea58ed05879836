"""dbt seeds, loaded and tested when their files differ from what the warehouse was given last."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from include.settings import Settings
from include.transform import budgets, results, runner
from include.transform.lock import layer_lock
from include.transform.report import BuildError, BuildReport
from include.warehouse.client import connect

log = logging.getLogger(__name__)

NODE = "seeds"


def checksum(folder: Path | None = None) -> str:
    """Hash of every seed file with its name, and of the properties beside them."""
    digest = hashlib.sha256()
    for path in sorted((folder or runner.PROJECT / "seeds").iterdir()):
        if path.suffix in (".csv", ".yml"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def load_changed(settings: Settings, run_id: str) -> bool:
    """Load the seeds and run their data tests unless these files are loaded; return whether it did. Others wait meanwhile.

    What was loaded is kept in ``ops.dbt_results`` (node 'seeds', the checksum as its message), so it goes where
    the data goes. Built dates whose budgets change wait for another build. Raises ``BuildError`` when dbt refuses a seed
    or a test finds rows that must not be: then nothing is to be built of them.
    """
    want = checksum()
    if _loaded(settings) == want:
        return False
    with layer_lock(settings, NODE, alone=True):
        return _loaded(settings) != want and _load(settings, run_id, want)


def _load(settings: Settings, run_id: str, want: str) -> bool:
    client = connect(settings)
    try:
        # First: were it cut off after the seeds, nothing would tell the change any more.
        budgets.make_wait(client, budgets.dates_touched(client, runner.PROJECT / "seeds" / "budgets.csv"), run_id)
    finally:
        client.close()
    # With its JSON, which the documentation of the models is made of.
    arguments = ["build", "--select", "path:seeds", "--full-refresh", "--indirect-selection", "cautious"]
    outcome = runner.invoke(settings, arguments)
    nodes = results.told(settings, [results.NodeResult(**node) for node in outcome.nodes])
    if not outcome.success:
        # Without a checksum: the files of before are no longer what is loaded, should they come back.
        results.keep(settings, run_id, "seeds", [*nodes, results.NodeResult(NODE, "seed", "error", None, 0, "")])
        report = BuildReport(NODE, run_id, (), True, sum(node.seconds for node in nodes), tuple(nodes))
        raise BuildError(_explain(nodes, outcome.error), report)
    seconds = sum(node.seconds for node in nodes)
    loaded = sum(node.resource_type == "seed" for node in nodes)
    stamp = results.NodeResult(NODE, "seed", "success", loaded, seconds, want)
    results.keep(settings, run_id, "seeds", [*nodes, stamp])
    log.info("loaded %d seeds in %.1f s", loaded, seconds)
    return True


def _explain(nodes: list[results.NodeResult], error: str) -> str:
    """What is wrong, by file, and what to do. A test is called after the seed that it looks at."""
    bad = [f"{n.node}: {' '.join(n.message.split())[:400]}" for n in nodes if n.status in ("error", "fail")]
    names = {n.node for n in nodes if n.resource_type == "seed"}
    files = {f"{name}.csv" for name in names if any(name in text.partition(":")[0] for text in bad)}
    where = f"mend {' and '.join(sorted(files))} in {runner.PROJECT / 'seeds'}, then run again" if files else ""
    said = " | ".join(bad) or error
    return f"the seeds are not as they must be, and nothing is built of them: {said}" + (f" | {where}" if where else "")


def _loaded(settings: Settings) -> str:
    client = connect(settings)
    try:
        rows = client.query(
            "SELECT message FROM ops.dbt_results WHERE layer = 'seeds' AND node = 'seeds'"
            " ORDER BY finished_at DESC LIMIT 1"
        ).result_rows
        return str(rows[0][0]) if rows else ""
    finally:
        client.close()
