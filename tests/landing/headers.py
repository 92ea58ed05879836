"""The headers under which a fixture's cells stand, in plain Python: what recognition is given, without an engine."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pyarrow.types

from include.landing.readers.delimited import layout_of
from include.landing.readers.packed import PACKED, packed_cells
from include.landing.recognise import WRAPPERS
from include.landing.specs import Format, sources

WRAPPER = "_airbyte_data."


def headers_of(path: Path) -> list[tuple[Format, list[str], tuple[str, ...], str]]:
    """Each way to see the file's columns: ``(format, headers, lines before the header, path of the records)``.

    A document has one for each list in it that a spec may mean.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if content.startswith(b"PAR1"):
        schema = pyarrow.parquet.read_schema(io.BytesIO(content))
        return [("parquet", [name for field in schema for name in _fields(field, "")], (), "")]
    text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    if text.lstrip()[:1] in "{[":
        documents = list(_documents(text))
        return [("json", sorted(seen), (), records) for records, seen in _readings(documents) if seen]
    layout = layout_of(text, None)
    headers = list(layout.headers)
    below = text.splitlines()[layout.line + 1 :]
    first = dict(zip(headers, next(csv.reader(below, delimiter=layout.delimiter), []), strict=False))
    for header in packed_cells(headers):
        prefix = "" if header == PACKED else header
        headers += _leaves(json.loads(first[header]), prefix)
    return [("csv", headers, layout.preamble, "")]


def _fields(field: pyarrow.Field, prefix: str) -> Iterator[str]:
    if pyarrow.types.is_struct(field.type):
        for inner in field.type:
            yield from _fields(inner, f"{prefix}{field.name}.")
    else:
        yield prefix + field.name


def _documents(text: str) -> Iterator[Any]:
    try:
        whole = json.loads(text)
        if isinstance(whole, dict) and all(key.isdigit() for key in whole):  # lists by the id of their entity
            whole = [record for records in whole.values() for record in records]
        yield from whole if isinstance(whole, list) else [whole]
    except ValueError:
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                return  # a file that was cut off


def _readings(documents: list[Any]) -> Iterator[tuple[str, set[str]]]:
    yield "", {key.removeprefix(WRAPPER) for document in documents for key in _leaves(document)}
    for path in {path for document in documents for path in _lists(document)}:
        yield path, {name for document in documents for name in _at(document, path.split("."), "")}
    for shape in (shape for spec in sources().values() for shape in spec.shapes):
        for wanted in shape.records:
            names = {name for document in documents for name in _at(document, wanted.split("."), "")}
            if shape.series and any(name.startswith(f"{shape.series.values}.") for name in names):
                names.add("series.day")
            yield wanted, names
        if shape.named_lists:
            names = {name for document in documents for name in _named(document, shape.named_lists.names)}
            yield shape.named_lists.rows, names


def _leaves(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, dict) and (value or not prefix):
        for key, inner in value.items():
            yield from _leaves(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix


def _lists(value: Any, prefix: str = "") -> Iterator[str]:
    """Paths of lists below other keys, under names that tools give to any list of records."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from _lists(inner, f"{prefix}{key}.")
        if prefix and key in WRAPPERS and isinstance(inner, list):
            yield prefix + key


def _at(value: Any, path: list[str], prefix: str) -> Iterator[str]:
    """Leaves of the records at a path, and of what is above them, by their whole path."""
    key = path[0].removesuffix("[]")
    inner = value.get(key) if isinstance(value, dict) else None
    if not isinstance(inner, (list if path[0].endswith("[]") or len(path) == 1 else dict)):
        return
    beside = {name: other for name, other in value.items() if name != key}
    below: set[str] = set()
    for item in inner if isinstance(inner, list) else [inner]:
        if not isinstance(item, dict):
            continue
        below |= set(_leaves(item)) if len(path) == 1 else set(_at(item, path[1:], f"{prefix}{key}."))
    if below:
        yield from below
        yield from (prefix + name for name in _leaves(beside))


def _named(document: Any, names: tuple[str, ...]) -> Iterator[str]:
    for path in names:
        list_key, _, name_key = path.rpartition(".")
        yield from (item[name_key] for item in document.get(list_key, []) if isinstance(document, dict))
    yield from _leaves(document)
