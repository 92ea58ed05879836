"""All benchmarks in turn: ``python benchmarks/run.py [--quick] [NAME…]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[1]
# Name → module, and what makes it small, once and without a report.
BENCHMARKS = {
    "landing": ("benchmarks.landing.main", ["--quick"]),
    "transform": ("benchmarks.transform.main", ["--quick"]),
    "anomalies-cost": ("benchmarks.anomalies.cost", ["--quick"]),
    "api": ("benchmarks.api.main", ["--quick"]),
    "embedded": ("benchmarks.embedded.throughput", ["--rows", "100000", "--runs", "1", "--report", os.devnull]),
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
        module, quick = BENCHMARKS[name]
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", module, *(quick if options.quick else [])], cwd=REPO).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
