"""JSON: NDJSON, an array of records, or a document with its list of records at some path.

Values stay the text that was sent (``1.0`` stays ``1.0``); lists and objects that no spec looks into stay JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from include.landing.bucket import sql_string
from include.landing.cells import local_day
from include.landing.errors import RefusedFile
from include.landing.readers.base import Files, Reader, identifier
from include.landing.recognise import WRAPPERS as LIST_KEYS
from include.landing.recognise import Match, candidates
from include.landing.specs import NamedLists, Series, Source, sources

SETTINGS: dict[str, str | int] = {
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
NAMED_TUPLES = "input_format_json_try_infer_named_tuples_from_objects = {}"
TYPE_MISMATCH = "Code: 53."  # of the keys of two records (ErrorCodes.cpp of ClickHouse)
# Beside the list: paging and the like, no data. A block of documents, and the sort that numbers records, stay small.
OF_DOCUMENTS: dict[str, str | int] = {
    "input_format_skip_unknown_fields": 1,
    "input_format_max_block_size_bytes": 32 * 1024**2,
    "max_bytes_before_external_sort": 128 * 1024**2,
}
INFERENCE = (
    "input_format_json_infer_incomplete_types_as_strings = 1, "
    f"{NAMED_TUPLES.format(1)}, input_format_json_read_objects_as_strings = 1, "
    "schema_inference_make_columns_nullable = 0, schema_inference_mode = 'union', "
    "input_format_json_use_string_type_for_ambiguous_paths_in_named_tuples_inference_from_objects = 1"
)
# Wrappers in which Airbyte delivers a record: its raw tables, and its messages.
WRAPPERS = ("_airbyte_data.", "record.data.")


@dataclass(frozen=True)
class ListOf:
    """A list of objects of one tree."""

    tree: Tree


Tree = dict[str, Any]  # key → Tree for an object, ListOf, or None for text
NO_OBJECTS = ListOf({})  # a list of values, or one without elements


def signature(head: str) -> tuple[str, ...]:
    """The paths that a document's start shows: files that show the same are read by one query.

    Of a document that does not fit the head, only its first characters.
    """
    text = head.lstrip("\ufeff \t\r\n")
    try:
        if text.startswith("["):
            text = text[1:].lstrip()
        value, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return ("?", text[:2000])
    return tuple(sorted(set(_shown(value, "", 6))))


def _shown(value: Any, prefix: str, depth: int) -> Iterator[str]:
    if isinstance(value, dict) and depth:
        for name, inner in value.items():
            yield from _shown(inner, f"{prefix}.{name}", depth - 1)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from _shown(value[0], f"{prefix}[]", depth - 1)
    else:
        yield prefix


def json_reader(client: Client, files: Files, source: Source | None, *, whole: bool = False) -> Reader:
    """The reading of the files' records under which the most columns of a shape are found.

    Keys come from the engine's schema inference over the files' start, or over all of them where ``whole``.
    """
    top = _keys(client, files, whole=whole)
    flat = _flat(top, files)
    readings = [flat]
    empty = ""
    anywhere = [(path, None, None) for path in _wrapped(top)]
    for path, named, series in dict.fromkeys([*_record_paths(source), *anywhere]):
        hops = _hops(top, path)
        if hops is None:
            if named and all(isinstance(top.get(name.split(".")[0]), ListOf) for name in named.names):
                empty = empty or path  # GA4 leaves the list of rows out where there are none
            continue
        if not hops[-1][1]:
            empty = empty or path  # {"data": []}: an export without rows
            continue
        if named:
            readings += _named(client, files, top, path, named)
        elif not series or isinstance(hops[-1][1].get(series.values), dict):
            readings.append(_nested(files, top, path, series))
    found = [
        (reading, matches[0])
        for place in ([source, None] if source else [None])
        for reading in readings
        if (matches := candidates(list(reading.cells), "json", place, (), reading.records))
    ]
    if found:  # the first of equals: the folder's source comes first
        return max(found, key=_rank)[0]
    if empty:
        _refuse_values(client, files, top, empty)
        return Reader("json", "SELECT '' AS path, 0 AS row_number WHERE 0", {}, {}, records=empty)
    return readings[-1]


def _wrapped(tree: Tree, prefix: str = "", depth: int = 3) -> Iterator[str]:
    """Paths of lists of objects under keys that tools take for any list of records (response.data)."""
    for name, inner in tree.items():
        if isinstance(inner, dict) and depth > 1:
            yield from _wrapped(inner, f"{prefix}{name}.", depth - 1)
        elif isinstance(inner, ListOf) and inner.tree and name in LIST_KEYS:
            yield prefix + name


def _refuse_values(client: Client, files: Files, top: Tree, path: str) -> None:
    """Refuse a document whose list of records holds values: lists without names are not read, nor taken for no rows."""
    hops = _hops(top, path)
    if hops is None:
        return  # the document leaves the list out
    keys = hops[0][0]
    function = files("JSONEachRow", _structure(top, ([*keys, "*"],)))
    clause = Reader("json", "", {}, SETTINGS | OF_DOCUMENTS).settings_clause(strict=False)
    if client.query(f"SELECT max(length({_taken('', keys)})) FROM {function}{clause}").first_row[0]:
        raise RefusedFile(
            "missing_columns",
            f'the list {".".join(keys)} holds values without names; export records as objects ({{"date": …}}) or as CSV',
        )


def _keys(client: Client, files: Files, *, whole: bool) -> Tree:
    """The keys of the documents, by the engine's inference. Where a key is an object in one and a value in another,
    objects are left as text (cells that hold such are unpacked later)."""
    function = files("JSONEachRow", "")
    described = (
        f"DESCRIBE TABLE {function} SETTINGS "
        f"input_format_max_rows_to_read_for_schema_inference = {10**15 if whole else 10**4}, "
        f"input_format_max_bytes_to_read_for_schema_inference = {10**15 if whole else 32 * 1024**2}, {INFERENCE}"
    )
    try:
        rows = client.query(described).result_rows
    except ClickHouseError as error:
        if TYPE_MISMATCH not in str(error):
            raise
        rows = client.query(described.replace(NAMED_TUPLES.format(1), NAMED_TUPLES.format(0))).result_rows
    return {str(name): _tree(get_from_name(str(type_))) for name, type_, *_ in rows}


def _rank(item: tuple[Reader, Match]) -> tuple[bool, int, int, int]:
    return (item[1].marked, *item[1].score)


def record_paths() -> set[str]:
    """Paths at which any spec looks for records in a document."""
    return {path for path, *_ in _record_paths(None)}


def _record_paths(source: Source | None) -> list[tuple[str, NamedLists | None, Series | None]]:
    """Paths at which specs look for records, those of the folder's source first."""
    specs = [*([source] if source else []), *sources().values()]
    found: list[tuple[str, NamedLists | None, Series | None]] = []
    for spec in specs:
        for shape in spec.shapes:
            if shape.named_lists:
                found.append((shape.named_lists.rows, shape.named_lists, None))
            found += [(path, None, shape.series) for path in shape.records]
    return list(dict.fromkeys(found))


# ------------------------------------------------------------------------------------------------------ type trees


def _tree(type_: Any) -> Tree | ListOf | None:
    """Objects of an inferred type as a tree of keys, lists of objects as ``ListOf``; anything else is a leaf."""
    names = getattr(type_, "element_names", None)
    if names:
        return {name: _tree(inner) for name, inner in zip(names, type_.element_types, strict=True)}
    inner = getattr(type_, "element_type", None)
    if inner is None:
        return None
    tree = _tree(inner)
    return ListOf(tree) if isinstance(tree, dict) else NO_OBJECTS


def _hops(top: Tree, path: str) -> list[tuple[list[str], Any]] | None:
    """Lists on a path: keys that lead to each from the one before, and the tree of its elements. None: not there.

    A list on the way may hold no objects (an export without rows); its tree is then empty, and the last.
    """
    hops: list[tuple[list[str], Any]] = []
    keys: list[str] = []
    here: Any = top
    parts = path.split(".")
    for index, part in enumerate(parts):
        if not isinstance(here, dict) or part.removesuffix("[]") not in here:
            return None
        keys.append(part.removesuffix("[]"))
        here = here[part.removesuffix("[]")]
        last = index == len(parts) - 1
        if part.endswith("[]") or last:
            if not isinstance(here, ListOf):
                return None
            here = here.tree
            hops.append((keys, here))
            keys = []
            if not here:
                break
    return hops


def _taken(expression: str, keys: list[str]) -> str:
    for key in keys:
        expression = f"tupleElement({expression}, {sql_string(key)})" if expression else identifier(key)
    return expression


def _leaves(tree: Tree, prefix: str = "", expression: str = "") -> dict[str, str]:
    """Dotted path of each leaf → SQL that takes it out of the tuple ``expression`` (or a column of its own)."""
    paths: dict[str, str] = {}
    for name, inner in tree.items():
        taken = _taken(expression, [name])
        paths.update(
            _leaves(inner, f"{prefix}{name}.", taken) if isinstance(inner, dict) else {f"{prefix}{name}": taken}
        )
    return paths


def _declare(tree: Any, open_lists: tuple[list[str], ...] = (), keys: tuple[str, ...] = ()) -> str:
    """The type to read a tree as; lists of objects are text but for those that are looked into."""
    if isinstance(tree, ListOf) and tree.tree:
        if list(keys) not in open_lists:
            return "Nullable(String)"
        return f"Array({_declare(tree.tree, open_lists, keys)})"
    if tree is None or isinstance(tree, ListOf):
        return "Array(Nullable(String))" if [*keys, "*"] in open_lists else "Nullable(String)"
    inside = ", ".join(f"{identifier(n)} {_declare(inner, open_lists, (*keys, n))}" for n, inner in tree.items())
    return f"Tuple({inside})"


def _structure(top: Tree, open_lists: tuple[list[str], ...]) -> str:
    return ", ".join(f"{identifier(name)} {_declare(inner, open_lists, (name,))}" for name, inner in top.items())


# --------------------------------------------------------------------------------------------------------- readings


def _flat(top: Tree, files: Files) -> Reader:
    """Every line or element of an array is a record."""
    # Names of our own: a canonical name among the keys would be taken for the column that is made of it.
    names = {name: f"k{index}" for index, name in enumerate(top)}
    columns = ", ".join(f"{identifier(name)} AS {own}" for name, own in names.items())
    source = f"SELECT _path AS path, _row_number + 1 AS row_number, {columns} FROM {files('JSONEachRow', _structure(top, ()))}"
    cells = {}
    for name, inner in top.items():
        cells.update(_leaves(inner, f"{name}.", names[name]) if isinstance(inner, dict) else {name: names[name]})
    for wrapper in WRAPPERS:
        if any(name.startswith(wrapper) for name in cells):
            cells = {name.removeprefix(wrapper): sql for name, sql in cells.items()}
    return Reader("json", source, cells, SETTINGS)


def _nested(files: Files, top: Tree, path: str, series: Series | None = None) -> Reader:
    """Records are the elements of the list at ``path``; with ``series``, a record is an element's day."""
    hops = _hops(top, path) or []
    open_lists: list[list[str]] = []
    trail: list[str] = []
    for keys, _ in hops:
        trail = [*trail, *keys]
        open_lists.append(trail)
    if series:
        lists = _leaves(hops[-1][1][series.values])
        open_lists += [[*trail, series.values, *name.split("."), "*"] for name in lists]
    source = files("JSONEachRow", _structure(top, tuple(open_lists)))
    order: list[str] = []  # columns that put records in the order of the file
    parents: dict[str, str] = {}  # path from the top → column of the subquery
    tree, prefix, element = top, "", ""
    for level, (keys, inner_tree) in enumerate(hops, start=1):
        columns = ["path", *order, *parents.values()] if order else ["_path AS path", "_row_number AS n0"]
        for name, sql in _leaves(tree, "", element).items():
            if name != ".".join(keys):
                parents[prefix + name] = f"p{len(parents)}"
                columns.append(f"{sql} AS {parents[prefix + name]}")
        order = [*(order or ["n0"]), f"n{level}"]
        inner = f"SELECT {', '.join(columns)}, {_taken(element, keys)} AS list FROM {source}"
        element = f"e{level}"
        kept = ", ".join(["path", *order, *parents.values(), element])
        source = f"(SELECT {kept} FROM ({inner}) ARRAY JOIN list AS {element}, arrayEnumerate(list) AS n{level})"
        tree, prefix = inner_tree, f"{prefix}{'.'.join(keys)}."
    cells = _leaves(tree, "", element)
    if series:
        source, cells = _days(source, parents, cells, series)
        order = [*order, "day"]
    numbered = (
        f"SELECT *, row_number() OVER (PARTITION BY path ORDER BY {', '.join(order)}) AS row_number FROM {source}"
    )
    settings = SETTINGS | OF_DOCUMENTS
    return Reader("json", numbered, {**cells, **parents}, settings, context=frozenset(parents), records=path)


def _days(source: str, parents: dict[str, str], cells: dict[str, str], series: Series) -> tuple[str, dict[str, str]]:
    """A row a day of records whose metrics are lists; ``series.day`` is the local day of each."""
    start = parents.get(series.start)
    if start is None:
        raise RefusedFile("missing_columns", f"the document lacks {series.start}, from which its days are counted")
    lists = {name: sql for name, sql in cells.items() if name.startswith(series.values + ".")}
    longest = ", ".join(f"length({sql})" for sql in lists.values())
    days = f"(SELECT *, arrayJoin(range(arrayMax([{longest}]))) + 1 AS day FROM {source})"
    by_day = {name: f"arrayElement({sql}, day)" for name, sql in lists.items()}
    day = f"toString({local_day(start)} + (day - 1))"
    return days, {"series.day": day, **cells, **by_day}


def _named(client: Client, files: Files, top: Tree, path: str, named: NamedLists) -> list[Reader]:
    """Records are lists of values whose names stand beside them. Nothing where the document is not so."""
    hops = _hops(top, path) or []
    record = hops[-1][1]
    lists = []  # of values: key of the list, key of the value in its elements
    for name, value in zip(named.names, named.values, strict=True):
        name_list, _, name_key = name.rpartition(".")
        value_list, _, value_key = value.rpartition(".")
        if not isinstance(top.get(name_list), ListOf) or not isinstance(record.get(value_list), ListOf):
            continue
        lists.append((name_list, name_key, value_list, value_key))
    if not lists:
        return []
    trail = path.split(".")
    open_lists = (
        trail,
        *([name_list] for name_list, *_ in lists),
        *([*trail, value_list] for *_, value_list, _ in lists),
    )
    function = files("JSONEachRow", _structure(top, open_lists))
    wanted = ", ".join(f"arrayMap(x -> ifNull(tupleElement(x, '{k}'), ''), {identifier(n)})" for n, k, *_ in lists)
    settings = SETTINGS | OF_DOCUMENTS
    clause = Reader("json", "", {}, settings).settings_clause(strict=False)
    headers = client.query(f"SELECT DISTINCT {wanted} FROM {function}{clause}").result_rows
    if len(headers) != 1:
        raise RefusedFile("mixed_documents", "its documents name different columns; drop them as files of their own")
    cells = {}
    for (_, _, value_list, value_key), names in zip(lists, headers[0], strict=True):
        for index, name in enumerate(names, start=1):
            element = f"arrayElement(tupleElement(e, {sql_string(value_list)}), {index})"
            cells[str(name)] = f"tupleElement({element}, {sql_string(value_key)})"
    parents = {n: sql for n, sql in _leaves(top).items() if n not in {name for name, *_ in lists} | {path}}
    columns = "".join(f", {sql} AS p{index}" for index, sql in enumerate(parents.values()))
    source = (
        f"SELECT path, row_number() OVER (PARTITION BY path ORDER BY n0, n1) AS row_number, * FROM (SELECT _path AS path, "
        f"_row_number AS n0, n1, e{columns} FROM {function} ARRAY JOIN {_taken('', trail)} AS e, "
        f"arrayEnumerate({_taken('', trail)}) AS n1)"
    )
    context = {name: f"p{index}" for index, name in enumerate(parents)}
    return [Reader("json", source, {**cells, **context}, settings, context=frozenset(context), records=path)]
