"""What goes wrong with services, said so that a person can mend it."""

from __future__ import annotations

from pathlib import Path


class ServiceError(RuntimeError):
    """A service does not start, stop or answer. The message names the remedy."""


def tail(path: Path, lines: int = 12) -> str:
    """The last lines of a log file, indented; empty when there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 16_384))
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines()[-lines:])
