"""``airflow`` with a patient garbage collector: ``python -m include.services.airflow_main api-server …``.

Starting Airflow makes millions of objects that stay; looking through them again and again for garbage is a fifth
of the start-up time. The collector still runs, less often.
"""

from __future__ import annotations

import gc
import sys


def main(arguments: list[str]) -> None:
    """Run a command of ``airflow``."""
    gc.set_threshold(100_000, 20, 20)
    sys.argv = ["airflow", *arguments]
    from airflow.__main__ import main as airflow

    airflow()


if __name__ == "__main__":
    main(sys.argv[1:])
