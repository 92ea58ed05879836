"""How ClickHouse reads a file: a FROM clause that gives ``row_number`` and every cell as text, or NULL if absent."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.client import Client

from include.landing.bucket import Bucket, sql_string
from include.landing.errors import RefusedFile
from include.landing.recognise import candidates
from include.landing.sniff import Sniffed
from include.landing.specs import Format, Source, sources

DELIMITERS = (",", ";", "\t", "|")
HEADER_WITHIN = 30  # lines


@dataclass(frozen=True)
class Reader:
    """``source``: a subquery. ``cells``: header as sent → SQL expression (Nullable(String)) over that subquery."""

    format: Format
    source: str
    cells: dict[str, str]
    settings: dict[str, str | int] = field(default_factory=dict)
    preamble: tuple[str, ...] = ()
    overflow: str = ""

    @property
    def first_cell(self) -> str:
        """Expression of the first cell of a record."""
        return next(iter(self.cells.values()), "''")

    @property
    def last_cell(self) -> str:
        """Expression of the last cell; NULL where a CSV record is too short."""
        return list(self.cells.values())[-1] if self.cells else "''"

    def settings_clause(self, *, strict: bool = True) -> str:
        """``SETTINGS …`` or nothing. A query that does not read every column must not be ``strict`` about keys."""
        settings = self.settings if strict else {**self.settings, **LENIENT}
        pairs = [
            f"{name} = {value if isinstance(value, int) else sql_string(value)}" for name, value in settings.items()
        ]
        return " SETTINGS " + ", ".join(pairs) if pairs else ""


# ClickHouse takes columns that a query does not read for unknown.
LENIENT: dict[str, str | int] = {
    "input_format_skip_unknown_fields": 1,
    "input_format_json_ignore_unknown_keys_in_named_tuple": 1,
}


def identifier(name: str) -> str:
    """A quoted ClickHouse identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def unique(headers: Sequence[str]) -> list[str]:
    """Headers with the repeated ones numbered: ``Clicks``, ``Clicks #2``."""
    seen: dict[str, int] = {}
    result = []
    for header in headers:
        seen[header] = seen.get(header, 0) + 1
        result.append(header if seen[header] == 1 else f"{header} #{seen[header]}")
    return result


# ------------------------------------------------------------------------------------------------------------- CSV


def csv_header(sniffed: Sniffed, source: Source | None) -> tuple[str, int, list[str], tuple[str, ...]]:
    """Find the header: ``(delimiter, its line counted from 0, cells, lines before it)``.

    It is the line among the first 30 in which the most headers of one shape stand. Where no shape fits, the first
    line with the most cells is given, so that a refusal can show it.
    """
    text = sniffed.head.lstrip("\ufeff")
    lines = text.splitlines()[: HEADER_WITHIN + 1]
    best_score: tuple[int, int, int] = (-1, -1, -1)
    found: tuple[str, int, list[str]] = (",", 0, [])
    for delimiter in DELIMITERS:
        for number, line in enumerate(lines[:HEADER_WITHIN]):
            cells = next(csv.reader(io.StringIO(line), delimiter=delimiter), [])
            if not cells:
                continue
            matches = candidates(cells, "csv", source) or (candidates(cells, "csv") if source else [])
            understood = matches[0].score[1] if matches else 0
            score = (understood, min(len(cells), 3), -number)
            if score > best_score:
                best_score, found = score, (delimiter, number, cells)
    delimiter, number, cells = found
    return delimiter, number, unique([cell.strip() for cell in cells]), tuple(lines[:number])


def csv_reader(bucket: Bucket, sniffed: Sniffed, key: str, source: Source | None) -> Reader:
    """A CSV or TSV with any delimiter, read by position after its header line."""
    delimiter, line, headers, preamble = csv_header(sniffed, source)
    names = [f"c{index}" for index in range(len(headers))]
    structure = ", ".join(f"{name} Nullable(String)" for name in [*names, "overflow"])
    tabs = delimiter == "\t"  # which the CSV format refuses as a delimiter; its sibling has no lines to skip
    function = bucket.table_function(key, "CustomSeparated" if tabs else "CSV", structure, _server_compression(sniffed))
    settings: dict[str, str | int] = {
        "format_csv_delimiter": delimiter,
        "format_csv_allow_single_quotes": 0,
        "format_csv_null_representation": "\ufffdNULL\ufffd",
        "input_format_csv_empty_as_default": 0,
    }
    if tabs:
        settings["format_custom_escaping_rule"] = "CSV"
        settings["format_custom_field_delimiter"] = delimiter
        settings["input_format_custom_allow_variable_number_of_columns"] = 1
        number, data = "_row_number + 1", f"_row_number > {line} AND "
    else:
        settings["input_format_csv_skip_first_lines"] = line + 1
        settings["input_format_csv_allow_variable_number_of_columns"] = 1
        number, data = f"_row_number + {line + 2}", ""
    second = "overflow" if len(names) == 1 else names[1]
    source_sql = (
        f"SELECT {number} AS row_number, {', '.join(names)}, overflow FROM {function}"
        f" WHERE {data}NOT (ifNull({names[0]}, '') = '' AND {second} IS NULL)"
    )
    return Reader("csv", source_sql, dict(zip(headers, names, strict=True)), settings, preamble, "overflow")


def _server_compression(sniffed: Sniffed) -> str:
    return {"gzip": "gzip", "zstd": "zstd"}.get("none" if sniffed.needs_copy else sniffed.compression, "none")


# ------------------------------------------------------------------------------------------------------------ JSON

Tree = dict[str, Any]  # key → Tree for an object, None for text


def _tree(type_: Any) -> Tree | None:
    """Objects of an inferred type as a tree of keys; anything else is a leaf."""
    names = getattr(type_, "element_names", None)
    if not names:
        return None
    return {name: _tree(inner) for name, inner in zip(names, type_.element_types, strict=True)}


def _paths(tree: Tree, prefix: str = "", expression: str = "") -> dict[str, str]:
    """Dotted path of each leaf → SQL that takes it out of the tuple ``expression`` (or a column of its own)."""
    paths: dict[str, str] = {}
    for name, inner in tree.items():
        path = f"{prefix}{name}"
        taken = f"tupleElement({expression}, {sql_string(name)})" if expression else identifier(name)
        paths.update({path: taken} if inner is None else _paths(inner, f"{path}.", taken))
    return paths


def _declare(tree: Tree | None) -> str:
    if tree is None:
        return "Nullable(String)"
    return "Tuple(" + ", ".join(f"{identifier(name)} {_declare(inner)}" for name, inner in tree.items()) + ")"


JSON_SETTINGS: dict[str, str | int] = {
    "input_format_json_read_numbers_as_strings": 1,
    "input_format_json_read_bools_as_strings": 1,
    "input_format_json_read_objects_as_strings": 1,
    "input_format_json_read_arrays_as_strings": 1,
    "input_format_json_named_tuples_as_objects": 1,
    "input_format_json_defaults_for_missing_elements_in_named_tuple": 1,
    # A key that the sample did not show is an error, on which the whole file is looked at for its keys.
    "input_format_skip_unknown_fields": 0,
    "input_format_json_ignore_unknown_keys_in_named_tuple": 0,
    "input_format_null_as_default": 1,
}


def json_reader(
    client: Client, bucket: Bucket, sniffed: Sniffed, key: str, source: Source | None, *, whole: bool = False
) -> Reader:
    """NDJSON, an array of records, or an envelope with a list of records (one, or an array of them).

    Keys come from the engine's schema inference over the file's start, or over all of it where ``whole``. Values
    stay the text that was sent (``1.0`` stays ``1.0``); lists and unknown objects stay JSON.
    """
    compression = _server_compression(sniffed)
    bounds = 10**15 if whole else 10**4
    described = client.query(
        f"DESCRIBE TABLE {bucket.table_function(key, 'JSONEachRow', '', compression)} SETTINGS "
        f"input_format_max_rows_to_read_for_schema_inference = {bounds}, "
        f"input_format_max_bytes_to_read_for_schema_inference = {10**15 if whole else 32 * 1024**2}, "
        "input_format_json_infer_incomplete_types_as_strings = 1, input_format_json_try_infer_named_tuples_from_objects = 1, "
        "input_format_json_read_objects_as_strings = 1, schema_inference_make_columns_nullable = 0, "
        "input_format_json_use_string_type_for_ambiguous_paths_in_named_tuples_inference_from_objects = 1"
    ).result_rows
    types = {str(row[0]): get_from_name(str(row[1])) for row in described}
    envelopes = {name for spec in sources().values() for shape in spec.shapes for name in shape.records}
    for name, type_ in types.items():
        inner = getattr(type_, "element_type", None)
        tree = _tree(inner) if inner is not None else None
        if name in envelopes and tree is not None:
            rest = {other: None for other in types if other != name}
            declared = ", ".join(f"{identifier(k)} {_declare(v)}" for k, v in rest.items())
            structure = f"{identifier(name)} Array({_declare(tree)})" + (f", {declared}" if declared else "")
            function = bucket.table_function(key, "JSONEachRow", structure, compression)
            inner_sql = f"SELECT arrayJoin({identifier(name)}) AS record FROM {function}"
            # One thread, so that records are counted in the order of the file.
            settings = {
                **JSON_SETTINGS,
                "input_format_skip_unknown_fields": 1,  # beside the list: paging and the like, no data
                "max_threads": 1,
                "input_format_parallel_parsing": 0,
            }
            return Reader(
                "json",
                f"SELECT rowNumberInAllBlocks() + 1 AS row_number, record FROM ({inner_sql})",
                _paths(tree, expression="record"),
                settings,
            )
        if name in envelopes and len(types) <= 3 and inner is not None:
            return Reader("json", "SELECT 0 AS row_number WHERE 0", {}, {})  # {"data": []}: an export without rows
    top: Tree = {name: _tree(type_) for name, type_ in types.items()}
    structure = ", ".join(f"{identifier(name)} {_declare(inner)}" for name, inner in top.items())
    function = bucket.table_function(key, "JSONEachRow", structure, compression)
    columns = ", ".join(identifier(name) for name in top)
    return Reader(
        "json", f"SELECT _row_number + 1 AS row_number, {columns} FROM {function}", _paths(top), JSON_SETTINGS
    )


# --------------------------------------------------------------------------------------------------------- Parquet


def parquet_reader(client: Client, bucket: Bucket, sniffed: Sniffed, key: str) -> Reader:
    """Typed columns as text. A timestamp with a time zone is written in that zone, which only Arrow's note knows."""
    try:
        with bucket.open(key) as stream:
            schema = pyarrow.parquet.read_schema(stream)
    except (OSError, ValueError) as error:
        raise RefusedFile("truncated_file", f"not a whole Parquet file ({_line(error)}); upload it again") from error
    function = bucket.table_function(key, "Parquet", "", "none")
    described = client.query(f"DESCRIBE TABLE {function}").result_rows
    cells = {}
    for name, type_ in ((str(row[0]), str(row[1])) for row in described):
        column = identifier(name)
        zone = getattr(schema.field(name).type, "tz", None) if name in schema.names else None
        if zone and "DateTime" in type_:
            column = f"toTimeZone({column}, {sql_string(str(zone))})"
        cells[name] = f"toString({column})"
    columns = ", ".join(identifier(name) for name in cells)
    # Expressions use the column's own name, so the subquery passes columns through as they are.
    return Reader("parquet", f"SELECT _row_number + 1 AS row_number, {columns} FROM {function}", cells)


def _line(error: BaseException) -> str:
    return re.sub(r"\s+", " ", str(error))[:200]
