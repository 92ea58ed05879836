"""Put files into the bucket so that nobody ever sees half of one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from include.landing.bucket import Bucket
from include.settings import Settings


def drop(settings: Settings, path: Path, key: str) -> bool:
    """Copy a local file to a key; return whether anything was copied (the same bytes may be there already)."""
    bucket = Bucket(settings)
    if bucket.exists(key) and same_content(bucket, path, key):
        return False
    bucket.put(path, key)
    return True


def free_key(settings: Settings, path: Path, folder: str) -> str:
    """A key for the file in a folder: its name, or its name with a hash when other content has that name."""
    bucket = Bucket(settings)
    key = f"{folder}/{path.name}"
    if bucket.exists(key) and not same_content(bucket, path, key):
        stem, dot, rest = path.name.partition(".")
        key = f"{folder}/{stem}-{_sha256(path)[:8]}{dot}{rest}"
    return key


def same_content(bucket: Bucket, path: Path, key: str) -> bool:
    """Whether the key holds the bytes of the file."""
    return bucket.stat(key).size == path.stat().st_size and bucket.sha256(key) == _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
