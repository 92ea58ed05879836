"""The ingest bucket: any fsspec URL, read by us for its first bytes and by ClickHouse for its rows."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any
from urllib.parse import quote, urlsplit

import fsspec

from include.settings import Settings, get_settings

UNREADY_PREFIXES = (".", "_")
UNREADY_SUFFIXES = (".tmp", ".part")


@dataclass(frozen=True)
class BucketFile:
    """A file that is ready. ``key`` is its path below the bucket, ``etag`` changes when its bytes may have."""

    key: str
    size: int
    etag: str
    modified: datetime


def sql_string(text: str) -> str:
    """A ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Bucket:
    """Listing, opening, writing, and naming files for ClickHouse.

    S3 log-in comes from the standard variables ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and, for servers
    other than Amazon's, ``AWS_ENDPOINT_URL``.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or get_settings()
        self.url = settings.bucket.rstrip("/")
        self.scheme = urlsplit(self.url).scheme or "file"
        self.server_path = settings.clickhouse_bucket_path.strip("/")
        options: dict[str, Any] = {}
        if self.scheme == "s3" and os.environ.get("AWS_ENDPOINT_URL"):
            options["client_kwargs"] = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]}
        if self.scheme == "s3":
            options["use_listings_cache"] = False
        self.fs, self.root = fsspec.core.url_to_fs(self.url, **options)

    def uri(self, key: str) -> str:
        """URL of a key, as it stands in the ledger."""
        return f"{self.url}/{key}"

    def files(self, below: str = "") -> Iterator[BucketFile]:
        """All ready files, in the order of their keys. A bucket that is not there yet is empty."""
        start = posixpath.join(self.root, below) if below else self.root
        if not self.fs.exists(start):
            return
        found: dict[str, dict[str, Any]] = self.fs.find(start, detail=True)
        for path in sorted(found):
            key = path[len(self.root) :].lstrip("/")
            parts = key.split("/")
            if any(part.startswith(UNREADY_PREFIXES) for part in parts) or key.endswith(UNREADY_SUFFIXES):
                continue
            yield self._file(key, found[path])

    def stat(self, key: str) -> BucketFile:
        """One file. Raises ``FileNotFoundError``."""
        return self._file(key, self.fs.info(posixpath.join(self.root, key)))

    def _file(self, key: str, info: dict[str, Any]) -> BucketFile:
        stamp = info.get("mtime") or info.get("LastModified") or info.get("created")
        modified = stamp if isinstance(stamp, datetime) else datetime.fromtimestamp(float(stamp or 0), UTC)
        etag = str(info.get("ETag") or f"{info['size']}-{modified.timestamp():.6f}").strip('"')
        return BucketFile(key, int(info["size"]), etag, modified.astimezone(UTC))

    def open(self, key: str) -> IO[bytes]:
        """A key's bytes."""
        stream: IO[bytes] = self.fs.open(posixpath.join(self.root, key), "rb")
        return stream

    def create(self, key: str) -> IO[bytes]:
        """A stream that becomes the key's bytes when it is closed; folders are made."""
        path = posixpath.join(self.root, key)
        self.fs.makedirs(posixpath.dirname(path), exist_ok=True)
        stream: IO[bytes] = self.fs.open(path, "wb")
        return stream

    def remove(self, key: str) -> None:
        """Delete a working copy."""
        self.fs.rm(posixpath.join(self.root, key))

    def table_function(self, keys: Sequence[str], format: str, structure: str, compression: str = "auto") -> str:
        """``file(…)`` or ``s3(…)`` with which the server reads the keys itself; nothing passes through us."""
        tail = f"{sql_string(format)}, {sql_string(structure or 'auto')}, {sql_string(compression)})"
        if self.scheme == "file":
            return f"file({sql_string(posixpath.join(self.server_path, selection(keys)))}, {tail}"
        if self.scheme != "s3":
            raise ValueError(f"the bucket must be file:// or s3://, not {self.scheme}://: set INSIGHTFLOW_BUCKET")
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "https://s3.amazonaws.com").rstrip("/")
        url = f"{endpoint}/{posixpath.join(self.root, selection([quote(key) for key in keys]))}"
        login = [os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")]
        who = ", ".join(sql_string(part) for part in login) if all(login) else "NOSIGN"
        return f"s3({sql_string(url)}, {who}, {tail}"


def selection(keys: Sequence[str]) -> str:
    """One key, or ClickHouse's pattern for several."""
    return keys[0] if len(keys) == 1 else "{" + ",".join(keys) + "}"
