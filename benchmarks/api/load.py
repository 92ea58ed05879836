"""Constant load by ``hey`` (Debian's package): open URLs at a rate, every answer's time kept."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 4
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Result:
    """Times of a load in milliseconds, and what did not answer 200 or 304."""

    requests: int
    rate: float
    p50: float
    p95: float
    p99: float
    worst: float
    failed: int
    busy: float
    """Share of the machine that was busy meanwhile, other work included."""


def http(urls: Sequence[str], headers: Mapping[str, str], rate: int, seconds: int) -> Result:
    """All URLs at once, each at its part of the rate, over kept-alive connections."""
    each = max(rate // len(urls) // CONNECTIONS, 1)
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    before = _ticks()
    runs = [
        subprocess.Popen(
            ["hey", "-o", "csv", "-z", f"{seconds}s", "-c", str(CONNECTIONS), "-q", str(each), "-t", "10", *given, url],
            stdout=subprocess.PIPE,
            text=True,
        )
        for url in urls
    ]
    times: list[float] = []
    failed = 0
    for run in runs:
        output, _ = run.communicate(timeout=seconds + 60)
        for row in csv.DictReader(io.StringIO(output)):
            times.append(float(row["response-time"]) * 1000)
            failed += row["status-code"] not in ("200", "304")
    return summed(times, failed, seconds, before)


def pgbench(program: Path, dsn: str, statement: str, folder: Path, rate: int, seconds: int) -> Result:
    """A statement at a rate by PostgreSQL's own load generator; latency without the wait for the schedule."""
    script = folder / "insights.sql"
    script.write_text(statement.rstrip(";") + ";\n")
    for old in folder.glob("pgbench_log*"):
        old.unlink()
    before = _ticks()
    command = [str(program), "-n", "-c", str(CONNECTIONS), "-j", "2", "-R", str(rate), "-T", str(seconds), "-l"]
    done = subprocess.run(
        [*command, "-f", str(script), dsn], cwd=folder, capture_output=True, text=True, timeout=seconds + 60
    )
    times = []
    for log in folder.glob("pgbench_log*"):
        for line in log.read_text().splitlines():
            parts = line.split()
            with contextlib.suppress(ValueError, IndexError):
                times.append((float(parts[2]) - float(parts[6])) / 1000)
    failed = int(m[1]) if (m := re.search(r"number of failed transactions: (\d+)", done.stdout)) else done.returncode
    return summed(times, failed, seconds, before)


def summed(times: list[float], failed: int, seconds: int, before: tuple[float, float]) -> Result:
    """Percentiles of the times."""
    ordered = sorted(times) or [0.0]

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    after = _ticks()
    busy = (after[0] - before[0]) / max(after[1] - before[1], 1e-9)
    return Result(
        len(times), round(len(times) / seconds, 1), at(0.5), at(0.95), at(0.99), at(1.0), failed, round(busy, 2)
    )


def _ticks() -> tuple[float, float]:
    import psutil

    times = psutil.cpu_times()
    total = sum(times[:8])
    return total - times.idle - getattr(times, "iowait", 0.0), total
