"""The ingest bucket: a folder or S3, read by us for first bytes and by ClickHouse for rows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import unquote, urlsplit

from include.settings import Settings, get_settings

UNREADY_PREFIXES = (".", "_")
UNREADY_SUFFIXES = (".tmp", ".part")


class BucketError(OSError):
    """The bucket could not be read or written for a reason outside the file: not there, not allowed, broken off."""


@dataclass(frozen=True)
class BucketFile:
    """A file that is ready. ``key`` is its path below the bucket, ``etag`` changes when its bytes may have."""

    key: str
    size: int
    etag: str
    modified: datetime


class Store(Protocol):
    """Where the bucket's files are. Keys are below the bucket's prefix. What goes wrong is an ``OSError``."""

    def files(self, below: str) -> Iterator[BucketFile]:
        """All files whose key starts with ``below/`` (all for ''), in any order."""

    def stat(self, key: str) -> BucketFile:
        """One file. Raises ``FileNotFoundError``."""

    def open(self, key: str) -> IO[bytes]:
        """Its bytes, seekable."""

    def create(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """A stream that becomes the key's bytes when the block ends without an error."""

    def put(self, path: Path, key: str) -> None:
        """Copy a local file; nobody sees half of it."""

    def remove(self, key: str) -> None:
        """Delete a file."""

    def move(self, key: str, target: str) -> None:
        """Give a file another key, in place of what has it. Cut off, the old key is still there. Raises ``FileNotFoundError``."""

    def prune(self, below: str) -> None:
        """Remove folders without files; where folders are no things of their own, nothing."""

    def function(self, keys: Sequence[str]) -> str:
        """ClickHouse's table function that reads the keys, without format and what follows: ``file('…'``."""

    def settings(self) -> dict[str, int]:
        """Settings of queries that read from here."""


def sql_string(text: str) -> str:
    """A ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Bucket:
    """Listing, opening, writing, and naming files for ClickHouse: ``INSIGHTFLOW_BUCKET``, ``file://`` or ``s3://``.

    Raises ``ValueError`` for a URL of another kind.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or get_settings()
        self.url = settings.bucket.rstrip("/")
        self.scheme = urlsplit(self.url).scheme or "file"
        self._store: Store
        if self.scheme == "file":
            self._store = Folder(Path(unquote(urlsplit(self.url).path)), settings.clickhouse_bucket_path.strip("/"))
        elif self.scheme == "s3":
            from include.landing.s3 import s3_store

            self._store = s3_store(self.url)
        else:
            raise ValueError(f"the bucket must be file:// or s3://, not {self.scheme}://: set INSIGHTFLOW_BUCKET")

    def uri(self, key: str) -> str:
        """URL of a key, as it stands in the ledger."""
        return f"{self.url}/{key}"

    def files(self, below: str = "") -> Iterator[BucketFile]:
        """All ready files, in the order of their keys. A folder that is not there yet is empty."""
        for file in sorted(self._store.files(below), key=lambda file: file.key):
            parts = file.key.split("/")
            if not any(part.startswith(UNREADY_PREFIXES) for part in parts) and not file.key.endswith(UNREADY_SUFFIXES):
                yield file

    def working_copies(self) -> list[BucketFile]:
        """Copies that a load made for ClickHouse; of one that was killed they stay."""
        return self.all_files("_work")

    def stat(self, key: str) -> BucketFile:
        """One file. Raises ``FileNotFoundError``."""
        return self._store.stat(key)

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        try:
            self._store.stat(key)
        except FileNotFoundError:
            return False
        return True

    def open(self, key: str) -> IO[bytes]:
        """A key's bytes, seekable. A file that is replaced meanwhile is an error on S3, as in ``BucketError``."""
        return self._store.open(key)

    def sha256(self, key: str) -> str:
        """Hash of a key's bytes, in hexadecimal, as the ledger has it. Raises ``FileNotFoundError``."""
        with self._store.open(key) as there:
            # Ignored: the streams of stores have what is needed.
            return hashlib.file_digest(there, "sha256").hexdigest()  # type: ignore[arg-type]

    def create(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """A stream that becomes the key's bytes when the block ends without an error; folders are made."""
        return self._store.create(key)

    def put(self, path: Path, key: str) -> None:
        """Copy a local file to a key so that nobody ever sees half of it."""
        self._store.put(path, key)

    def remove(self, key: str) -> None:
        """Delete a working copy, or a file of a workspace that goes."""
        self._store.remove(key)

    def move(self, key: str, target: str) -> None:
        """Put a file where no run looks (below a folder that begins with ``_``). Raises ``FileNotFoundError``."""
        self._store.move(key, target)

    def all_files(self, below: str) -> list[BucketFile]:
        """All files below a folder, ready or not."""
        return list(self._store.files(below))

    def prune(self, below: str) -> None:
        """Remove a folder that has no files any more."""
        self._store.prune(below)

    def table_function(self, keys: Sequence[str], format: str, structure: str, compression: str = "auto") -> str:
        """``file(…)`` or ``s3(…)`` with which the server reads the keys itself; nothing passes through us."""
        tail = f"{sql_string(format)}, {sql_string(structure or 'auto')}, {sql_string(compression)})"
        return f"{self._store.function(keys)}, {tail}"

    @property
    def query_settings(self) -> dict[str, int]:
        """ClickHouse settings for queries with ``table_function``: a name is one, how stubbornly the server reads."""
        return {"allow_archive_path_syntax": 0, **self._store.settings()}  # else x.zip::y is a file in an archive


def selection(keys: Sequence[str]) -> str:
    """One key, or ClickHouse's pattern for several."""
    return keys[0] if len(keys) == 1 else "{" + ",".join(keys) + "}"


class Folder:
    """A folder of this machine, which the ClickHouse server sees as ``server_path`` below its user_files_path."""

    def __init__(self, root: Path, server_path: str) -> None:
        self.root = root
        self.server_path = server_path

    def files(self, below: str) -> Iterator[BucketFile]:
        """Walk the folder; what vanishes meanwhile is not there."""
        start = self.root / below
        for folder, _, names in os.walk(start, followlinks=True):
            prefix = Path(folder).relative_to(self.root).as_posix()
            for name in names:
                try:
                    yield self.stat(name if prefix == "." else f"{prefix}/{name}")
                except FileNotFoundError:
                    continue

    def stat(self, key: str) -> BucketFile:
        """One file; its etag is made of size and time of change."""
        found = (self.root / key).stat()
        modified = datetime.fromtimestamp(found.st_mtime, UTC)
        return BucketFile(key, found.st_size, f"{found.st_size}-{modified.timestamp():.6f}", modified)

    def open(self, key: str) -> IO[bytes]:
        """The file's bytes."""
        return (self.root / key).open("rb")

    def create(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """Write the file in place."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")

    def put(self, path: Path, key: str) -> None:
        """Copy under a name that is not ready, then rename."""
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(f"{target}.{os.getpid()}.tmp")
        shutil.copyfile(path, aside)
        aside.replace(target)

    def remove(self, key: str) -> None:
        """Delete the file."""
        (self.root / key).unlink()

    def move(self, key: str, target: str) -> None:
        """Rename the file; folders are made."""
        there = self.root / target
        there.parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).replace(there)

    def prune(self, below: str) -> None:
        """Remove a folder and those in it, as far as they are empty."""
        for folder, _, _ in os.walk(self.root / below, topdown=False):
            with contextlib.suppress(OSError):  # not empty, or gone
                Path(folder).rmdir()

    def function(self, keys: Sequence[str]) -> str:
        """``file('…'``."""
        return f"file({sql_string(posixpath.join(self.server_path, selection(keys)))}"

    def settings(self) -> dict[str, int]:
        """None of its own."""
        return {}
