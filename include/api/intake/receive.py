"""Receiving a file: spooled in constant memory, then put into the bucket whole, or not at all."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from include.api.intake.multipart import BadBody, FilePart
from include.settings import Settings

# What a body is, and the end of its name in the bucket. Landing looks at the bytes; the name is for people.
SUFFIXES = {
    "application/json": ".json",
    "application/x-ndjson": ".ndjson",
    "application/ndjson": ".ndjson",
    "application/jsonl": ".ndjson",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/gzip": ".gz",
    "application/zstd": ".zst",
    "application/zip": ".zip",
    "application/octet-stream": "",
}
ENCODINGS = {"gzip": ".gz", "zstd": ".zst"}
BUFFER = 1024 * 1024


class Received:
    """A body on its way to a file of this machine; ``path`` has its bytes, ``name`` is what it shall be called."""

    def __init__(self, settings: Settings, load_id: str) -> None:
        self._folder = settings.home / "uploads" / load_id
        self._most = settings.ingest_max_mb * 1024 * 1024
        self._digest = hashlib.sha256()
        self.path = self._folder / "body"
        self.size = 0
        self.name = ""

    @property
    def sha256(self) -> str:
        """Of the file's bytes."""
        return self._digest.hexdigest()

    async def take(self, request: Request, filename: str | None) -> None:
        """Read the whole body. Raises ``HTTPException``: 413, 415, 422; what breaks off leaves nothing."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._most:
            raise self._too_large()
        pieces: AsyncIterator[bytes]
        part: FilePart | None = None
        try:
            if kind == "multipart/form-data":
                part = FilePart(request.headers["content-type"])
                pieces = part.pieces(request.stream())
            elif kind in SUFFIXES:
                pieces = request.stream()
            else:
                raise HTTPException(
                    415, f"Send a file as multipart/form-data, or a body of one of: {', '.join(SUFFIXES)}."
                )
            await self._write(pieces)
        except BadBody as error:
            raise HTTPException(422, str(error)) from error
        if not self.size:
            raise HTTPException(422, "The body is empty.")
        suffix = SUFFIXES.get(kind if part is None else part.content_type.partition(";")[0].strip().lower(), "")
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", *ENCODINGS):
            raise HTTPException(415, "The content encoding must be gzip or zstd.")
        self.name = safe_name(filename or (part.name if part else ""), suffix + ENCODINGS.get(encoding, ""))
        named = self._folder / self.name
        self.path.rename(named)
        self.path = named

    async def _write(self, pieces: AsyncIterator[bytes]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.path.open("wb", buffering=0) as target:
            held = bytearray()
            async for piece in pieces:
                self.size += len(piece)
                if self.size > self._most:
                    raise self._too_large()
                held += piece
                if len(held) >= BUFFER:
                    await run_in_threadpool(self._flush, target, bytes(held))
                    held.clear()
            await run_in_threadpool(self._flush, target, bytes(held))

    def _flush(self, target: IO[bytes], data: bytes) -> None:
        self._digest.update(data)
        target.write(data)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The file is larger than {self._most // 1024 // 1024} MB. Split it by date.")

    def clear(self) -> None:
        """Remove what was spooled."""
        shutil.rmtree(self._folder, ignore_errors=True)


def safe_name(given: str, suffix: str) -> str:
    """A file's name that is a name in every bucket and is not taken for one that is not ready."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(given.replace("\\", "/")).name).strip("-._")[-120:].lstrip("-._")
    while name.endswith((".tmp", ".part")):
        name = name.rpartition(".")[0]
    if not name:
        name = "upload"
    return name if not suffix or name.lower().endswith(suffix) else name + suffix
