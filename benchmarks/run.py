"""All benchmarks in turn: ``python benchmarks/run.py [--quick] [NAME…]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[1]
SMALL = ["--quick"]
# Name → module, its arguments for a report, and those that make it small, once and without a report.
BENCHMARKS: dict[str, tuple[str, list[str], list[str]]] = {
    "landing": ("benchmarks.landing.main", [], SMALL),
    "landing-memory": (
        "benchmarks.landing.memory",
        [],
        ["--rows", "20000", "--cases", "csv", "--out", os.devnull],
    ),
    "transform": ("benchmarks.transform.main", [], SMALL),
    "anomalies": ("benchmarks.anomalies.main", ["--seeds", "test", "--report"], ["--seeds", "1", "--no-peers"]),
    "anomalies-cost": ("benchmarks.anomalies.cost", [], SMALL),
    "api": ("benchmarks.api.main", [], SMALL),
    "embedded": ("benchmarks.embedded.throughput", [], ["--rows", "100000", "--runs", "1", "--report", os.devnull]),
}


def main() -> int:
    """Run each as a process of its own; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and once: shows that all works, not how fast")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all without one")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    failed = []
    for name in options.names or BENCHMARKS:
        module, full, small = BENCHMARKS[name]
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", module, *(small if options.quick else full)], cwd=REPO).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
