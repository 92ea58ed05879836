"""The bucket on S3 or a server that speaks S3: boto3 lists, reads and writes; ClickHouse's ``s3()`` reads rows.

``s3://bucket/prefix`` takes its log-in and its endpoint from the standard variables (``AWS_ACCESS_KEY_ID``,
``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``, a profile, the machine's role).
``s3://conn_id@bucket/prefix``, as Airflow's ObjectStoragePath writes it, takes them from that Airflow connection.
"""

from __future__ import annotations

import contextlib
import io
import os
import posixpath
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from include.landing.bucket import BucketError, BucketFile, selection, sql_string

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ATTEMPTS = 4  # of a request, and of going on with a body that breaks off
PAUSE = 0.2  # seconds before the first retry of a body; it doubles
BUFFER = 1024 * 1024
SPOOL = 32 * 1024 * 1024  # of an upload, kept in memory
LOGIN_SECONDS = 300  # after which a connection or a changed secret is looked up again

# A read that breaks off is taken up again by the server itself; a bucket that stays away fails the query in seconds.
QUERY_SETTINGS = {
    "s3_max_single_read_retries": 4,
    "s3_retry_attempts": 4,
    "s3_connect_timeout_ms": 5000,
    "s3_request_timeout_ms": 30000,
}


@contextlib.contextmanager
def _as_os_errors(what: str) -> Iterator[None]:
    """Errors of boto3 as ``FileNotFoundError`` or ``BucketError``, which name the key and what to look at."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in ("404", "NoSuchKey", "NotFound"):
            raise FileNotFoundError(f"{what} is not there") from error
        if code in ("412", "PreconditionFailed"):
            raise BucketError(f"{what} changed while it was read") from error
        raise BucketError(f"{what}: the bucket answers {_reason(error)}") from error
    except (BotoCoreError, Boto3Error, HTTPError) as error:
        raise BucketError(f"{what}: {error}") from error


def _reason(error: ClientError) -> str:
    found = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    hint = "; check the log-in and its rights" if status in (401, 403) else ""
    return f"{status} {found.get('Code', '')} {found.get('Message', '')}".strip() + hint


def s3_store(url: str) -> S3Store:
    """The store of ``s3://[conn_id@]bucket[/prefix]``; its log-in is looked up again every five minutes."""
    variables = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    return _store(url, variables, int(time.monotonic() // LOGIN_SECONDS))


@lru_cache(maxsize=4)
def _store(url: str, variables: tuple[tuple[str, str], ...], period: int) -> S3Store:
    parts = urlsplit(url)
    login, _, bucket = parts.netloc.rpartition("@")
    if not bucket or ":" in login:
        raise ValueError(
            f"the bucket must be s3://bucket/prefix or s3://conn_id@bucket/prefix, not {parts.scheme}://…@{bucket}: "
            "log-in and endpoint belong into the Airflow connection or the AWS_* variables"
        )
    session, client = _by_airflow(unquote(login)) if login else _by_variables()
    return S3Store(session, client, bucket, parts.path.strip("/"))


def _config(**more: Any) -> Config:
    return Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, connect_timeout=5, read_timeout=30, **more
    )


def _by_variables() -> tuple[Any, Any]:
    session = boto3.session.Session()
    region = session.region_name or "us-east-1"
    anonymous = {} if session.get_credentials() else {"signature_version": UNSIGNED}
    return session, session.client("s3", region_name=region, config=_config(**anonymous))


def _by_airflow(conn_id: str) -> tuple[Any, Any]:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    hook = S3Hook(aws_conn_id=conn_id)
    try:
        hook.get_connection(conn_id)  # the hook alone would go on with the log-in of the environment
        return hook.get_session(), hook.get_conn()
    except Exception as error:  # Airflow has several, by process and version
        reason = f"{type(error).__name__}: {error}"
        raise BucketError(f"the Airflow connection {conn_id!r} of the bucket cannot be used: {reason}") from error


class S3Store:
    """Objects of one bucket below a prefix."""

    def __init__(self, session: Any, client: Any, bucket: str, prefix: str) -> None:
        self._session = session
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def _name(self, key: str) -> str:
        return posixpath.join(self._prefix, key)

    def name_of(self, key: str) -> str:
        """URL of a key, for messages."""
        return f"s3://{self._bucket}/{self._name(key)}"

    def files(self, below: str) -> Iterator[BucketFile]:
        """Objects, in pages of a thousand. Uploads in progress are no objects yet; names that end with / are none."""
        start = self._name(below).rstrip("/")
        prefix = f"{start}/" if start else ""
        cut = len(f"{self._prefix}/") if self._prefix else 0
        with _as_os_errors(f"s3://{self._bucket}/{prefix}"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):
                        yield _file(entry["Key"][cut:], entry["Size"], entry)

    def stat(self, key: str) -> BucketFile:
        """One object."""
        with _as_os_errors(self.name_of(key)):
            head = self._client.head_object(Bucket=self._bucket, Key=self._name(key))
        return _file(key, head["ContentLength"], head)

    def open(self, key: str) -> IO[bytes]:
        """The object as it is now; one that is replaced meanwhile is an error."""
        return io.BufferedReader(_Body(self, self.stat(key)), BUFFER)

    def body(self, file: BucketFile, position: int) -> Any:
        """A response body from a position on, of just this version. Raises ``BucketError`` where it is replaced."""
        with _as_os_errors(self.name_of(file.key)):
            answer = self._client.get_object(
                Bucket=self._bucket, Key=self._name(file.key), Range=f"bytes={position}-", IfMatch=f'"{file.etag}"'
            )
        if answer["ETag"].strip('"') != file.etag:  # not every server knows If-Match
            answer["Body"].close()
            raise BucketError(f"{self.name_of(file.key)} changed while it was read")
        return answer["Body"]

    @contextlib.contextmanager
    def create(self, key: str) -> Iterator[IO[bytes]]:
        """Spool, then upload (in parts where it is large)."""
        with tempfile.SpooledTemporaryFile(SPOOL) as spool:
            yield spool
            spool.seek(0)
            with _as_os_errors(self.name_of(key)):
                self._client.upload_fileobj(spool, self._bucket, self._name(key))

    def put(self, path: Path, key: str) -> None:
        """Upload; an object shows when it is whole."""
        with _as_os_errors(self.name_of(key)):
            self._client.upload_file(str(path), self._bucket, self._name(key))

    def remove(self, key: str) -> None:
        """Delete the object."""
        with _as_os_errors(self.name_of(key)):
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def move(self, key: str, target: str) -> None:
        """Copy on the server, in parts where it is large, then delete the old one."""
        with _as_os_errors(self.name_of(key)):
            there = {"Bucket": self._bucket, "Key": self._name(key)}
            self._client.copy(there, self._bucket, self._name(target))
        self.remove(key)

    def prune(self, below: str) -> None:
        """Nothing: folders are parts of names."""

    def function(self, keys: Sequence[str]) -> str:
        """``s3('…', …``. The server hides the secret in what it shows and logs of a query, errors included."""
        endpoint = self._client.meta.endpoint_url.rstrip("/")
        parts = urlsplit(endpoint)
        if parts.netloc.endswith(".amazonaws.com") and "." not in self._bucket:
            base = f"{parts.scheme}://{self._bucket}.{parts.netloc}"
        else:
            base = f"{endpoint}/{self._bucket}"
        url = posixpath.join(base, quote(self._prefix), selection([quote(key) for key in keys]))
        found = self._session.get_credentials()
        if found is None:
            return f"s3({sql_string(url)}, NOSIGN"
        login = found.get_frozen_credentials()
        who = [login.access_key, login.secret_key, *([login.token] if login.token else [])]
        return f"s3({sql_string(url)}, {', '.join(map(sql_string, who))}"

    def settings(self) -> dict[str, int]:
        """Few retries: the load ends as failed, and the next run tries again."""
        return QUERY_SETTINGS


def _file(key: str, size: int, found: dict[str, Any]) -> BucketFile:
    return BucketFile(key, int(size), str(found["ETag"]).strip('"'), found["LastModified"])


class _Body(io.RawIOBase):
    """An object's bytes, seekable. A body that breaks off is taken up again where it ended."""

    def __init__(self, store: S3Store, file: BucketFile) -> None:
        self._store, self._file = store, file
        self._position = 0
        self._stream: Any = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes: by a new request."""
        return True

    def tell(self) -> int:
        """Position of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere; the request is sent when something is read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size}[whence]
        target = max(base + offset, 0)
        if target != self._position:
            self._drop()
            self._position = target
        return target

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Some bytes, 0 at the end. Raises ``BucketError``."""
        view = memoryview(buffer).cast("B")
        if not view or self._position >= self._file.size:
            return 0
        for attempt in range(1, ATTEMPTS + 1):
            if self._stream is None:
                self._stream = self._store.body(self._file, self._position)
            try:
                data = self._read(len(view))
                break
            except BucketError:
                self._drop()
                if attempt == ATTEMPTS:
                    raise
                time.sleep(PAUSE * 2 ** (attempt - 1))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _read(self, most: int) -> bytes:
        name = self._store.name_of(self._file.key)
        with _as_os_errors(name):
            data: bytes = self._stream.read(most)
        if not data:
            raise BucketError(f"{name} ends {self._file.size - self._position} bytes early")
        return data

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def close(self) -> None:
        """End the request."""
        self._drop()
        super().close()
