"""Replace this process by a service: ``python launch.py FILE`` reads its command and environment from FILE.

supervisord starts services through this file, so that secrets stay in a 0600 file instead of a configuration
that is parsed, quoted and expanded. It imports nothing of the project: it costs 20 ms.
"""

import json
import os
import sys


def main(path: str) -> None:
    """Execute the service. The file holds ``{"command": [...], "environment": {...}}``."""
    with open(path) as file:  # noqa: PTH123 (pathlib would double the start-up time)
        service = json.load(file)
    os.execve(service["command"][0], service["command"], {**os.environ, **service["environment"]})


if __name__ == "__main__":
    main(sys.argv[1])
