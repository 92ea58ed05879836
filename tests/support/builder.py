"""A process that builds dates in the order it is given: ``python -m tests.support.builder '[["2026-06-01"], …]'``.

The installation comes by ``INSIGHTFLOW_*`` variables. Each element is one build of its dates through every layer.
"""

from __future__ import annotations

import json
import sys
from datetime import date

from include.settings import get_settings
from include.transform import LAYERS, build


def main(order: list[list[str]]) -> None:
    for number, days in enumerate(order):
        for layer in LAYERS:
            build(layer, map(date.fromisoformat, days), f"builder-{number}", tests=False, settings=get_settings())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
