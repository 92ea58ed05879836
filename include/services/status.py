"""What runs, for ``status``."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from include.services.programs import Program, programs
from include.services.supervisor import Supervisor
from include.settings import Settings


def status(settings: Settings) -> list[dict[str, Any]]:
    """A row a service: ``service, state, pid, address, uptime, problem``.

    ``state`` is 'ready', 'starting' (it runs and does not answer yet), 'external' servers' 'ready', or
    supervisord's word for a process that does not run.
    """
    states = Supervisor(settings).states()
    listed = programs(settings)
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda program: _row(program, states.get(program.name)), listed))


def _row(program: Program, info: dict[str, Any] | None) -> dict[str, Any]:
    word = str(info["statename"]).lower() if info else "stopped"
    running = word in ("running", "starting")
    problem = program.problem() if running else ""
    state = ("starting" if problem else "ready") if running else word
    return {
        "service": program.name,
        "state": state,
        "pid": str(info["pid"]) if info and running else "",
        "address": program.address,
        "uptime": _duration(time.time() - info["start"]) if info and running else "",
        "problem": problem or (info["spawnerr"] if info and not running else ""),
    }


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(max(0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join([f"{n} {unit}" for n, unit in parts if n][:2]) or "0 s"
