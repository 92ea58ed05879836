"""What became of a file's records: the counts of its ledger line, checked against what the file says of itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from clickhouse_connect.driver.client import Client
from dateutil import parser as dateparser

from include.landing.bucket import sql_string
from include.landing.errors import RefusedFile, refuse
from include.landing.forms import Attempt
from include.landing.ledger import LedgerLine
from include.landing.missing_cost import headers_of_cost, nearest
from include.landing.recognise import Match, normal
from include.landing.salvage import MALFORMED
from include.landing.specs import METRICS, Shape
from include.landing.statement import MAIN_EVENT, ROWS, Statement
from include.landing.totals import check_declared

# Segments that make a file's rows a grain of their own.
SEGMENT_GRAINS = {
    "event": ("event_name",),
    "search_term": ("search_term",),
    "keyword": ("keyword_id", "keyword"),
    "landing_page": ("landing_page",),
}


# So many rejected rows are found by their places, which the engine holds in memory.
FEW_REJECTS = 500_000
# So many hashes of rows are held in memory to find repeats: some 100 MB.
HASHES_HELD = 4_000_000


PERHAPS_CUT = "its last line has too few cells: the file may have been cut, see whether its last day is whole"


@dataclass
class Counted:
    """Of a load: records by disposition, days, the levels that its rows name, and whether whole records repeat."""

    dispositions: dict[str, int] = field(default_factory=dict)
    date_min: date | None = None
    date_max: date | None = None
    grain: str = "account"
    repeats: bool = False
    exported_at: datetime | None = None


def note_shape(attempt: Attempt, match: Match, headers: Sequence[str]) -> None:
    """Write what the spec says about the file on its line. Raises ``RefusedFile`` where a remark refuses it."""
    line, shape = attempt.line, match.shape
    line.source, line.shape = match.source.source, shape.id
    line.restatement_days = match.source.restatement_days
    line.headers = [header for header in headers if header != MALFORMED]
    line.column_map = {str(column): str(found) for column, found in match.columns.items()} | match.measures
    if shape.missing_metric == "zero" and attempt.sniffed and attempt.sniffed.format == "json":
        # APIs leave out what is 0 (proto3's JSON; Pinterest: "if a column has no value, it may not be returned"), and
        # may do so in every record of a quiet day.
        line.column_map |= {metric: "" for metric in METRICS if metric in shape.columns and metric not in match.columns}
    line.unit_divisor = {str(c): divisor for c in match.columns if (divisor := match.divisor(c)) != 1}
    line.id_formats = {str(column): kind for column, kind in shape.id_formats.items()}
    line.null_tokens = list(shape.null_tokens)
    line.missing_is_zero = shape.missing_metric != "null"
    line.event_tiers = {name: [list(tier) for tier in e.tiers] for name, e in shape.events.items() if e.tiers}
    line.conversion_tiers = line.event_tiers.get(MAIN_EVENT, [])
    line.event_columns = _event_columns(shape, headers)
    line.currency_default = match.currency
    line.warnings = []
    if match.source.kind == "ads" and not {"cost"} & {*line.column_map} and not shape.rates:
        wanted = headers_of_cost(match.source, shape.id)
        near = [f"; {h}, which nothing reads, may be {meant}" for h in line.headers if (meant := nearest(h, wanted))]
        line.warnings.append("no column of cost was found: what these rows cost is unknown" + "".join(near))
    text = "\n".join(attempt.preamble) + "\n" + attempt.ending
    for remark in shape.remarks:
        if re.search(remark.when, text, re.MULTILINE):
            if remark.reason:
                raise RefusedFile(remark.reason, remark.say)
            line.warnings.append(remark.say)
    for pattern in shape.exported_at:
        hit = re.search(pattern, text, re.MULTILINE)
        if hit and hit.groups() and not line.exported_at:
            line.exported_at = _instant(hit.group(1))


def _event_columns(shape: Shape, headers: Sequence[str]) -> dict[str, list[str]]:
    """Event → [header of its conversions, header of its value], '' where the file has none."""
    there = {normal(header): header for header in headers}
    found = {}
    for name, event in shape.events.items():
        picked = [
            next((there[normal(w)] for w in wanted if normal(w) in there), "")
            for wanted in (event.conversions, event.conversion_value)
        ]
        if any(picked):
            found[name] = picked
    return found


def _instant(text: str) -> datetime | None:
    """An instant of text, UTC where it names no zone."""
    try:
        found = dateparser.parse(text, tzinfos={"UTC": UTC, "GMT": UTC})
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def count(client: Client, statement: Statement, attempts: Sequence[Attempt]) -> dict[int, Counted]:
    """A look at the raw rows of the loads: load_id → what they are."""
    shape, there = statement.match.shape, statement.match.columns
    marks = {
        grain: [f"segments['{name}']" for name in names if name in statement.match.segments]
        for grain, names in SEGMENT_GRAINS.items()
    }
    for level in ("ad", "ad_group", "campaign"):
        names = [name for name in (f"{level}_id", f"{level}_name") if name in there]
        marks[level] = [column for name in names for column in (name, f"text_{name}")]
    named = ["countIf(" + (" OR ".join(f"{mark} != ''" for mark in some) or "0") + ")" for some in marks.values()]
    synced = [h for w in shape.exported_at for h in statement.reader.cells if normal(h) == normal(w)]
    instant = f"parseDateTime64BestEffortOrNull(extra[{sql_string(synced[0])}], 3, 'UTC')" if synced else "NULL"
    rows = client.query(
        f"SELECT load_id, disposition, count(), min(date), max(date), {', '.join(named)}, maxOrNull({instant}) FROM {ROWS} "
        f"WHERE load_id IN ({_ids(attempts)}) GROUP BY load_id, disposition"
    ).result_rows
    found: dict[int, Counted] = {attempt.line.load_id: Counted() for attempt in attempts}
    repeated = _with_repeats(client, {int(row[0]): int(row[2]) for row in rows if row[1] == "loaded"})
    for load_id, disposition, n, first, last, *named_rows, exported in rows:
        counted = found[int(load_id)]
        counted.dispositions[str(disposition)] = int(n)
        if disposition == "loaded":
            counted.date_min, counted.date_max, counted.repeats = first, last, load_id in repeated
            counted.grain = grain_of({grain for grain, m in zip(marks, named_rows, strict=True) if m})
            if shape.rates:
                counted.grain = "rate"
            counted.exported_at = exported.replace(tzinfo=UTC) if exported else None
    return found


def _with_repeats(client: Client, loaded: Mapping[int, int]) -> set[int]:
    """The loads (load_id → rows) in which a whole record is there twice. Beyond some millions of rows by groups, which
    the engine keeps on disk where they are many: a set of all hashes would be as large as the file."""
    if not loaded:
        return set()
    where = f"FROM {ROWS} WHERE load_id IN ({', '.join(map(str, loaded))}) AND disposition = 'loaded'"
    if sum(loaded.values()) <= HASHES_HELD:
        found = f"SELECT load_id {where} GROUP BY load_id HAVING count() > uniqExact(row_hash)"
    else:
        found = (
            f"SELECT DISTINCT l FROM (SELECT any(load_id) AS l {where} GROUP BY load_id, row_hash HAVING count() > 1)"
        )
    return {int(row[0]) for row in client.query(found).result_rows}


def grain_of(named: Collection[str]) -> str:
    """What the rows of a file are about, from what any of them names.

    Search terms, keywords and landing pages are grains of their own: platforms leave out what is rare, private or has
    none, so their sums are below those of the ad groups and campaigns that they name. A landing page beside an ad is
    an attribute of the ad. Web analytics count a session once for each of its events.
    """
    order = ("event", "search_term", "keyword", "ad", "landing_page", "ad_group", "campaign")
    return next((grain for grain in order if grain in named), "account")


def settle(client: Client, statement: Statement, attempts: Sequence[Attempt], counted: Mapping[int, Counted]) -> None:
    """Fill in the lines of loads that stand as they are in raw, and keep their rejected rows.

    A file that its own declarations or its end show to be cut off is refused.
    """
    for attempt in attempts:
        try:
            _fill_in(client, statement, attempt, counted.get(attempt.line.load_id, Counted()))
        except RefusedFile as refusal:
            refuse(attempt.line, refusal)
    rejected = [a.line for a in attempts if a.line.rejected]
    if rejected:
        reasons = sorted({reason for line in rejected for reason in line.rejected})
        few = sum(line.rows_rejected for line in rejected) <= FEW_REJECTS
        client.command(statement.insert_rejects(reasons, few=few), settings={"max_query_size": 64 * 1024**2})
        _name_first_reject(client, rejected)
    for attempt in attempts:
        if attempt.line.status != "rejected":
            attempt.line.status = "loaded"


def _fill_in(client: Client, statement: Statement, attempt: Attempt, counted: Counted) -> None:
    line = attempt.line
    skipped = {reason: n for reason, n in counted.dispositions.items() if reason in statement.skip_reasons}
    rejected = {r: n for r, n in counted.dispositions.items() if r != "loaded" and r not in skipped}
    if attempt.preamble:
        skipped["preamble_lines"] = len(attempt.preamble)
    if rejected.get("too_few_cells") and _last_is_short(client, attempt):
        if not _ended(attempt):
            raise RefusedFile(
                "truncated_file", "the last line breaks off in the middle; the upload was cut: upload the file again"
            )
        line.warnings.append(PERHAPS_CUT)
    line.date_min, line.date_max, line.grain = counted.date_min, counted.date_max, counted.grain
    line.exported_at = line.exported_at or counted.exported_at
    line.skipped, line.rejected = skipped, rejected
    line.rows_loaded = counted.dispositions.get("loaded", 0)
    line.rows_rejected, line.rows_skipped = sum(rejected.values()), sum(skipped.values())
    line.rows_read = line.rows_loaded + line.rows_rejected + line.rows_skipped
    repeats = skipped.get("exact_duplicate", 0)
    if repeats:
        line.warnings.append(f"{repeats} exact duplicate row{'s' if repeats > 1 else ''} collapsed")
    check_declared(client, line, statement, attempt.preamble)


def _name_first_reject(client: Client, lines: Sequence[LedgerLine]) -> None:
    ids = ", ".join(str(line.load_id) for line in lines)
    rows = client.query(
        "SELECT load_id, row_number, reason, detail FROM ops.load_rejects "
        f"WHERE load_id IN ({ids}) ORDER BY row_number LIMIT 1 BY load_id"
    ).result_rows
    first = {int(load_id): rest for load_id, *rest in rows}
    for line in lines:
        if line.load_id in first:
            number, reason, detail = first[line.load_id]
            line.error = (
                f"{line.rows_rejected} row{'s' if line.rows_rejected > 1 else ''} rejected, first in line {number}: "
                f"{reason} ({detail}); `{_export_command(line)}` gives them to be repaired and loaded again"
            ) + (f"; {PERHAPS_CUT}" if PERHAPS_CUT in line.warnings else "")


def _export_command(line: LedgerLine) -> str:
    """The command that gives a file's rejected rows, also where other files have some."""
    of = ["-w", line.workspace] if line.workspace else []
    name = line.uri.rsplit("/", 1)[-1]
    return shlex.join(["bin/insightflow", "rejects", *of, "--file", name, "--out", "repair.csv"])


def _last_is_short(client: Client, attempt: Attempt) -> bool:
    """Whether the last record is one with too few cells."""
    last = client.query(
        f"SELECT argMax(disposition, row_number) FROM {ROWS} WHERE load_id = {attempt.line.load_id}"
    ).first_row[0]
    return bool(last == "too_few_cells")


def _ended(attempt: Attempt) -> bool:
    """Whether the file ends with a line break."""
    tail = attempt.sniffed.tail if attempt.sniffed else b""
    return tail.rstrip(b"\x00").endswith((b"\n", b"\r"))


def _ids(attempts: Sequence[Attempt]) -> str:
    return ", ".join(str(attempt.line.load_id) for attempt in attempts)
