"""State-based slim CI: ``python -m tests.support.slim [--base REF]`` builds and tests what a change of the models touches.

The state is the project as it is at BASE, built on sample files by the embedded engine: its manifest, and a warehouse that
holds its tables. It is made once for a commit and kept below ``.venv/.cache/slim`` (or ``--keep``). A change is then
built on a copy of that warehouse, into databases of its own (``slim_staging``, ``slim_marts``): dbt selects what is
modified and all that depends on it, and reads everything else where BASE has it (``--defer``).
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from include import landing
from include.landing.bucket import Bucket
from include.samples import DEMO, generate, write_extras
from include.settings import REPO, Settings
from include.transform import runner
from include.warehouse.client import connect
from include.warehouse.migrate import MIGRATIONS, migrate
from tests.support import history
from tests.support.engines import clickhouse_server, settings_of

PREFIX = "slim_"
DAYS = 21


@dataclass(frozen=True)
class Kept:
    """A state: ``manifest.json`` and the folder of a warehouse."""

    folder: Path

    @property
    def manifest(self) -> Path:
        return self.folder / "state" / "manifest.json"

    @property
    def home(self) -> Path:
        return self.folder / "home"


def project_at(commit: str, into: Path) -> Path:
    """The dbt project of a commit, below ``into``. Raises ``CalledProcessError`` for what is no commit."""
    into.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "archive", commit, "dbt_project"], cwd=REPO, check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(into)], input=archive, check=True)
    return into / "dbt_project"


def fork_point(base: str) -> str:
    """The commit at which this checkout left BASE."""
    found = subprocess.run(["git", "merge-base", base, "HEAD"], cwd=REPO, capture_output=True, text=True)
    if found.returncode:
        sys.exit(
            f"git knows no common commit with {base!r}; fetch it with its history, or name another: make slim BASE=…"
        )
    return found.stdout.strip()


def make(project: Path, folder: Path, models: Sequence[str] = (), *, samples: bool = True) -> Kept:
    """Build a project on files and keep the state in ``folder``; ``models`` limits it to a selection.

    Without ``samples`` the files are a small history only.
    """
    kept = Kept(folder)
    if kept.manifest.exists():
        return kept
    shutil.rmtree(folder, ignore_errors=True)
    settings = settings_of(kept.home)
    with clickhouse_server(settings), patch.object(runner, "PROJECT", project):
        client = connect(settings)
        migrate(client)
        _land(settings, samples)
        client.close()
        chosen = ["--select", *models] if models else []
        for command in (["seed"], ["run", *chosen]):
            _dbt(settings, command)
        # Written whole by a parse: that of a run is of what it was called with.
        _dbt(settings, ["parse"])
    kept.manifest.parent.mkdir(parents=True)
    shutil.copy(runner.manifest_file(settings), kept.manifest)
    return kept


def build_changed(kept: Kept, project: Path = runner.PROJECT) -> list[dict[str, object]]:
    """Build and test what differs from the state, on a copy of its warehouse; nodes as ``runner.Outcome`` has them.

    Raises ``SystemExit`` with what failed.
    """
    with _copy(kept) as settings, patch.object(runner, "PROJECT", project):
        words = ["build", "--select", "state:modified+", "--defer", "--state", str(kept.manifest.parent)]
        return _dbt(settings, words, {"INSIGHTFLOW_DBT_PREFIX": PREFIX})


@contextmanager
def _copy(kept: Kept) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="insightflow-slim-") as home:
        # Links stay links, which ClickHouse writes to lead from folder to folder.
        shutil.copytree(kept.home / "clickhouse", Path(home) / "clickhouse", symlinks=True)
        settings = settings_of(Path(home))
        with clickhouse_server(settings):
            client = connect(settings)
            migrate(client)
            client.close()
            yield settings


def _land(settings: Settings, samples: bool) -> None:
    """Three weeks of the demo's exports, and a history with restatements and renamed campaigns."""
    root = settings.home / "landing"
    if samples:
        write_extras(root, generate(root, replace(DEMO, days=DAYS, daily_files=3)))
    folder = root / "history" / "generic"
    folder.mkdir(parents=True)
    for file in history.exports(DAYS, DEMO.last_day):
        (folder / file.name).write_text(file.text)
    client = connect(settings)
    bucket = Bucket(settings)
    lines = landing.load(landing.discover(client, bucket), "slim", client, bucket)
    client.close()
    bad = [f"{line.uri}: {line.error}" for line in lines if line.status not in ("loaded", "duplicate")]
    if bad:
        sys.exit("the samples do not load: " + "; ".join(bad))


def _dbt(settings: Settings, words: list[str], environment: dict[str, str] | None = None) -> list[dict[str, object]]:
    outcome = runner.invoke(settings, words, environment=environment or {})
    if not outcome.success:
        bad = [
            f"{n['node']}: {' '.join(str(n['message']).split())}"
            for n in outcome.nodes
            if n["status"] in ("error", "fail")
        ]
        sys.exit(f"dbt {words[0]}: " + ("\n".join(bad) or outcome.error))
    return outcome.nodes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="origin/main", help="what the change will be merged into")
    parser.add_argument("--keep", type=Path, default=REPO / ".venv" / ".cache" / "slim", help="where states are kept")
    options = parser.parse_args()
    commit = fork_point(options.base)
    # The files that are loaded and the tables that hold them are of this checkout.
    schema = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(MIGRATIONS.glob("*.sql")))).hexdigest()[:8]
    folder = options.keep / f"{commit[:16]}-{schema}"
    with tempfile.TemporaryDirectory(prefix="insightflow-base-") as made:
        if not Kept(folder).manifest.exists():
            print(f"building the models of {commit[:12]} on sample files, once", flush=True)
            for old in options.keep.glob("*"):
                shutil.rmtree(old)
        kept = make(project_at(commit, Path(made) / "base"), folder)
    nodes = build_changed(kept)
    kinds = [str(node["resource_type"]) for node in nodes]
    print(f"{len(nodes)} nodes differ from {commit[:12]} or depend on such: " + ", ".join(
        f"{kinds.count(kind)} {kind}s" for kind in sorted(set(kinds))) if nodes else f"no model differs from {commit[:12]}")  # fmt: skip


if __name__ == "__main__":
    main()
