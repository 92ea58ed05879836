"""The record of uploads: one a request, with its idempotency key, and what the ledger says of its file since."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.engine import Connection, Row

from include.api.intake.feedback import Feedback
from include.api.warehouse import Warehouse

# An upload that has been "receiving" for longer than this died with its process.
ABANDONED = "1 hour"


class Upload(BaseModel):
    """A file that was received, or is being received."""

    load_id: str
    workspace: str
    source: str = Field(description="inbox: recognised from the content")
    status: Literal["receiving", "received", "loaded", "duplicate", "rejected", "failed", "published", "removed"] = (
        Field(
            description="received: in the bucket, the next run takes it; published: its numbers are in marts and insights;"
            " removed: loaded, and taken back since"
        )
    )
    file: str
    uri: str
    size_bytes: int
    sha256: str
    feedback: Feedback | None = Field(description="null where the warehouse was away when the file came")
    created_by: str
    created_at: dt.datetime
    received_at: dt.datetime | None
    loaded_at: dt.datetime | None = None
    published_at: dt.datetime | None = None
    run_id: str | None = Field(None, description="the Airflow run that loaded it")
    rows_read: int | None = None
    rows_loaded: int | None = None
    rows_rejected: int | None = None
    rows_skipped: int | None = None
    date_min: dt.date | None = None
    date_max: dt.date | None = None
    error: str = Field("", description="what is wrong and what to do")
    status_url: str


def begin(
    connection: Connection, load_id: str, workspace: str, source: str, name: str, key: str | None
) -> Row[Any] | None:
    """Note an upload; where its key is known already, the row that has it instead, locked. One that failed is replaced."""
    if key is not None:
        connection.execute(
            text(
                "UPDATE uploads SET status = 'failed', error = 'cut off' WHERE workspace = :w AND idempotency_key = :k"
                f" AND status = 'receiving' AND created_at < now() - interval '{ABANDONED}'"
            ),
            {"w": workspace, "k": key},
        )
    values = {"id": load_id, "workspace": workspace, "source": source, "name": name, "key": key}
    made = connection.execute(
        text(
            "INSERT INTO uploads (id, workspace, source, status, idempotency_key, created_by)"
            " VALUES (:id, :workspace, :source, 'receiving', :key, :name)"
            " ON CONFLICT (workspace, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING RETURNING id"
        ),
        values,
    ).one_or_none()
    if made is not None:
        return None
    return connection.execute(
        text("SELECT * FROM uploads WHERE workspace = :workspace AND idempotency_key = :key"), values
    ).one_or_none()


def restart(connection: Connection, upload_id: str) -> bool:
    """Receive a failed upload again under its key; False where somebody else does."""
    done = connection.execute(
        text("UPDATE uploads SET status = 'receiving', error = '' WHERE id = :id AND status = 'failed'"),
        {"id": upload_id},
    )
    return bool(done.rowcount)


def finish(connection: Connection, load_id: str, file: dict[str, Any]) -> None:
    """The file is in the bucket."""
    connection.execute(
        text(
            "UPDATE uploads SET status = 'received', received_at = now(), files = CAST(:files AS jsonb),"
            " request_hash = :hash WHERE id = :id"
        ),
        {"id": load_id, "files": json.dumps([file]), "hash": file["sha256"]},
    )


def fail(connection: Connection, load_id: str, error: str) -> None:
    """Nothing is in the bucket."""
    connection.execute(
        text("UPDATE uploads SET status = 'failed', error = :error WHERE id = :id"), {"id": load_id, "error": error}
    )


def get(connection: Connection, load_id: str) -> Row[Any] | None:
    """The upload, where the connection sees it."""
    return connection.execute(text("SELECT * FROM uploads WHERE id = :id"), {"id": load_id}).one_or_none()


def published_at(connection: Connection, run_id: str) -> dt.datetime | None:
    """When a run published, or None."""
    found: dt.datetime | None = connection.execute(
        text("SELECT max(published_at) FROM publications WHERE run_id = :run"), {"run": run_id}
    ).scalar()
    return found


def described(row: Row[Any], prefix: str = "/api/v1/data/loads") -> Upload:
    """An upload as it was received."""
    file = (row.files or [{}])[0]
    return Upload(
        load_id=str(row.id), workspace=row.workspace, source=row.source, status=row.status, file=file.get("file", ""),
        uri=file.get("uri", ""), size_bytes=file.get("size_bytes", 0), sha256=file.get("sha256", ""),
        feedback=file.get("feedback"), created_by=row.created_by, created_at=row.created_at,
        received_at=row.received_at, error=row.error, status_url=f"{prefix}/{row.id}",
    )  # fmt: skip


def in_ledger(warehouse: Warehouse, uri: str) -> dict[str, Any] | None:
    """The newest attempt at the file, or None."""
    rows = warehouse.rows(
        "SELECT l.status AS status, l.loaded_at AS loaded_at, l.run_id AS run_id, l.rows_read AS rows_read,"
        " l.rows_loaded AS rows_loaded, l.rows_rejected AS rows_rejected, l.rows_skipped AS rows_skipped,"
        " l.date_min AS date_min, l.date_max AS date_max, l.error AS error FROM @ops.file_ledger AS l"
        " WHERE l.uri = {uri:String} ORDER BY l.loaded_at DESC LIMIT 1",
        {"uri": uri},
    )
    return rows[0] if rows else None
