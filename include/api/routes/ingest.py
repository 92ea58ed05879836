"""``POST /api/v1/data/ingest`` and the status of what was sent."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Row

from include.api.backends import Backends
from include.api.deps import CurrentCaller, Databases, seen_workspace
from include.api.intake import uploads
from include.api.intake.receive import SUFFIXES, Received
from include.api.intake.uploads import Upload
from include.api.problems import Unavailable, responses
from include.api.scope import Caller
from include.api.warehouse import Warehouse

router = APIRouter(prefix="/api/v1/data", tags=["data"], responses=responses(401, 404, 422, 429, 503))

INBOX = "inbox"
USED, ANOTHER = "This Idempotency-Key was used with", "Take a new one."
_FILE = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
_CONTENT: dict[str, Any] = {
    name: {"schema": {"type": "string", "format": "binary"}} for name in SUFFIXES if name != "application/json"
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}, "minItems": 1}},
            "multipart/form-data": {"schema": _FILE},
            **_CONTENT,
        },
    }
}


@router.post(
    "/ingest", status_code=202, response_model=Upload, responses=responses(400, 403, 409, 413, 415), openapi_extra=BODY
)
async def ingest(
    request: Request,
    databases: Databases,
    caller: CurrentCaller,
    workspace: Annotated[str | None, Query(max_length=100)] = None,
    source: Annotated[str, Query(max_length=50, description="a platform; inbox: recognised from the content")] = INBOX,
    filename: Annotated[str | None, Query(max_length=200)] = None,
    strict: Annotated[bool, Query(description="refuse (422) what would not load, instead of noting it")] = False,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Response:
    """Send an export: a JSON array, NDJSON, CSV or Parquet as the body, or one file as multipart.

    The file lands in the bucket whole or not at all, and a run starts within seconds. The answer says what it was
    taken for; `status_url` follows it to the run that loads it. The same `Idempotency-Key` again, with the same
    bytes and parameters, gives the same answer and sends nothing twice; with others it is refused.
    """
    target = _target(databases, caller, workspace)
    spec = await run_in_threadpool(_spec, source)
    load_id = await run_in_threadpool(_begin, databases, caller, target, source, idempotency_key)
    received = Received(databases.settings, uuid.uuid4().hex)
    try:
        await received.take(request, filename)
        if isinstance(load_id, Row):
            return _replayed(load_id, received, strict)
        row = await run_in_threadpool(_land, databases, caller, target, source, spec, load_id, received, strict)
    except BaseException as error:
        if not isinstance(load_id, Row):
            said = str(error.detail) if isinstance(error, HTTPException) else "The body broke off."
            await run_in_threadpool(_failed, databases, caller, target, load_id, said)
        raise
    finally:
        await run_in_threadpool(received.clear)
    return _accepted(row, replayed=False)


@router.get("/loads/{load_id}", responses=responses(404))
def read_load(databases: Databases, caller: CurrentCaller, load_id: uuid.UUID) -> Upload:
    """Where an upload is: received, loaded (or why not), published with its run."""
    with databases.postgres(caller) as connection:
        row = uploads.get(connection, str(load_id))
        if row is None:
            raise HTTPException(404, f"There is no load {load_id} in your workspaces.")
    upload = uploads.described(row)
    found = uploads.in_ledger(Warehouse(databases, caller, upload.workspace), upload.uri) if upload.uri else None
    if found:
        upload = upload.model_copy(update=found)
        if found["status"] == "loaded":
            with databases.postgres(caller) as connection:
                published = uploads.published_at(connection, found["run_id"])
            if published:
                upload = upload.model_copy(update={"status": "published", "published_at": published})
    return upload


def _target(databases: Backends, caller: Caller, wanted: str | None) -> str:
    seen_workspace(caller, wanted)
    if wanted is None:
        own = databases.settings.workspace
        names = caller.with_role("analyst")
        wanted = own if caller.may_edit(own) else names[0] if len(names) == 1 else None
        if not names:
            raise HTTPException(403, "A viewer may look only. Ask an admin for the role analyst.")
    if wanted is None:
        raise HTTPException(422, "Name the workspace: you may send files to several.")
    if not caller.may_edit(wanted):
        raise HTTPException(403, f"A viewer of {wanted} may look only. Ask an admin for the role analyst.")
    if "/" in wanted or wanted.startswith((".", "_", "*")) or not wanted.isprintable():
        raise HTTPException(422, f"{wanted} is no name of a workspace.")
    return wanted


def _spec(source: str) -> Any:
    from include.landing.specs import sources

    if source == INBOX:
        return None
    known = sources()
    if source not in known:
        raise HTTPException(422, f"There is no source {source}; it is one of {', '.join(sorted(known))}, or inbox.")
    return known[source]


def _begin(databases: Backends, caller: Caller, workspace: str, source: str, key: str | None) -> str | Row[Any]:
    """The id of a new upload, or the finished upload that has this key."""
    load_id = str(uuid.uuid4())
    with databases.postgres(caller, workspace) as connection:
        known = uploads.begin(connection, load_id, workspace, source, caller.name, key)
        if known is None:
            return load_id
        if known.source != source:
            raise HTTPException(422, f"{USED} source {known.source}. {ANOTHER}")
        if known.status == "received":
            return known
        if known.status == "failed" and uploads.restart(connection, str(known.id)):
            return str(known.id)
    raise HTTPException(409, "An upload with this Idempotency-Key is under way.", {"Retry-After": "5"})


def _land(
    databases: Backends,
    caller: Caller,
    workspace: str,
    source: str,
    spec: Any,
    load_id: str,
    received: Received,
    strict: bool,
) -> Row[Any]:
    from include.api.intake import look
    from include.landing.bucket import Bucket

    feedback = look.look(received.path, spec, databases.settings)
    if strict and feedback and feedback.refusal:
        raise HTTPException(422, f"The file would not load: {feedback.refusal}")
    bucket = Bucket(databases.settings)
    key = f"{workspace}/{source}/{load_id[:8]}-{received.name}"
    try:
        bucket.put(received.path, key)
    except OSError as error:
        raise Unavailable("The bucket", str(error)) from error
    file = {
        "file": received.name, "uri": bucket.uri(key), "size_bytes": received.size, "sha256": received.sha256,
        "feedback": feedback.model_dump(mode="json") if feedback else None, "strict": strict,
    }  # fmt: skip
    with databases.postgres(caller, workspace) as connection:
        uploads.finish(connection, load_id, file)
        row = uploads.get(connection, load_id)
    assert row is not None
    return row


def _failed(databases: Backends, caller: Caller, workspace: str, load_id: str, error: str) -> None:
    with databases.postgres(caller, workspace) as connection:
        uploads.fail(connection, load_id, error)


def _replayed(row: Row[Any], received: Received, strict: bool) -> Response:
    """The answer of the upload that has the key, where it is of the same request. Raises ``HTTPException``: 422."""
    before = row.files[0]
    if row.request_hash != received.sha256:
        raise HTTPException(422, f"{USED} a file of other bytes. {ANOTHER}")
    if before["file"] != received.name:
        raise HTTPException(422, f"{USED} the file name {before['file']}. {ANOTHER}")
    # Uploads of before this was kept say nothing of it.
    if before.get("strict", strict) != strict:
        raise HTTPException(422, f"{USED} strict={str(before['strict']).lower()}. {ANOTHER}")
    return _accepted(row, replayed=True)


def _accepted(row: Row[Any], *, replayed: bool) -> Response:
    upload = uploads.described(row)
    headers = {"Location": upload.status_url} | ({"Idempotency-Replayed": "true"} if replayed else {})
    return Response(upload.model_dump_json(), 202, headers, "application/json")
