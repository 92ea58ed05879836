"""All benchmarks in turn: ``python benchmarks/run.py [--quick] [NAME…]``. A benchmark is a folder with a ``main.py``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run each as a process of its own; return 1 if one failed."""
    found = sorted(path.parent.name for path in HERE.glob("*/main.py"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and once: shows that all works, not how fast")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(found)}; all without one")
    options = parser.parse_args()
    if unknown := set(options.names) - set(found):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(found)}")
    failed = []
    for name in options.names or found:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}.main", *(["--quick"] if options.quick else [])]
        if subprocess.run(command, cwd=HERE.parent, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
