"""Load exports: raw rows first, the ledger last. Only the ledger row makes a load visible, so that a load killed
at any point leaves nothing that a reader sees, and a retry starts from nothing."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from include.landing import ledger
from include.landing.bucket import Bucket, BucketError, BucketFile
from include.landing.coverage import write_coverage
from include.landing.doubts import say_if_nothing_was_taken
from include.landing.drift import note_drift
from include.landing.errors import RefusedFile, first_line, refusal_of, refuse
from include.landing.forms import Attempt, Form, form_of, make_readable
from include.landing.group_load import load_group
from include.landing.ledger import LedgerLine, new_load_id
from include.landing.missing_cost import refuse_lost_cost
from include.landing.other_tables import refuse_other_tables
from include.landing.rates import apply_rates, is_of_rates
from include.landing.recognise import REPAIR_MARKS
from include.landing.sniff import empty_report, sniff
from include.landing.specs import Source, find_source, sources
from include.warehouse.client import connect

log = logging.getLogger(__name__)

INBOX = "inbox"
# Small exports are loaded together, each still whole or not at all.
UNIT_FILES = 500
UNIT_BYTES = 64 * 1024**2
TURNS = 20  # of repairs of one file at the same moment
# Aggregates and sorts over the rows of a load go to disk beyond this, and rows are written in parts of this size, so that
# no size of file needs more memory. A part in the making is held several times over. Six parts of a load would be merged at
# once, at a fifth of what the load took; of a million rows four are made.
SPILL = {
    "max_bytes_before_external_group_by": 256 * 1024**2,
    "max_bytes_before_external_sort": 256 * 1024**2,
    "min_insert_block_size_bytes": 96 * 1024**2,
}


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
    for name, value in (SPILL | bucket.query_settings).items():
        client.set_client_setting(name, value)
    lines: list[LedgerLine] = []
    for unit in _units(bucket, keys):
        exports = [_receive_export(bucket, name, parts, run_id) for name, parts in unit]
        lines += _load_unit(client, bucket, [export for export in exports if not _has_repairs(export)])
        # One by one: a line that two files repair is taken from the first.
        for (name, parts), export in zip(unit, exports, strict=True):
            if _has_repairs(export):
                lines += _load_in_turn(client, bucket, name, parts, run_id, export)
    if any(line.status == "loaded" and is_of_rates(line.source) for line in lines):
        apply_rates(client)
    failed = [line for line in lines if line.status == "failed"]
    if failed:
        raise LandingError("; ".join(f"{line.uri}: {line.error}" for line in failed[:20]))
    return lines


def _units(bucket: Bucket, keys: Sequence[str]) -> Iterator[list[tuple[str, list[str]]]]:
    """Exports (name, keys of their parts) that are loaded and committed together."""
    exports: dict[str, list[str]] = {}
    for key in keys:
        exports.setdefault(ledger.batch_of(key) or key, []).append(key)
    unit: list[tuple[str, list[str]]] = []
    files = size = 0
    for name, parts in exports.items():
        weight = 0
        for key in parts:
            with contextlib.suppress(OSError):  # said when it is read
                weight += bucket.stat(key).size
        if unit and (files + len(parts) > UNIT_FILES or size + weight > UNIT_BYTES):
            yield unit
            unit, files, size = [], 0, 0
        unit.append((name, parts))
        files, size = files + len(parts), size + weight
    if unit:
        yield unit


def _has_repairs(export: Sequence[Attempt]) -> bool:
    """Whether an export is of repaired rows, by the names of their file and line in its first lines."""
    heads = [attempt.sniffed.head for attempt in export if attempt.sniffed]
    return any(all(mark in head for mark in REPAIR_MARKS) for head in heads)


def _load_in_turn(
    client: Client, bucket: Bucket, name: str, keys: Sequence[str], run_id: str, export: list[Attempt]
) -> list[LedgerLine]:
    """Load repaired rows until they count: where another loader repaired the same file meanwhile, look again at what it
    left. One of the loaders counts each time, so none waits for ever."""
    lines = _load_unit(client, bucket, [export])
    for _ in range(TURNS):
        if not ledger.overtaken(client, lines):
            return lines
        lines = _load_unit(client, bucket, [_receive_export(bucket, name, keys, run_id)])
    if ledger.overtaken(client, lines):
        for line in lines:
            _fail(line, RuntimeError("others repair the same file all the time"))
    return lines


def _load_unit(client: Client, bucket: Bucket, exports: Sequence[list[Attempt]]) -> list[LedgerLine]:
    """Load exports together and commit them by one write to the ledger."""
    attempts = [attempt for export in exports for attempt in export]
    try:
        _mark_known(client, exports)
        groups: dict[Form, list[Attempt]] = {}
        for export in exports:
            for attempt in export:
                if attempt.line.status == "new":
                    _prepare(bucket, attempt, groups)
        for form, several in groups.items():
            load_group(client, bucket, form, several, _source_of(several[0].line))
        refuse_lost_cost(client, [attempt.line for attempt in attempts])
        refuse_other_tables(client, [attempt.line for attempt in attempts])
        for attempt in attempts:
            _check_unchanged(bucket, attempt)
        for export in exports:
            _all_or_nothing(export)
        for attempt in attempts:
            say_if_nothing_was_taken(attempt.line)
        note_drift(client, [a.line for a in attempts if a.line.status == "loaded" and not a.line.repairs])
    except (ClickHouseError, OSError) as error:
        log.exception("load of %s failed", ", ".join(attempt.file.key for attempt in attempts[:5]))
        for attempt in attempts:
            if attempt.line.status not in ("rejected", "duplicate"):
                _fail(attempt.line, error)
    finally:
        for attempt in attempts:
            for key in attempt.copies:
                with contextlib.suppress(OSError):
                    bucket.remove(key)
    lines = [attempt.line for attempt in attempts]
    now = datetime.now(UTC)
    for line in lines:
        line.loaded_at = now
        if not line.repairs:
            line.export_order = line.exported_at or line.received_at
    write_coverage(client, [line for line in lines if line.status == "loaded" and line.rows_loaded])
    ledger.write(client, lines)
    for line in lines:
        log.info(
            "%s %s: %d read, %d loaded, %d rejected, %d skipped. %s",
            line.status, line.uri, line.rows_read, line.rows_loaded, line.rows_rejected, line.rows_skipped, line.error,
        )  # fmt: skip
    return lines


def _receive_export(bucket: Bucket, name: str, keys: Sequence[str], run_id: str) -> list[Attempt]:
    """Look at the bytes and places of an export's files. What is wrong is noted on their lines."""
    export_id = new_load_id()
    attempts = []
    for key in keys:
        try:
            attempts.append(_receive(bucket, key, name if ledger.batch_of(key) else "", run_id, export_id))
        except OSError as error:
            parts = key.split("/")
            workspace, source = (parts[0], parts[1]) if len(parts) > 2 else ("", "")
            line = LedgerLine(
                uri=bucket.uri(key), run_id=run_id, export_id=export_id, workspace=workspace, source=source
            )
            _fail(line, error)
            attempts.append(Attempt(line, BucketFile(key, 0, "", ledger.EPOCH), key=key))
    _identify(attempts)
    return attempts


def _receive(bucket: Bucket, key: str, batch: str, run_id: str, export_id: int) -> Attempt:
    """Look at a file's bytes and its place. A refusal is noted on its line. Raises ``OSError``."""
    file = bucket.stat(key)
    parts = key.split("/")
    line = LedgerLine(
        export_id=export_id, load_id=new_load_id(), uri=bucket.uri(key), batch=batch, size_bytes=file.size, etag=file.etag,
        received_at=file.modified, exported_at=exported_at(parts[-1]) or exported_at(batch), run_id=run_id, status="new",
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
        sniffed = attempt.sniffed = sniff(bucket, file)
        line.sha256, line.encoding, line.format = sniffed.sha256, sniffed.encoding, sniffed.label
    except OSError:
        raise
    except Exception as error:
        refuse(line, refusal_of(error, None, key))
    return attempt


def _prepare(bucket: Bucket, attempt: Attempt, groups: dict[Form, list[Attempt]]) -> None:
    """Make a file readable for ClickHouse and put it to the files of its form."""
    line, sniffed = attempt.line, attempt.sniffed
    assert sniffed is not None
    source = _source_of(line)
    try:
        empty = empty_report(sniffed, source)
        if empty:
            line.status, line.source, line.shape = "loaded", empty[0].source, empty[1].id
            line.skipped, line.rows_read, line.rows_skipped = {"empty_report": 1}, 1, 1
            return
        make_readable(bucket, attempt, f"_work/{line.load_id}")
        groups.setdefault(form_of(bucket, attempt, source), []).append(attempt)
    except OSError as error:
        _fail(line, error)
    except Exception as error:
        refuse(line, refusal_of(error, sniffed, attempt.file.key))


def _source_of(line: LedgerLine) -> Source | None:
    return None if line.source == INBOX else find_source(line.source)


def _identify(attempts: Sequence[Attempt]) -> None:
    """file_id: workspace and content, wherever it lies; in a batch, with the content of all its parts."""
    whole = "".join(sorted(a.line.sha256 for a in attempts)) if attempts[0].line.batch else ""
    for attempt in attempts:
        line = attempt.line
        text = "\n".join((line.workspace, line.sha256 or line.uri + line.etag, whole))
        line.file_id = hashlib.sha256(text.encode()).hexdigest()[:32]


def _mark_known(client: Client, exports: Sequence[Sequence[Attempt]]) -> None:
    """Mark what was loaded before, or comes twice in these exports."""
    new = [a.line for export in exports for a in export if a.line.status == "new"]
    known = {
        file_id: f"{first['uri']} at {first['loaded_at']:%Y-%m-%d %H:%M} UTC"
        for file_id, first in ledger.loaded_as(client, [line.file_id for line in new]).items()
    }
    for line in new:
        if line.file_id in known:
            line.status = "duplicate"
            line.error = f"the same content was loaded from {known[line.file_id]}; nothing changed"
        else:
            known[line.file_id] = line.uri
    again = [attempt for export in exports for attempt in export if attempt.line.status == "duplicate"]
    replaced = ledger.replaced_days(client, [attempt.line.file_id for attempt in again])
    for attempt in again:
        if attempt.line.file_id in replaced:
            attempt.line.error += _how_to_bring_back(attempt, *replaced[attempt.line.file_id])


def _how_to_bring_back(attempt: Attempt, replaced: int, days: int) -> str:
    """A folder of its own makes the same content another export, and the time in its name makes it the newest."""
    now, (workspace, source, *_, name) = f"{datetime.now(UTC):%Y%m%dT%H%M%S}", attempt.file.key.split("/")
    said = f". Newer exports have since replaced {replaced} of its {days} day{'s' if days > 1 else ''}"
    if attempt.line.batch:
        return said
    place = f"{workspace}/{source}/again_{now}/exported_{now}_{name}"
    return f"{said}: to let it stand again, put it into the bucket as {place}"


def _check_unchanged(bucket: Bucket, attempt: Attempt) -> None:
    """A file that was replaced after we looked at it may be in raw under another content's name: it waits."""
    if attempt.line.status == "loaded":
        try:
            if bucket.stat(attempt.file.key).etag != attempt.line.etag:
                _fail(attempt.line, BucketError("the file changed while it was read"))
        except OSError as error:
            _fail(attempt.line, error)


def _all_or_nothing(attempts: Sequence[Attempt]) -> None:
    """One wrong part refuses its whole export; one that could not be read leaves it for the next run."""
    if any(a.line.status == "failed" for a in attempts):
        for attempt in attempts:
            if attempt.line.status != "failed":
                _fail(attempt.line, OSError("another part of the export could not be read"))
        return
    wrong = [a.line for a in attempts if a.line.status == "rejected"]
    if wrong:
        for attempt in attempts:
            if attempt.line.status == "loaded":
                refusal = RefusedFile("incomplete_export", f"another part of the export is refused: {wrong[0].uri}")
                refuse(attempt.line, refusal)


def _fail(line: LedgerLine, error: Exception) -> None:
    line.status = "failed"
    line.rows_read = line.rows_loaded = line.rows_rejected = line.rows_skipped = 0
    line.error = f"{first_line(error)}; the file is tried again by the next run"


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
