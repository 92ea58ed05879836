"""What is kept of a random secret in place of it."""

from __future__ import annotations

import hashlib


def digest(secret: str) -> str:
    """SHA-256: 256 bits of entropy need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
