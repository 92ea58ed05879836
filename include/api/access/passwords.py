"""Passwords as argon2id hashes."""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 8, 1024
# A hash takes a core and 64 MB: more at once than there are cores would only keep those waiting who hold a connection.
_TURNS = threading.BoundedSemaphore(os.cpu_count() or 1)


def hash_password(password: str) -> str:
    """Argon2id hash with its salt and parameters."""
    with _TURNS:
        return _hasher().hash(password)


def verify(known: str | None, password: str) -> bool:
    """Whether the password is the one of the hash. Takes as long where there is no hash."""
    from argon2.exceptions import InvalidHashError, VerificationError

    known_or_not = known or _nobody()
    try:
        with _TURNS:
            return _hasher().verify(known_or_not, password) and known is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hash_password("nobody has this password")
