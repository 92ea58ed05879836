"""Memory of processes, as the kernel counts it, and a limit on it: a control group (v1), which takes root."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup/memory")
MIB = 1024 * 1024


@dataclass
class Peaks:
    """Megabytes, the most at any time of some processes together: memory of their own (nothing gives it back but they),
    and pages of files that they map (the kernel takes them back when it wants to)."""

    anonymous: float = 0.0
    of_files: float = 0.0


@contextlib.contextmanager
def peaks(*pids: int, every: float = 0.02) -> Iterator[Peaks]:
    """Watch processes while the block runs."""
    found, done = Peaks(), threading.Event()

    def watch() -> None:
        while not done.is_set():
            sizes = [_resident(pid) for pid in pids]
            found.anonymous = max(found.anonymous, sum(own for own, _ in sizes))
            found.of_files = max(found.of_files, sum(mapped for _, mapped in sizes))
            done.wait(every)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()


def _resident(pid: int) -> tuple[float, float]:
    values = dict.fromkeys(("RssAnon", "RssFile"), 0.0)
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in values:
            values[name] = int(rest.split()[0]) / 1024
    return values["RssAnon"], values["RssFile"]


@contextlib.contextmanager
def limited(megabytes: int) -> Iterator[Path | None]:
    """A new control group of so much memory, page cache included; None where the kernel has no such groups for us.

    What runs in it and takes more memory of its own is killed; pages of files are taken back before that.
    """
    if not os.access(GROUPS / "memory.limit_in_bytes", os.W_OK):
        yield None
        return
    group = GROUPS / f"insightflow-bench-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(megabytes * MIB))
        yield group
    finally:
        for _ in range(100):
            with contextlib.suppress(OSError):  # its processes are still ending
                group.rmdir()
                break
            time.sleep(0.1)


def enter(group: Path) -> None:
    """Put this process, and all that it starts, into a group."""
    (group / "cgroup.procs").write_text(str(os.getpid()))


def times_full(group: Path) -> int:
    """How often the limit was met, so that pages of files had to go."""
    return int((group / "memory.failcnt").read_text())
