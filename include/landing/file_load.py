"""One file into ``raw``: read, recognised, judged, counted. Nothing of it is visible before its ledger row."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from include.landing.bucket import Bucket, BucketFile
from include.landing.errors import RefusedFile
from include.landing.ledger import LedgerLine
from include.landing.readers import Reader, csv_reader, json_reader, parquet_reader
from include.landing.recognise import Match, best, candidates, missing_columns
from include.landing.sniff import Sniffed, write_copy
from include.landing.specs import METRICS, Source, find_source
from include.landing.statement import RAW_COLUMNS, Statement, decide_date_style, decide_marks, evidence
from include.landing.totals import check_declared

INBOX = "inbox"
SAMPLE_ROWS = 5000
# ClickHouse error codes that say "these bytes are not that format" (ErrorCodes.cpp of ClickHouse).
CONTENT_ERRORS = {
    6,
    7,
    8,
    10,
    15,
    25,
    26,
    27,
    32,
    33,
    34,
    38,
    41,
    53,
    69,
    72,
    117,
    131,
    252,
    271,
    347,
    354,
    441,
    561,
    563,
    636,
    1000,
    1001,
}
UNKNOWN_KEY = re.compile(r"Unknown field|doesn't have element with name")


@dataclass
class Attempt:
    """A file on its way: its ledger line, and the statement that loads it."""

    line: LedgerLine
    file: BucketFile
    sniffed: Sniffed | None = None
    key: str = ""
    """Key that ClickHouse reads: the file, or its working copy."""


def new_load_id() -> int:
    """Rising, unique over processes: nanoseconds with 10 random bits below microseconds."""
    return (time.time_ns() & ~1023) | random.getrandbits(10)


def load_file(client: Client, bucket: Bucket, attempt: Attempt) -> None:
    """Raw rows, rejects and counts of one file; a refusal is noted on its line."""
    line, sniffed = attempt.line, attempt.sniffed
    assert sniffed is not None
    source = None if line.source == INBOX else find_source(line.source)
    try:
        if sniffed.needs_copy:
            attempt.key = f"_work/{line.load_id}"
            write_copy(bucket, sniffed, attempt.key)
        try:
            _read_and_load(client, bucket, attempt, source, whole=False)
        except ClickHouseError as error:
            if sniffed.format != "json" or not UNKNOWN_KEY.search(str(error)):
                raise
            line.load_id = new_load_id()
            _read_and_load(client, bucket, attempt, source, whole=True)
    except RefusedFile as refusal:
        refuse(line, refusal)
    except ClickHouseError as error:
        if error_code(error) not in CONTENT_ERRORS:
            raise
        refuse(line, _content_refusal(sniffed, error))


def _read_and_load(client: Client, bucket: Bucket, attempt: Attempt, source: Source | None, *, whole: bool) -> None:
    line, sniffed = attempt.line, attempt.sniffed
    assert sniffed is not None
    reader = _reader(client, bucket, sniffed, attempt.key, source, whole=whole)
    if not reader.cells and source:
        line.status, line.source = "loaded", source.source  # an export without a single record
        return
    match = _recognise(list(reader.cells), sniffed, source)
    line.source, line.shape, line.restatement_days = (
        match.source.source,
        match.shape.id,
        match.source.restatement_days,
    )
    line.column_map = {str(column): header for column, header in match.columns.items()}
    line.unit_divisor = {str(c): match.shape.divisors[h] for c, h in match.columns.items() if h in match.shape.divisors}
    line.id_formats = {str(column): kind for column, kind in match.shape.id_formats.items()}
    line.missing_is_zero = match.shape.missing_metric == "zero"
    line.conversion_tiers = [list(tier) for tier in match.shape.conversion_tiers]
    line.currency_default = match.currency
    metrics = [name for name in METRICS if name in match.columns]
    fixed = "." if sniffed.format == "parquet" else match.shape.decimal_mark
    draft = Statement(reader, match, {}, "iso")
    sample = client.query(
        evidence(f"SELECT * FROM ({draft.records()}) LIMIT {SAMPLE_ROWS}", metrics)
        + reader.settings_clause(strict=False)
    ).first_row
    style = decide_date_style(sample[0], match.shape.date_style)
    if style is None:
        raise RefusedFile(
            "ambiguous_dates",
            f"dates such as {sample[0][0]} may be day first or month first; export ISO dates (2025-01-31)",
        )
    marks = decide_marks(dict(zip(metrics, sample[1:], strict=True)), fixed)
    statement = Statement(reader, match, marks, style)
    client.command(statement.insert(line.workspace, line.file_id, line.load_id))
    counts = _dispositions(client, line.load_id)
    if counts.get("ambiguous_number") and fixed == "auto":
        # The sample did not show the mark: look at every cell, which is now in raw, and load again if that decides it.
        proved = client.query(
            evidence(f"SELECT * FROM raw.ad_performance WHERE load_id = {line.load_id}", metrics)
        ).first_row[1:]
        decided = decide_marks(dict(zip(metrics, proved, strict=True)), fixed)
        if decided != marks:
            statement = statement.with_marks(decided)
            line.load_id = new_load_id()
            client.command(statement.insert(line.workspace, line.file_id, line.load_id))
            counts = _dispositions(client, line.load_id)
    line.decimal_marks = {metric: mark for metric, mark in statement.marks.items() if mark}
    line.date_style = style
    if _has_repeats(client, line.load_id):
        line.load_id = _collapse_repeats(client, line.load_id)
        counts = _dispositions(client, line.load_id)
        n = counts.get("exact_duplicate", 0)
        line.warnings.append(f"{n} exact duplicate row{'s' if n > 1 else ''} collapsed")
    _account(client, line, reader, statement, counts, sniffed)


def _reader(
    client: Client, bucket: Bucket, sniffed: Sniffed, key: str, source: Source | None, *, whole: bool
) -> Reader:
    if sniffed.format == "csv":
        return csv_reader(bucket, sniffed, key, source)
    if sniffed.format == "json":
        return json_reader(client, bucket, sniffed, key, source, whole=whole)
    return parquet_reader(client, bucket, sniffed, key)


def _recognise(headers: Sequence[str], sniffed: Sniffed, source: Source | None) -> Match:
    """The shape of the file. Raises ``RefusedFile`` that says what it looks like instead, or what it lacks."""
    match = best(headers, sniffed.format, source)
    others = candidates(headers, sniffed.format)
    named = [other for other in others if other.source.source != "generic"]
    if match and (source is None or source.source != "generic" or not named):
        return match
    shown = ", ".join(headers[:8])
    if source and named:
        other = named[0]
        raise RefusedFile(
            "wrong_source",
            f"this lies in {source.source}/ but looks like {other.source.title} ({other.shape.id}); "
            f"move it to {other.source.source}/ or inbox/",
        )
    if source:
        raise RefusedFile(
            "missing_columns",
            f"not an export of {source.title} as known: {missing_columns(headers, sniffed.format, source)}; found "
            f"{shown}. Export these columns, or add their names to sources/{source.source}.yml",
        )
    if others:
        raise RefusedFile(
            "ambiguous_source",
            f"this may be {' or '.join(other.source.title for other in others[:2])}; put it into the folder of its source",
        )
    raise RefusedFile(
        "unknown_source",
        f"no source has these columns: {shown}. Put the file into the folder of its source, name the columns as in "
        "the generic source (date, campaign_id, impressions, clicks, cost, …), or add a spec",
    )


def _account(
    client: Client,
    line: LedgerLine,
    reader: Reader,
    statement: Statement,
    counts: dict[str, int],
    sniffed: Sniffed,
) -> None:
    """Fill in the counts of the line; refuse a file that its own declarations or its end show to be cut off."""
    skipped = {reason: n for reason, n in counts.items() if reason in statement.skip_reasons}
    rejected = {r: n for r, n in counts.items() if r != "loaded" and r not in skipped}
    if reader.preamble:
        skipped["preamble_lines"] = len(reader.preamble)
    if rejected.get("too_few_cells") and _ends_short(client, line.load_id, sniffed):
        raise RefusedFile(
            "truncated_file",
            "the last line breaks off in the middle; the upload was cut: upload the file again",
        )
    facts = client.query(
        "SELECT minOrNull(event_date), maxOrNull(event_date), countIf(ad_id != '' OR ad_name != ''),"
        " countIf(ad_group_id != '' OR ad_group_name != ''), countIf(campaign_id != '' OR campaign_name != '')"
        f" FROM raw.ad_performance WHERE load_id = {line.load_id} AND disposition = 'loaded'"
    ).first_row
    line.date_min, line.date_max = facts[0], facts[1]
    grains = zip(("ad", "ad_group", "campaign"), facts[2:], strict=True)
    line.grain = next((grain for grain, n in grains if n), "account")
    line.skipped, line.rejected = skipped, rejected
    line.rows_loaded = counts.get("loaded", 0)
    line.rows_rejected, line.rows_skipped = sum(rejected.values()), sum(skipped.values())
    line.rows_read = line.rows_loaded + line.rows_rejected + line.rows_skipped
    check_declared(client, line, statement.match.shape, reader.preamble)
    if rejected:
        client.command(statement.insert_rejects(line.workspace, line.file_id, line.load_id, list(rejected)))
        first = client.query(
            f"SELECT row_number, reason, detail FROM ops.load_rejects WHERE load_id = {line.load_id} ORDER BY row_number LIMIT 1"
        ).first_row
        line.error = (
            f"{line.rows_rejected} row{'s' if line.rows_rejected > 1 else ''} rejected, first in line {first[0]}: "
            f"{first[1]} ({first[2]}); repair them and drop the file again"
        )
    line.status = "loaded"


def _dispositions(client: Client, load_id: int) -> dict[str, int]:
    rows = client.query(
        f"SELECT disposition, count() FROM raw.ad_performance WHERE load_id = {load_id} GROUP BY disposition"
    ).result_rows
    return {str(row[0]): int(row[1]) for row in rows}


def _has_repeats(client: Client, load_id: int) -> bool:
    row = client.query(
        f"SELECT count() > uniqExact(row_hash) FROM raw.ad_performance WHERE load_id = {load_id} AND disposition = 'loaded'"
    ).first_row
    return bool(row[0])


def _collapse_repeats(client: Client, load_id: int) -> int:
    """Load the raw rows again with all but the first of identical records marked; return the new load_id."""
    fresh = new_load_id()
    cells = [c for c in RAW_COLUMNS if c not in ("load_id", "row_number", "disposition")]
    columns = ", ".join(
        {
            "load_id": str(fresh),
            "disposition": "if(disposition = 'loaded' AND row_number() OVER same > 1, 'exact_duplicate', disposition)",
        }.get(column, column)
        for column in RAW_COLUMNS
    )
    client.command(
        f"INSERT INTO raw.ad_performance ({', '.join(RAW_COLUMNS)}) SELECT {columns} FROM raw.ad_performance "
        f"WHERE load_id = {load_id} WINDOW same AS (PARTITION BY {', '.join(cells)} ORDER BY row_number)"
    )
    return fresh


def _ends_short(client: Client, load_id: int, sniffed: Sniffed) -> bool:
    """Whether the last record is the short one and the file does not end with a line break."""
    last = client.query(
        f"SELECT argMax(disposition, row_number) FROM raw.ad_performance WHERE load_id = {load_id}"
    ).first_row[0]
    ended = sniffed.tail.rstrip(b"\x00").endswith((b"\n", b"\r")) if sniffed.tail else False
    return last == "too_few_cells" and not ended


def refuse(line: LedgerLine, refusal: RefusedFile) -> None:
    line.status, line.error = "rejected", f"{refusal.reason}: {refusal}"
    line.rows_read = line.rows_loaded = line.rows_rejected = line.rows_skipped = 0
    line.skipped, line.rejected, line.date_min, line.date_max = {}, {}, None, None


def _content_refusal(sniffed: Sniffed, error: Exception) -> RefusedFile:
    where = re.search(r"\(at row (\d+)\)", str(error))
    place = f" at record {where.group(1)}" if where else ""
    end = sniffed.tail.rstrip().rstrip(b"\x00")
    cut_json = sniffed.format == "json" and sniffed.tail and not end.endswith((b"}", b"]"))
    if cut_json or sniffed.compression != "none" or sniffed.format == "parquet" or error_code(error) in (32, 33):
        return RefusedFile("truncated_file", f"the file breaks off{place}; the upload was cut: upload the file again")
    return RefusedFile(
        "malformed_file",
        f"the {sniffed.format} cannot be read{place} ({first_line(error)[:160]}); export it again",
    )


def error_code(error: Exception) -> int:
    hit = re.search(r"Code: (\d+)", str(error))
    return int(hit.group(1)) if hit else 0


def first_line(error: Exception) -> str:
    text = re.sub(r"\s+", " ", str(error))
    return re.sub(r"^.*?DB::Exception: ", "", text)[:300]
