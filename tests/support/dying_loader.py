"""A loader process that is killed, or kills its server, around its n-th statement.

The spec: ``settings`` (of an installation), ``workspace``, ``at`` (the statement, counted from 1; 0 for none), ``delay``
(seconds after it was sent), ``victims`` (process ids, 0 for itself), ``note`` (a file to which the number of statements
is written at the end). The kill comes from a thread of its own, while the server works on the statement; the product
knows nothing of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from include.landing import discover, load
from include.landing.bucket import Bucket
from include.settings import Settings
from include.warehouse.client import connect


class Counting:
    """A client that counts what it sends."""

    def __init__(self, client: Any, spec: dict[str, Any]) -> None:
        self.client, self.spec, self.sent = client, spec, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if name not in ("query", "command", "insert"):
            return method

        def send(*args: Any, **kwargs: Any) -> Any:
            self.sent += 1
            if self.sent == self.spec["at"]:
                threading.Thread(target=self.kill, daemon=True).start()
            return method(*args, **kwargs)

        return send

    def kill(self) -> None:
        """End the victims at once, itself last."""
        time.sleep(self.spec["delay"])
        for pid in sorted(self.spec["victims"], reverse=True):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid or os.getpid(), signal.SIGKILL)


def main(spec: dict[str, Any]) -> None:
    """Load what waits in the workspace."""
    settings = Settings(_env_file=None, **spec["settings"])
    bucket = Bucket(settings)
    client = Counting(connect(settings), spec)
    keys = [key for key in discover(client.client, bucket) if key.startswith(f"{spec['workspace']}/")]
    load(keys, "dying", client, bucket)  # type: ignore[arg-type]
    Path(spec["note"]).write_text(str(client.sent))
