"""Finding every process of an installation, whoever its parent is now."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

from include.services.environment import SERVICE_MARK
from include.settings import Settings


def of_installation(settings: Settings) -> list[psutil.Process]:
    """Processes that services of this home started, oldest first, without the caller and its parents.

    A process is told by its environment (our mark and this home) or by its working directory, because programs
    that rename themselves (PostgreSQL, Airflow's workers) write over their environment; then its children and
    the members of its process group count too.
    """
    home = settings.home
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, psutil.Process] = {}
    everyone = list(psutil.process_iter())
    for process in everyone:
        if process.pid not in own and _is_ours(process, home):
            found[process.pid] = process
    groups = set(found)
    for process in everyone:
        if process.pid in own or process.pid in found:
            continue
        try:
            if os.getpgid(process.pid) in groups or any(p.pid in groups for p in process.parents()):
                found[process.pid] = process
        except (psutil.Error, ProcessLookupError):
            continue
    return sorted(found.values(), key=lambda process: process.pid)


def end(processes: list[psutil.Process], grace: float = 10.0) -> None:
    """Terminate, wait, then kill what is left."""
    for process in processes:
        _quietly(process, "terminate")
    _, left = psutil.wait_procs(processes, timeout=grace)
    for process in left:
        _quietly(process, "kill")
    psutil.wait_procs(left, timeout=5)


def describe(process: psutil.Process) -> str:
    """``pid name`` for messages."""
    try:
        return f"{process.pid} {process.name()}"
    except psutil.Error:
        return str(process.pid)


def listener(port: int) -> str:
    """Who listens on a TCP port of this machine, as far as we may see; empty when unknown."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return ""
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                return ""
            try:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (process {process.pid})"
            except psutil.Error:
                return f"process {connection.pid}"
    return ""


def _is_ours(process: psutil.Process, home: Path) -> bool:
    try:
        variables = process.environ()
        if variables.get(SERVICE_MARK) and variables.get("INSIGHTFLOW_HOME") == str(home):
            return True
    except psutil.Error:
        pass
    try:
        folder = Path(process.cwd())
    except (psutil.Error, OSError):
        return False
    if folder.is_relative_to(home / "run" / "services"):
        return True
    return folder == home / "postgres" and "postgres" in process.name()


def _quietly(process: psutil.Process, action: str) -> None:
    with contextlib.suppress(psutil.Error):
        getattr(process, action)()
