"""What the bucket trigger looks at. Blocking calls: the trigger runs them in a thread."""

from __future__ import annotations

import hashlib

from clickhouse_connect.driver.exceptions import Error

from include.settings import Settings

EMPTY = hashlib.sha256(b"").hexdigest()
# The warehouse being away (a restart) is no reason to give up watching.
UNREACHABLE = Error


def signature(settings: Settings) -> str:
    """Hash of the names and etags of all ready files."""
    from include.landing.bucket import Bucket

    digest = hashlib.sha256()
    for file in Bucket(settings).files():
        digest.update(f"{file.key}\0{file.etag}\n".encode())
    return digest.hexdigest()


def waiting_files() -> list[str]:
    """Files that the ledger does not know."""
    from include.landing import discover

    return discover()
