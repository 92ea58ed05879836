"""Passwords as argon2id hashes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 8, 1024


def hash_password(password: str) -> str:
    """Argon2id hash with its salt and parameters."""
    return _hasher().hash(password)


def verify(known: str | None, password: str) -> bool:
    """Whether the password is the one of the hash. Takes as long where there is no hash."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(known or _nobody(), password) and known is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hash_password("nobody has this password")
