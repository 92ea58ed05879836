"""Parquet: typed columns as text."""

from __future__ import annotations

import re
from typing import Any

import pyarrow.parquet
import pyarrow.types
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.client import Client

from include.landing.bucket import Bucket, BucketError, sql_string
from include.landing.errors import RefusedFile
from include.landing.readers.base import Files, Reader, identifier


def schema_of(bucket: Bucket, key: str) -> pyarrow.Schema:
    """The file's schema. Raises ``RefusedFile`` where the file is not whole."""
    try:
        with bucket.open(key) as stream:
            return pyarrow.parquet.read_schema(stream)
    except BucketError:
        raise
    except (OSError, ValueError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:200]
        raise RefusedFile("truncated_file", f"not a whole Parquet file ({reason}); upload it again") from error


def parquet_reader(client: Client, files: Files, schema: pyarrow.Schema) -> Reader:
    """Rows of files of one schema; the fields of a struct are cells under their dotted paths. A timestamp with a time
    zone is written in that zone, which only Arrow's note knows."""
    function = files("Parquet", "")
    described = client.query(f"DESCRIBE TABLE {function}").result_rows
    cells: dict[str, str] = {}
    natives: dict[str, tuple[str, str]] = {}
    columns = []
    for index, (name, type_) in enumerate((str(row[0]), str(row[1])) for row in described):
        # Names of our own: a canonical name among the columns would be taken for the one that is made of it.
        columns.append(f"{identifier(name)} AS k{index}")
        field = schema.field(name).type if name in schema.names else None
        cells.update(_cells(name, f"k{index}", get_from_name(type_), field))
        natives[name] = (
            f"k{index}",
            type_.removeprefix("Nullable(").removesuffix(")") if "Nullable(" in type_ else type_,
        )
    source = f"SELECT _path AS path, _row_number + 1 AS row_number, {', '.join(columns)} FROM {function}"
    return Reader("parquet", source, cells, natives={name: native for name, native in natives.items() if name in cells})


def _cells(name: str, sql: str, type_: Any, field: pyarrow.DataType | None) -> dict[str, str]:
    """Cells of a column: one, or one for each field of a struct."""
    inner = getattr(type_, "element_names", None)
    if inner:
        found = {}
        for key, element in zip(inner, type_.element_types, strict=True):
            below = field.field(key).type if field is not None and pyarrow.types.is_struct(field) else None
            found.update(_cells(f"{name}.{key}", f"tupleElement({sql}, {sql_string(key)})", element, below))
        return found
    zone = getattr(field, "tz", None)
    if zone and "DateTime" in type_.name:
        sql = f"toTimeZone({sql}, {sql_string(str(zone))})"
    if type_.base_type.startswith("Float"):  # data frames write NaN where there is no value
        return {name: f"toString(if(isNaN({sql}), NULL, {sql}))"}
    nested = type_.base_type in ("Array", "Map")
    return {name: f"toJSONString({sql})" if nested else f"toString({sql})"}
