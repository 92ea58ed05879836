"""dbt's command line, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.services.environment import dbt_environment
from include.settings import REPO, Settings

PROJECT = REPO / "dbt_project"


@dataclass(frozen=True)
class Outcome:
    """What dbt says: ``nodes`` as keyword arguments of ``NodeResult``, ``error`` when it failed before any node."""

    success: bool
    nodes: list[dict[str, Any]]
    error: str
    result: Any = None


def invoke(settings: Settings, arguments: list[str]) -> Outcome:
    """Run dbt with the project, profile and folders of this installation.

    What it writes goes below ``<home>``; the partial-parse file there makes every call but the first quick.
    """
    from dbt.cli.main import dbtRunner

    folder = settings.home / "dbt"
    logs = settings.home / "logs" / "dbt"
    with _environment(dbt_environment(settings)), _same_directory():
        raw = dbtRunner().invoke(
            [
                *("--log-level-file", "info", "--no-use-colors"),
                *arguments,
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                *("--target-path", str(folder / "target"), "--log-path", str(logs)),
            ]
        )
    nodes = [_node(result) for result in getattr(raw.result, "results", None) or [] if hasattr(result, "node")]
    return Outcome(bool(raw.success), nodes, str(raw.exception or ""), raw.result)


def _node(result: Any) -> dict[str, Any]:
    response = result.adapter_response or {}
    rows = response.get("rows_affected")
    return {
        "node": str(result.node.name),
        "resource_type": str(result.node.resource_type),
        "status": str(result.status),
        "rows": int(rows) if isinstance(rows, int) and rows >= 0 else None,
        "seconds": float(result.execution_time or 0),
        "message": str(result.message or ""),
    }


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _same_directory() -> Iterator[None]:
    """dbt changes into the project; a process that serves on must not stay there."""
    before = Path.cwd()
    try:
        yield
    finally:
        os.chdir(before)
