"""dbt's command line, in this process."""

from __future__ import annotations

import gc
import itertools
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from include.services.environment import dbt_environment
from include.settings import REPO, Settings
from include.transform import manifest

log = logging.getLogger(__name__)

PROJECT = REPO / "dbt_project"
# Commands that work on a parsed project; the others (deps, parse, docs) read the files themselves.
PARSED = ("build", "run", "test", "seed", "compile", "show", "source")
DATES = "INSIGHTFLOW_DBT_DATES"
CALLS_BETWEEN_COLLECTIONS = 8
_calls = itertools.count(1)


@dataclass(frozen=True)
class Outcome:
    """What dbt says: ``nodes`` as keyword arguments of ``NodeResult``, ``error`` when it failed before any node."""

    success: bool
    nodes: list[dict[str, Any]]
    error: str
    result: Any = None
    relations: dict[str, str] = field(default_factory=dict)


def invoke(
    settings: Settings,
    arguments: list[str],
    *,
    environment: Mapping[str, str] | None = None,
    watch: Callable[[Any], Callable[[Any], None]] | None = None,
) -> Outcome:
    """Run dbt with the project, profile and folders of this installation.

    What it writes goes below ``<home>``. The parsed project is kept there, so a call costs a second, not ten.
    ``environment`` is added to dbt's (``DATES`` names the dates to rebuild); ``watch`` is given the parsed project
    and returns what is told of dbt's events.
    """
    from dbt.cli.main import dbtRunner

    folder = settings.home / "dbt"
    logs = settings.home / "logs" / "dbt"
    values = dbt_environment(settings) | dict(environment or {})

    def full(words: list[str]) -> list[str]:
        return [
            *("--log-level-file", "none", "--no-use-colors"),
            *words,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
            *("--target-path", str(folder / "target"), "--log-path", str(logs)),
        ]

    def parse() -> Any:
        # Whole: dbt's partial parsing overlooks a contract that changes and changes back.
        answer = dbtRunner().invoke(full(["--quiet", "--no-partial-parse", "parse"]))
        if not answer.success:
            raise _Unparsed(str(answer.exception or "dbt cannot parse the project"))
        return answer.result

    with _environment(values), _same_directory():
        parsed = None
        if arguments[0] in PARSED:
            try:
                parsed = manifest.load(PROJECT, folder, values, parse)
            except _Unparsed as error:
                return Outcome(False, [], str(error))
        callbacks = [watch(parsed)] if watch else []
        with _project_left_out_of_garbage_collection():
            raw = dbtRunner(manifest=parsed, callbacks=callbacks).invoke(full(arguments))
    results = [result for result in getattr(raw.result, "results", None) or [] if hasattr(result, "node")]
    relations = {
        str(result.node.unique_id): f"{result.node.schema}.{result.node.alias}"
        for result in results
        if str(result.node.resource_type) in ("model", "seed")
    }
    return Outcome(bool(raw.success), [_node(r) for r in results], str(raw.exception or ""), raw.result, relations)


def become(settings: Settings, arguments: list[str]) -> NoReturn:
    """Replace this process by a command of ``dbt``, with the project, profile and folders of this installation.

    It takes none of the locks of our builds, and keeps no results in ``ops.dbt_results``.
    """
    folders = {
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(settings.home / "dbt" / "by_hand"),
        "DBT_LOG_PATH": str(settings.home / "logs" / "dbt"),
    }
    command = [str(Path(sys.executable).parent / "dbt"), *arguments]
    os.execve(command[0], command, {**os.environ, **dbt_environment(settings), **folders})


def manifest_file(settings: Settings) -> Path:
    """dbt's manifest.json of this installation, for tools that read it (Cosmos, the documentation)."""
    return settings.home / "dbt" / "target" / "manifest.json"


def write_manifest(settings: Settings) -> bool:
    """Write ``manifest_file`` unless it is of the project as it is; return whether it was written.

    Raises ``RuntimeError`` with what dbt says of a project that it cannot parse.
    """
    mark = manifest_file(settings).with_suffix(".key")
    key = manifest.key(PROJECT, dbt_environment(settings))
    if manifest_file(settings).exists() and mark.exists() and mark.read_text() == key:
        return False
    outcome = invoke(settings, ["--quiet", "parse"])
    if not outcome.success:
        raise RuntimeError(f"dbt cannot parse the project: {outcome.error}")
    mark.write_text(key)
    return True


class _Unparsed(Exception):
    """dbt refuses the project's files."""


def _node(result: Any) -> dict[str, Any]:
    response = result.adapter_response or {}
    rows = response.get("rows_affected")
    if str(result.node.resource_type) == "test":
        rows = result.failures
    return {
        "node": str(result.node.name),
        "resource_type": str(result.node.resource_type),
        "status": str(result.status),
        "rows": int(rows) if isinstance(rows, int) and rows >= 0 else None,
        "seconds": float(result.execution_time or 0),
        "message": str(result.message or ""),
        "unique_id": str(result.node.unique_id),
        "sql": str(getattr(result.node, "compiled_code", None) or ""),
    }


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
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
def _project_left_out_of_garbage_collection() -> Iterator[None]:
    """Else the collector looks through the whole parsed project again and again: a fifth of dbt's own time.

    What earlier calls left behind, 15 MB each, is left out with it, so a process of many calls clears up now and then.
    """
    if next(_calls) % CALLS_BETWEEN_COLLECTIONS == 0:
        gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _same_directory() -> Iterator[None]:
    """dbt changes into the project; a process that serves on must not stay there."""
    before = Path.cwd()
    try:
        yield
    finally:
        os.chdir(before)
