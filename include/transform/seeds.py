"""dbt seeds, loaded when their files differ from what the warehouse was given last."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from include.settings import Settings
from include.transform import results, runner
from include.transform.lock import layer_lock
from include.transform.report import BuildError
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
    """Run ``dbt seed`` unless these files are loaded; return whether it ran. Others wait meanwhile.

    What was loaded is kept in ``ops.dbt_results`` (node 'seeds', the checksum as its message), so it goes where
    the data goes. Raises ``BuildError`` when dbt refuses a seed.
    """
    want = checksum()
    if _loaded(settings) == want:
        return False
    with layer_lock(settings, NODE, alone=True):
        return _loaded(settings) != want and _load(settings, run_id, want)


def _load(settings: Settings, run_id: str, want: str) -> bool:
    outcome = runner.invoke(settings, ["seed", "--full-refresh"])
    nodes = [results.NodeResult(**node) for node in outcome.nodes]
    if not outcome.success:
        bad = [f"{n.node}: {' '.join(n.message.split())[:400]}" for n in nodes if n.status == "error"]
        raise BuildError("dbt cannot load the seeds: " + (" | ".join(bad) or outcome.error))
    seconds = sum(node.seconds for node in nodes)
    stamp = results.NodeResult(NODE, "seed", "success", len(nodes), seconds, want)
    results.keep(settings, run_id, "seeds", [*nodes, stamp])
    log.info("loaded %d seeds in %.1f s", len(nodes), seconds)
    return True


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
