"""Constant load by ``wrk`` (Debian's package) with ``load.lua``: paths at a rate, drawn at random."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 40
SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Result:
    """Times of a load in milliseconds, and what was no answer below 400."""

    requests: int
    rate: float
    p50: float
    p95: float
    p99: float
    worst: float
    failed: int
    cpu: float
    """CPU milliseconds of the server's processes for each request: what a busy machine changes least."""
    busy: float
    """Share of the machine that was busy meanwhile, other work included."""


def http(
    urls: Sequence[str],
    headers: Mapping[str, str],
    rate: int,
    seconds: int,
    folder: Path,
    server: Sequence[str] = (),
    seed: int = 1,
) -> Result:
    """URLs of one server, drawn at random, at the rate in all, over kept-alive connections."""
    first = urlsplit(urls[0])
    listed = folder / "paths.txt"
    listed.write_text("".join(f"{url.removeprefix(f'{first.scheme}://{first.netloc}')}\n" for url in urls))
    given = [part for pair in headers.items() for part in pair]
    before = (*_ticks(), cpu_seconds(server))
    done = subprocess.run(
        [
            "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT),
            f"{first.scheme}://{first.netloc}", "--", str(listed), str(1000 * CONNECTIONS / rate), str(seed), *given,
        ],
        capture_output=True, text=True, timeout=seconds + 60, check=True,
    )  # fmt: skip
    requests, failed, *times = (int(value) for value in done.stdout.splitlines()[-1].split())
    return _result(requests, [value / 1000 for value in times], failed, seconds, before, server)


def pgbench(
    program: Path, dsn: str, statement: str, folder: Path, rate: int, seconds: int, server: Sequence[str] = ()
) -> Result:
    """A statement at a rate by PostgreSQL's own load generator; latency without the wait for the schedule."""
    script = folder / "insights.sql"
    script.write_text(statement.rstrip(";") + ";\n")
    for old in folder.glob("pgbench_log*"):
        old.unlink()
    before = (*_ticks(), cpu_seconds(server))
    command = [str(program), "-n", "-c", "4", "-j", "2", "-R", str(rate), "-T", str(seconds), "-l"]
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
    ordered = sorted(times) or [0.0]
    shown = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95, 0.99, 1.0)]
    return _result(len(times), shown, failed, seconds, before, server)


def _result(
    requests: int,
    percentiles: Sequence[float],
    failed: int,
    seconds: int,
    before: tuple[float, float, float],
    server: Sequence[str],
) -> Result:
    """From p50, p95, p99 and the worst in milliseconds, and the clocks before."""
    after = _ticks()
    cpu = 1000 * (cpu_seconds(server) - before[2]) / max(requests, 1)
    busy = (after[0] - before[0]) / max(after[1] - before[1], 1e-9)
    p50, p95, p99, worst = (round(value, 2) for value in percentiles)
    return Result(requests, round(requests / seconds, 1), p50, p95, p99, worst, failed, round(cpu, 2), round(busy, 2))


def _ticks() -> tuple[float, float]:
    import psutil

    times = psutil.cpu_times()
    total = sum(times[:8])
    return total - times.idle - getattr(times, "iowait", 0.0), total


def cpu_seconds(marks: Sequence[str]) -> float:
    """CPU time so far of the processes whose command line has one of the marks, and of their children."""
    import psutil

    total = 0.0
    seen: set[int] = set()
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if not any(mark in line for mark in marks):
            continue
        with contextlib.suppress(psutil.Error):
            for one in (process, *process.children(recursive=True)):
                if one.pid not in seen:
                    seen.add(one.pid)
                    times = one.cpu_times()
                    # Of children that ended too: a connection of PostgreSQL is a process.
                    total += times.user + times.system + times.children_user + times.children_system
    return total
