"""Load exports: raw rows first, the ledger last. Only the ledger row makes a load visible, so that a load killed
at any point leaves nothing that a reader sees, and a retry starts from nothing."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from include.landing import ledger
from include.landing.bucket import Bucket, BucketFile
from include.landing.errors import RefusedFile
from include.landing.file_load import INBOX, Attempt, first_line, load_file, new_load_id, refuse
from include.landing.ledger import LedgerLine
from include.landing.sniff import sniff
from include.landing.specs import find_source, sources
from include.warehouse.client import connect

log = logging.getLogger(__name__)


class LandingError(RuntimeError):
    """Files that could not be loaded for a reason outside them; they are tried again."""


def load(
    keys: Sequence[str], run_id: str, client: Client | None = None, bucket: Bucket | None = None
) -> list[LedgerLine]:
    """Load files of the bucket, each export whole or not at all; return the ledger line of each.

    Files that are wrong end as ``rejected`` and stop nobody. Raises ``LandingError`` after all were tried, if some
    could not be loaded for a reason outside them (their lines say ``failed``).
    """
    client = client or connect()
    bucket = bucket or Bucket()
    exports: dict[str, list[str]] = {}
    for key in keys:
        exports.setdefault(ledger.batch_of(key) or key, []).append(key)
    lines = []
    for name, parts in exports.items():
        lines += _load_export(client, bucket, name, parts, run_id)
    failed = [line for line in lines if line.status == "failed"]
    if failed:
        raise LandingError("; ".join(f"{line.uri}: {line.error}" for line in failed))
    return lines


def _load_export(client: Client, bucket: Bucket, name: str, keys: Sequence[str], run_id: str) -> list[LedgerLine]:
    export_id = new_load_id()
    attempts: list[Attempt] = []
    try:
        for key in keys:
            attempts.append(_receive(bucket, key, name if len(key.split("/")) > 3 else "", run_id, export_id))
        _identify(attempts)
        known = ledger.loaded_as(client, [a.line.file_id for a in attempts if a.line.file_id])
        for attempt in attempts:
            if attempt.line.file_id in known and attempt.line.status != "rejected":
                first = known[attempt.line.file_id]
                attempt.line.status = "duplicate"
                attempt.line.error = (
                    f"the same content was loaded from {first['uri']} at {first['loaded_at']:%Y-%m-%d %H:%M} UTC; "
                    "nothing changed"
                )
        if not all(a.line.status == "duplicate" for a in attempts):
            for attempt in attempts:
                if attempt.line.status != "rejected":
                    load_file(client, bucket, attempt)
        _all_or_nothing(attempts)
    except (ClickHouseError, OSError) as error:
        log.exception("load of %s failed", name)
        for attempt in attempts or [
            Attempt(LedgerLine(uri=bucket.uri(k), run_id=run_id), BucketFile(k, 0, "", ledger.EPOCH)) for k in keys
        ]:
            attempt.line.status = "failed"
            attempt.line.rows_read = attempt.line.rows_loaded = attempt.line.rows_rejected = (
                attempt.line.rows_skipped
            ) = 0
            attempt.line.error = f"{first_line(error)}; the file is tried again by the next run"
    finally:
        for attempt in attempts:
            if attempt.key and attempt.key != attempt.file.key:
                with contextlib.suppress(OSError):
                    bucket.remove(attempt.key)
    lines = [attempt.line for attempt in attempts]
    now = datetime.now(UTC)
    for line in lines:
        line.loaded_at = now
        line.export_order = line.exported_at or line.received_at
    loaded = [line.load_id for line in lines if line.status == "loaded"]
    if loaded:
        _write_coverage(client, lines)
    ledger.write(client, lines)
    for line in lines:
        log.info(
            "%s %s: %d read, %d loaded, %d rejected, %d skipped. %s",
            line.status, line.uri, line.rows_read, line.rows_loaded, line.rows_rejected, line.rows_skipped, line.error,
        )  # fmt: skip
    return lines


def _receive(bucket: Bucket, key: str, batch: str, run_id: str, export_id: int) -> Attempt:
    """Look at a file's bytes and its place. A refusal is noted on its line."""
    file = bucket.stat(key)
    parts = key.split("/")
    line = LedgerLine(
        export_id=export_id, load_id=new_load_id(), uri=bucket.uri(key), batch=batch, size_bytes=file.size, etag=file.etag,
        received_at=file.modified, exported_at=exported_at(parts[-1]) or exported_at(batch), run_id=run_id,
        workspace=parts[0] if len(parts) > 2 else "", source=parts[1] if len(parts) > 2 else "",
    )  # fmt: skip
    attempt = Attempt(line, file, key=key)
    try:
        if len(parts) < 3:
            raise RefusedFile(
                "wrong_place", "files belong in <workspace>/<source>/ or <workspace>/inbox/; move it there"
            )
        if line.source != INBOX and find_source(line.source) is None:
            raise RefusedFile(
                "unknown_source",
                f"no source is called {line.source!r}; the folder must be inbox or one of {', '.join(sources())}",
            )
        attempt.sniffed = sniff(bucket, file)
        line.sha256, line.encoding, line.format = (
            attempt.sniffed.sha256,
            attempt.sniffed.encoding,
            attempt.sniffed.format,
        )
        if attempt.sniffed.compression != "none":
            line.format += f".{attempt.sniffed.compression}"
    except RefusedFile as refusal:
        refuse(line, refusal)
    return attempt


def _identify(attempts: Sequence[Attempt]) -> None:
    """file_id: workspace and content, wherever it lies; in a batch, with the content of all its parts."""
    whole = "".join(sorted(a.line.sha256 for a in attempts)) if attempts[0].line.batch else ""
    for attempt in attempts:
        line = attempt.line
        text = "\n".join((line.workspace, line.sha256 or line.uri + line.etag, whole))
        line.file_id = hashlib.sha256(text.encode()).hexdigest()[:32]


def _write_coverage(client: Client, lines: Sequence[LedgerLine]) -> None:
    """Which account and date each load of the export brings, at its grain."""
    for line in lines:
        if line.status == "loaded" and line.rows_loaded:
            order = line.export_order.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            when = line.loaded_at.strftime("%Y-%m-%d %H:%M:%S.%f")
            client.command(
                "INSERT INTO ops.load_coverage (load_id, export_id, file_id, workspace, source, grain, account_id, date,"
                f" rows, loaded_at, export_order) SELECT load_id, {line.export_id}, file_id, workspace, source,"
                f" '{line.grain}', ifNull(insightflow_id(account_id, '{line.id_formats.get('account_id', '')}'), '') AS account,"
                f" event_date, count(), toDateTime64('{when}', 6, 'UTC'), toDateTime64('{order}', 3, 'UTC')"
                f" FROM raw.ad_performance WHERE load_id = {line.load_id} AND disposition = 'loaded'"
                " GROUP BY load_id, file_id, workspace, source, account, event_date"
            )


def _all_or_nothing(attempts: Sequence[Attempt]) -> None:
    """One wrong part refuses its whole export."""
    wrong = [a.line for a in attempts if a.line.status == "rejected"]
    if wrong:
        for attempt in attempts:
            if attempt.line.status == "loaded":
                refusal = RefusedFile("incomplete_export", f"another part of the export is refused: {wrong[0].uri}")
                refuse(attempt.line, refusal)


def exported_at(name: str) -> datetime | None:
    """Time of export that a file or folder name carries: ``…exported_20250111[T0600[00]]…``, UTC."""
    hit = re.search(
        r"exported[_-]?(\d{4})-?(\d\d)-?(\d\d)(?:[T_-]?(\d\d):?-?(\d\d)(?::?-?(\d\d))?)?", name, re.IGNORECASE
    )
    if not hit:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in hit.groups())
    with contextlib.suppress(ValueError):
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return None
