"""What a file would become, without loading it."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from include.landing.accounts import note_shape
from include.landing.bucket import Bucket, sql_string
from include.landing.doubts import doubts_of
from include.landing.errors import CONTENT_ERRORS, STATEMENT_ERRORS, error_code, refusal_of
from include.landing.forms import Attempt, form_of, make_readable, reader_of
from include.landing.group_load import SETTINGS, owner_of, recognise, repair_statement, statements_of
from include.landing.ledger import LedgerLine
from include.landing.measures import CODE, values_of_measures
from include.landing.readers.delimited import Layout
from include.landing.recognise import Match, is_repair, normal
from include.landing.salvage import mend
from include.landing.sniff import empty_report, sniff
from include.landing.specs import KEYS, METRICS, Source
from include.landing.statement import Statement
from include.warehouse.client import connect


@dataclass
class Inspection:
    """What a file was taken for, why, and what its records become. ``refusal`` is empty where it would load."""

    file: str
    format: str = ""
    encoding: str = ""
    refusal: str = ""
    source: str = ""
    shape: str = ""
    why: list[str] = field(default_factory=list)
    """Headers (or a line before the header) that only this shape has; empty where its folder alone says it."""
    delimiter: str = ""
    header_line: int | None = None
    """Counted from 1."""
    columns: list[dict[str, Any]] = field(default_factory=list)
    """``{column, header, divisor, decimal_mark}`` of each canonical column."""
    segments: dict[str, str] = field(default_factory=dict)
    measures: dict[str, str] = field(default_factory=dict)
    """Measure (sessions and their like, a rate) → its header."""
    unknown: list[str] = field(default_factory=list)
    """Headers that the spec does not name: kept in raw."""
    date_style: str = ""
    currency: str = ""
    exported_at: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    """Records by what becomes of them: loaded, or the reason of skipping or rejecting them."""
    skipped: list[str] = field(default_factory=list)
    """Which of the counts' reasons skip."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    """``{row_number, reason, detail, raw_text}`` of the first rejected rows."""
    warnings: list[str] = field(default_factory=list)


def inspect_file(
    path: Path,
    source: Source | None = None,
    *,
    rows: int = 5,
    client: Client | None = None,
    bucket: Bucket | None = None,
) -> Inspection:
    """Look at a local file as landing would in the folder of ``source``, or in ``inbox/`` without one.

    The file is copied to the bucket's working folder for as long as the engine looks at it. Raises ``OSError``,
    ``ClickHouseError`` where the engine is away.
    """
    client, bucket = client or connect(), bucket or Bucket()
    for name, value in bucket.query_settings.items():
        client.set_client_setting(name, value)
    found = Inspection(path.name)
    key = f"_work/inspect-{uuid.uuid4().hex[:12]}-{path.name}"
    with path.open("rb") as stream, bucket.create(key) as target:
        shutil.copyfileobj(stream, target)
    attempt = Attempt(
        LedgerLine(source=source.source if source else "inbox", load_id=1, exported_at=None), bucket.stat(key), key=key
    )
    attempt.line.received_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        _look(client, bucket, attempt, source, found, rows)
    except OSError:
        raise
    except Exception as error:
        if isinstance(error, ClickHouseError) and error_code(error) not in CONTENT_ERRORS | STATEMENT_ERRORS:
            raise
        refusal = refusal_of(error, attempt.sniffed, path.name)
        found.refusal = f"{refusal.reason}: {refusal}"
    finally:
        for used in {key, *attempt.copies}:
            bucket.remove(used)
    return found


def _look(
    client: Client, bucket: Bucket, attempt: Attempt, source: Source | None, found: Inspection, rows: int
) -> None:
    sniffed = attempt.sniffed = sniff(bucket, attempt.file)
    found.format, found.encoding = sniffed.label, sniffed.encoding
    empty = empty_report(sniffed, source)
    if empty:
        found.source, found.shape = empty[0].source, empty[1].id
        found.warnings.append("the report says that it has no rows")
        return
    make_readable(bucket, attempt, f"{attempt.key}.plain")
    while True:
        try:
            _read(client, bucket, attempt, source, found, rows)
            break
        except ClickHouseError:
            if not mend(bucket, attempt):
                raise


def _read(
    client: Client, bucket: Bucket, attempt: Attempt, source: Source | None, found: Inspection, rows: int
) -> None:
    form = form_of(bucket, attempt, source)
    if isinstance(form.shown, Layout):
        found.delimiter, found.header_line = form.shown.delimiter, form.shown.line + 1
    reader = reader_of(client, bucket, form, [attempt.key], source)
    headers = list(reader.cells)
    if not headers:
        owner = source or owner_of(reader.records)
        found.source, found.warnings = owner.source, ["the document has no records"]
        return
    if is_repair(headers):
        statement, repair = repair_statement(client, reader, attempt, source)
        _note_match(found, statement.match, list(statement.reader.cells), (), frozenset())
        found.why, found.date_style = ["repair_of", "repair_line"], statement.date_style
        found.warnings.append(f"repairs rows of {repair.original.uri}; they stand with its other rows")
        _judge(client, statement, found, rows)
        return
    match = recognise(headers, form.format, source, attempt.preamble, reader.records)
    _note_match(found, match, headers, attempt.preamble, reader.context)
    note_shape(attempt, match, headers)
    found.warnings += attempt.line.warnings
    found.exported_at = attempt.line.exported_at.isoformat() if attempt.line.exported_at else ""
    planned = statements_of(client, Statement(reader, match), form, [attempt])
    if attempt.line.status == "rejected":
        found.refusal = attempt.line.error
    for statement, _ in planned:
        found.date_style = statement.date_style
        for column in found.columns:
            column["decimal_mark"] = statement.marks.get(column["column"], "")
        found.warnings += doubts_of(client, statement, _judge(client, statement, found, rows))


def _note_match(
    found: Inspection, match: Match, headers: Sequence[str], preamble: Sequence[str], context: frozenset[str]
) -> None:
    shape = match.shape
    found.source, found.shape, found.currency = match.source.source, shape.id, match.currency
    marks = {normal(header) for header in shape.recognise}
    found.why = [header for header in headers if normal(header) in marks]
    found.columns = [
        {"column": column, "header": str(place), "divisor": match.divisor(column), "decimal_mark": ""}
        for column, place in match.columns.items()
    ]
    found.segments = {name: str(place) for name, place in match.segments.items()}
    found.measures = dict(match.measures)
    used = {h for place in (*match.columns.values(), *match.segments.values()) for h in place.headers}
    used |= {*match.measures.values()}
    if shape.rates == "wide":  # a column a currency
        used |= {header for header in headers if re.fullmatch(CODE.strip("'"), header)}
    found.unknown = [header for header in headers if header not in used and header not in context]


def _judge(client: Client, statement: Statement, found: Inspection, rows: int) -> str:
    """Count and show the records; the subquery of them with what becomes of each."""
    disposition, clause = statement.disposition(), statement.reader.settings_clause(strict=False)
    judged = f"(SELECT *, {disposition} AS disposition, {statement.detail()} AS detail FROM ({statement.typed()}))"
    counted = client.query(f"SELECT disposition, count() FROM {judged} GROUP BY disposition{clause}", settings=SETTINGS)
    for name, n in counted.result_rows:
        found.counts[str(name)] = int(n)
    found.skipped = sorted(set(found.counts) & statement.skip_reasons)
    typed = ["row_number", "day"]
    typed += [f"insightflow_text({name}) AS {name}" for name in KEYS if name in statement.match.columns]
    for name in METRICS:
        if name in statement.match.columns:
            value = f"value_{name}"
            if statement.match.shape.missing_metric != "null":
                value = f"ifNull({value}, 0)"
            typed.append(f"{value} AS {name}")
    typed += [f"{value} AS {name}" for name, value in values_of_measures(statement.match).items()]
    first = f"WHERE disposition = 'loaded' ORDER BY row_number LIMIT {rows}"
    shown = client.query(
        f"SELECT {', '.join(typed)}, segments FROM {judged} {first}{clause}",
        settings=SETTINGS,
    )
    found.rows = [
        {"date" if name == "day" else name: value for name, value in row.items()} for row in shown.named_results()
    ]
    others = ", ".join(map(sql_string, ["loaded", *found.skipped]))
    rejected = client.query(
        f"SELECT row_number, disposition AS reason, detail, raw_text FROM {judged} WHERE disposition NOT IN ({others}) "
        f"ORDER BY row_number LIMIT {rows}{clause}",
        settings=SETTINGS,
    )
    found.rejects = [dict(row) for row in rejected.named_results()]
    return judged
