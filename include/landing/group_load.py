"""Files of one form into ``raw``: read, recognised, judged, counted. Nothing of it is visible before their ledger rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from include.landing.accounts import Counted, count, note_shape, settle
from include.landing.bucket import Bucket
from include.landing.doubts import note_doubts
from include.landing.errors import CONTENT_ERRORS, STATEMENT_ERRORS, RefusedFile, error_code, refusal_of, refuse
from include.landing.evidence import decide_date_style, decide_marks, evidence, proved_orders
from include.landing.forms import Attempt, Form, form_of, reader_of
from include.landing.ledger import new_load_id
from include.landing.readers.base import Reader
from include.landing.recognise import Match, best, candidates, is_repair, missing_columns, normal, of_connector
from include.landing.repairs import Repair, inherit, judgements, repair_of
from include.landing.salvage import mend
from include.landing.specs import METRICS, Format, Source, sources
from include.landing.statement import ROW_COLUMNS, ROWS, Statement, Target

SAMPLE_ROWS = 5000
UNKNOWN_KEY = re.compile(r"Unknown field|doesn't have element with name")
# Long lists of files make long statements; bad dates may lie in many months.
SETTINGS: dict[str, int] = {"max_query_size": 64 * 1024**2}
# Threads that parse ahead cost a seventh more CPU, and memory; one that parses keeps another busy with judging.
# Each statement is compiled for itself and runs but once.
ONE_PARSER = {"input_format_parallel_parsing": 0, "compile_expressions": 0}


def load_group(client: Client, bucket: Bucket, form: Form, attempts: Sequence[Attempt], source: Source | None) -> None:
    """Raw rows, rejects and counts of files of one form; a refusal is noted on the line of its file.

    Files that cannot be read together are read one by one, so that a wrong file concerns itself only.
    """
    try:
        _load(client, bucket, form, attempts, source)
    except OSError:
        raise
    except Exception as error:
        if isinstance(error, ClickHouseError) and error_code(error) not in CONTENT_ERRORS | STATEMENT_ERRORS:
            raise
        if len(attempts) > 1:
            for attempt in attempts:
                attempt.line.load_id = new_load_id()
                load_group(client, bucket, form, [attempt], source)
            return
        [attempt] = attempts
        if isinstance(error, ClickHouseError) and mend(bucket, attempt):
            attempt.line.load_id = new_load_id()
            load_group(client, bucket, form_of(bucket, attempt, source), attempts, source)
            return
        refuse(attempt.line, refusal_of(error, attempt.sniffed, attempt.file.key))


def _load(client: Client, bucket: Bucket, form: Form, attempts: Sequence[Attempt], source: Source | None) -> None:
    try:
        _load_as(client, bucket, form, attempts, source, whole=False)
    except ClickHouseError as error:
        if form.format != "json" or not UNKNOWN_KEY.search(str(error)):
            raise
        for attempt in attempts:
            attempt.line.load_id = new_load_id()
        _load_as(client, bucket, form, attempts, source, whole=True)


def _load_as(
    client: Client, bucket: Bucket, form: Form, attempts: Sequence[Attempt], source: Source | None, *, whole: bool
) -> None:
    def reader_for(several: Sequence[Attempt]) -> Reader:
        return reader_of(client, bucket, form, [attempt.key for attempt in several], source, whole=whole)

    reader = reader_for(attempts)
    if not reader.cells:
        source = source or owner_of(reader.records)
        for attempt in attempts:  # exports without a single record
            attempt.line.status, attempt.line.source = "loaded", source.source
        return
    if is_repair(list(reader.cells)):
        [attempt] = attempts  # such a file comes in a unit of its own
        _load_repair(client, reader, attempt, source)
        return
    match = recognise(list(reader.cells), form.format, source, attempts[0].preamble, reader.records)
    for attempt in attempts:
        note_shape(attempt, match, list(reader.cells))
    for statement, several in statements_of(client, Statement(reader, match), form, attempts):
        if len(several) < len(attempts):  # the reader would also read the other files
            statement = replace(statement, reader=reader_for(several))
        _insert(client, statement, several)
        note_doubts(client, statement, several)


def _load_repair(client: Client, reader: Reader, attempt: Attempt, source: Source | None) -> None:
    """Repaired rows, read as the file that they came from was."""
    line = attempt.line
    if line.batch:
        raise RefusedFile("wrong_place", "repaired rows are no part of a batch; drop the file into the folder above")
    statement, repair = repair_statement(client, reader, attempt, source)
    targets = {path: Target(line.workspace, line.file_id, line.load_id) for path in _paths(client, reader)}
    _insert(client, replace(statement, targets=targets), [attempt])
    inherit(line, repair)


def repair_statement(
    client: Client, reader: Reader, attempt: Attempt, source: Source | None
) -> tuple[Statement, Repair]:
    """How a file of repaired rows is read, and what it repairs. Raises ``RefusedFile``."""
    repair = repair_of(client, reader, attempt.line, source.source if source else "")
    note_shape(attempt, repair.match, list(repair.reader.cells))
    original = repair.original
    metrics = [name for name in METRICS if name in repair.match.columns]
    return Statement(
        repair.reader,
        repair.match,
        marks={name: original.decimal_marks.get(name, "") for name in metrics},
        date_style=original.date_style or "iso",
        also=tuple(judgements(original)),
    ), repair


def _paths(client: Client, reader: Reader) -> list[str]:
    return [
        str(row[0])
        for row in client.query(
            f"SELECT DISTINCT path FROM ({reader.source}){reader.settings_clause(strict=False)}"
        ).result_rows
    ]


def recognise(
    headers: Sequence[str], format: Format, source: Source | None, preamble: Sequence[str] = (), records: str = ""
) -> Match:
    """The shape of a file. Raises ``RefusedFile`` that says what it looks like instead, or what it lacks."""
    match = best(headers, format, source, preamble, records)
    others = candidates(headers, format, None, preamble, records)
    named = [other for other in others if other.source.source != "generic"]
    if (
        match
        and source is None
        and match.source.source == "generic"
        and "cost" in match.columns
        and of_connector(headers)
    ):
        raise RefusedFile(
            "ambiguous_source",
            f"a connector's table that does not show its platform ({', '.join(headers[:8])}): connectors keep the platform's "
            f"unit, and {match.columns['cost']} may be in micros. Put it into the folder of its platform, or into generic/ "
            "if it is in units",
        )
    if match and match.marked and (source is None or source.source != "generic" or not named):
        return match
    if match and source and (not named or match.understood > max(other.understood for other in named)):
        return match  # its folder says what it is, and nothing says otherwise, or with less reason
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
            f"not an export of {source.title} as known: {missing_columns(headers, format, source)}; found "
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


def owner_of(records: str) -> Source:
    """The source that alone looks for records at a path of a document that has none. Raises ``RefusedFile``."""
    owners = [
        spec
        for spec in sources().values()
        if spec.source != "generic"
        and spec.kind != "exchange_rates"  # takes records where any tool may put them, as generic does
        and any(records in shape.record_paths for shape in spec.shapes)
    ]
    if len(owners) != 1:
        raise RefusedFile(
            "unknown_source",
            "the document holds no records, so that nothing shows whose it is; put it into the folder of its source",
        )
    return owners[0]


# --------------------------------------------------------------------------------------- marks, date styles and ends


def statements_of(
    client: Client, draft: Statement, form: Form, attempts: Sequence[Attempt]
) -> list[tuple[Statement, list[Attempt]]]:
    """Files that agree in decimal marks and date style, and the statement that loads them."""
    metrics = [name for name in METRICS if name in draft.match.columns]
    sampled = len(attempts) == 1  # one thread: others would parse ahead for nothing
    settings = {**SETTINGS, **ONE_PARSER, **({"max_threads": 1, "max_block_size": SAMPLE_ROWS} if sampled else {})}
    seen = client.query(
        evidence(draft.records(), metrics, SAMPLE_ROWS if sampled else None)
        + draft.reader.settings_clause(strict=False),
        settings=settings,
    ).result_rows
    ends = {}
    if draft.match.shape.data_ends and draft.reader.blank:
        ends = {str(p): int(n) for p, n in client.query(draft.find_ends(), settings=SETTINGS).result_rows}
    # Programs write these, with a point; cells that prove the comma alone still go before.
    fixed = "." if form.format in ("parquet", "json") else draft.match.shape.decimal_mark
    by_key = {attempt.key: attempt for attempt in attempts}
    unsure = _perhaps_micros(client, draft)
    agreed: dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[str, Attempt]]] = {}
    for path, dates, *proved in seen:
        attempt = _at(by_key, str(path))
        if str(path) in unsure:
            refuse(
                attempt.line,
                RefusedFile(
                    "ambiguous_unit",
                    f"all costs are whole numbers of 10,000 and more under headers of the AdWords API, whose money is in "
                    f"micros: rename {draft.match.columns['cost']} to metrics.cost_micros if they are, or write them with "
                    "decimals (12500.00) if not",
                ),
            )
            continue
        if sampled and proved_orders(dates) == set():  # a day above 12 may come late
            everywhere = evidence(draft.records(), []) + draft.reader.settings_clause(strict=False)
            dates = client.query(everywhere, settings=settings).first_row[1]
        day = draft.match.columns.get("date")
        style = decide_date_style(dates, draft.match.shape.date_style, str(day) if day else "")
        if style is None:
            dates = [cell for cell in dates if cell][:1]
            refuse(
                attempt.line,
                RefusedFile(
                    "ambiguous_dates",
                    f"dates such as {dates[0]} may be day first or month first; export ISO dates (2025-01-31)",
                ),
            )
            continue
        marks = decide_marks(dict(zip(metrics, proved, strict=True)), fixed)
        agreed.setdefault((style, tuple(marks.items())), []).append((str(path), attempt))
    placed = {attempt.key for several in agreed.values() for _, attempt in several}
    without = [a for a in attempts if a.line.status != "rejected" and a.key not in placed]
    settle(client, draft, without, {})  # a header and no record
    found = []
    for (style, chosen), several in agreed.items():
        targets = {path: Target(a.line.workspace, a.line.file_id, a.line.load_id) for path, a in several}
        own = {path: row for path, row in ends.items() if path in targets}
        statement = replace(draft, targets=targets, marks=dict(chosen), date_style=style, ends=own)
        found.append((statement, [attempt for _, attempt in several]))
    return found


def _perhaps_micros(client: Client, draft: Statement) -> set[str]:
    """Files whose costs may be in micros or in units, and do not show it (``Shape.perhaps_micros``)."""
    named = {normal(header) for header in draft.match.shape.perhaps_micros}
    if not named & {normal(header) for header in draft.reader.cells} or "cost" not in draft.match.columns:
        return set()
    n = "insightflow_number(cost, '.')"
    rows = client.query(
        f"SELECT path FROM ({draft.records()}) WHERE isNotNull(insightflow_date(date, 'mdy')) GROUP BY path"
        f" HAVING countIf({n} > 0) > 0 AND countIf({n} > 0 AND ({n} < 10000 OR {n} != floor({n}))) = 0"
        f"{draft.reader.settings_clause(strict=False)}",
        settings=SETTINGS,
    ).result_rows
    return {str(row[0]) for row in rows}


def _at(by_key: Mapping[str, Attempt], path: str) -> Attempt:
    """The file that the server calls ``path``: one of the keys with the folders of the server before it."""
    if len(by_key) == 1:
        return next(iter(by_key.values()))
    parts = path.split("/")
    return next(by_key[key] for i in range(len(parts)) if (key := "/".join(parts[i:])) in by_key)


# ---------------------------------------------------------------------------------------------------------- the rows


def _insert(client: Client, statement: Statement, attempts: list[Attempt]) -> None:
    client.command(statement.insert(), settings={**SETTINGS, **ONE_PARSER})
    counted = count(client, statement, attempts)
    if len(attempts) == 1 and counted[attempts[0].line.load_id].dispositions.get("ambiguous_number"):
        statement, counted = _decide_late(client, statement, attempts[0], counted)
    if any(one.repeats for one in counted.values()):
        _collapse_repeats(client, [a for a in attempts if counted[a.line.load_id].repeats])
        statement = statement.to({attempt.line.file_id: attempt.line.load_id for attempt in attempts})
        counted = count(client, statement, attempts)
    for attempt in attempts:
        attempt.line.decimal_marks = {metric: mark for metric, mark in statement.marks.items() if mark}
        attempt.line.date_style = statement.date_style
    settle(client, statement, attempts, counted)


def _decide_late(
    client: Client, statement: Statement, attempt: Attempt, counted: dict[int, Counted]
) -> tuple[Statement, dict[int, Counted]]:
    """Where the sample did not show the mark: look at every cell, now in raw, and load again if that decides it."""
    fixed = statement.match.shape.decimal_mark
    metrics = list(statement.marks)
    raw = f"SELECT '' AS path, * FROM raw.ad_performance WHERE load_id = {attempt.line.load_id}"
    proved = client.query(evidence(raw, metrics)).first_row[2:]
    decided = decide_marks(dict(zip(metrics, proved, strict=True)), fixed)
    if decided == statement.marks:
        return statement, counted
    attempt.line.load_id = new_load_id()
    statement = replace(statement, marks=decided).to({attempt.line.file_id: attempt.line.load_id})
    client.command(statement.insert(), settings={**SETTINGS, **ONE_PARSER})
    return statement, count(client, statement, [attempt])


def _collapse_repeats(client: Client, attempts: Sequence[Attempt]) -> None:
    """Load the raw rows again with all but the first of identical records marked, under load_ids of their own."""
    fresh = {attempt.line.load_id: new_load_id() for attempt in attempts}
    old, new = ", ".join(map(str, fresh)), ", ".join(map(str, fresh.values()))
    cells = [c for c in ROW_COLUMNS if c not in ("row_number", "disposition")]
    columns = ", ".join(
        {
            "load_id": f"transform(load_id, [{old}], [{new}], 0)",
            "disposition": "if(disposition = 'loaded' AND row_number() OVER same > 1, 'exact_duplicate', disposition)",
        }.get(column, column)
        for column in ROW_COLUMNS
    )
    client.command(
        f"INSERT INTO {ROWS} ({', '.join(ROW_COLUMNS)}) SELECT {columns} FROM {ROWS} "
        f"WHERE load_id IN ({old}) WINDOW same AS (PARTITION BY {', '.join(cells)} ORDER BY row_number)",
        settings=SETTINGS,
    )
    for attempt in attempts:
        attempt.line.load_id = fresh[attempt.line.load_id]
