"""The parsed dbt project, kept in the home: parsing is most of what a short dbt invocation costs."""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

# What parsing reads of the environment: everything of the profile but the log-in and what is of a run.
NOT_PARSED = (
    "INSIGHTFLOW_DBT_DATES",
    "INSIGHTFLOW_DBT_PASSWORD",
    "INSIGHTFLOW_DBT_COMMENT",
    "INSIGHTFLOW_DBT_KNOWN_TABLES",
)
FILES = ("*.yml", "models/**/*", "macros/**/*", "seeds/*", "tests/**/*", "snapshots/**/*", "analyses/**/*")


def load(project: Path, folder: Path, environment: Mapping[str, str], parse: Callable[[], Any]) -> Any:
    """A ``Manifest`` of the project as its files are now, each call its own: dbt writes into what it runs.

    ``folder`` holds the one that was parsed last; ``parse`` makes it when the files, dbt's version or the profile
    differ. A file that is cut off or of another version is made again, never an error.
    """
    from dbt.contracts.graph.manifest import Manifest

    path = folder / f"manifest-{key(project, environment)}.pickle"
    try:
        return Manifest(**_read(path))
    except FileNotFoundError:
        pass
    except Exception:
        path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "parse.lock").open("w") as lock:
        # Whoever comes second finds what the first has parsed: it takes seconds of CPU.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _write(path, parse())
        return Manifest(**_read(path))


def _read(path: Path) -> dict[str, Any]:
    # The collector would look at a hundred thousand new objects again and again, for four times the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        return dict(pickle.loads(path.read_bytes()))  # a file of our own, in a folder that only we write
    finally:
        if collects:
            gc.enable()


def _write(path: Path, manifest: Any) -> None:
    from dbt.contracts.graph.manifest import Manifest

    # Its parts: dbt's own way to pickle a manifest forgets some (1.11 mixes up what follows them).
    parts = {part.name: getattr(manifest, part.name) for part in fields(Manifest) if not part.name.startswith("_")}
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(pickle.dumps(parts, pickle.HIGHEST_PROTOCOL))
    for old in path.parent.glob("manifest-*.pickle"):
        old.unlink(missing_ok=True)
    draft.replace(path)


def key(project: Path, environment: Mapping[str, str]) -> str:
    """Hash of all that a parsed project depends on; of a seed that is its name, for dbt reads the rows when it loads them."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-clickhouse')}".encode())
    for name in sorted(environment):
        if name.startswith("INSIGHTFLOW_DBT_") and name not in NOT_PARSED:
            digest.update(f"\0{name}={environment[name]}".encode())
    for path in sorted({path for pattern in FILES for path in project.glob(pattern) if path.is_file()}):
        content = b"" if path.suffix == ".csv" else path.read_bytes()
        digest.update(path.relative_to(project).as_posix().encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:24]
