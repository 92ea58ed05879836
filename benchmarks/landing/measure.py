"""CPU, wall and peak memory of work that several processes share, from ``/proc``."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """Seconds and megabytes (peak of resident memory, of each process that worked, added)."""

    wall: float
    cpu: float
    peak_mb: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak_mb, other.peak_mb))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_mb(pid: int) -> float:
    """Highest resident size since ``forget_peak``."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak(pid: int) -> None:
    """Start a new peak at the present size."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextmanager
def measured(*pids: int, only_growth: bool = False) -> Iterator[list[Cost]]:
    """Cost of the block in these processes and in this one; the list has it when the block has ended.

    ``only_growth``: of this process's memory, what it took on top of what it had.
    """
    every = {*pids, os.getpid()}
    for pid in every:
        forget_peak(pid)
    cost: list[Cost] = []
    had = peak_mb(os.getpid()) if only_growth else 0.0
    before, started = {pid: cpu_seconds(pid) for pid in every}, time.monotonic()
    yield cost
    wall = time.monotonic() - started
    cost.append(Cost(wall, sum(cpu_seconds(pid) - before[pid] for pid in every), sum(map(peak_mb, every)) - had))


def in_process(command: Sequence[str], timeout: float = 1800) -> dict[str, Any]:
    """Run a way as a process; the last line that it prints is JSON. ``{"missing": …}`` where it cannot run here."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        return {"missing": (done.stderr.strip().splitlines() or ["no output"])[-1][:200]}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def report(cost: Cost, **more: Any) -> None:
    """Print what ``in_process`` reads."""
    print(json.dumps({**asdict(cost), **more}))


def median(costs: Sequence[Cost]) -> Cost:
    """Of each figure for itself."""
    return Cost(
        statistics.median(c.wall for c in costs),
        statistics.median(c.cpu for c in costs),
        statistics.median(c.peak_mb for c in costs),
    )
