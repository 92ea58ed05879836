"""Parquet: typed columns as text."""

from __future__ import annotations

import re

import pyarrow.parquet
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
    """Rows of files of one schema. A timestamp with a time zone is written in that zone, which only Arrow's note
    knows."""
    function = files("Parquet", "")
    described = client.query(f"DESCRIBE TABLE {function}").result_rows
    cells, columns = {}, []
    for index, (name, type_) in enumerate((str(row[0]), str(row[1])) for row in described):
        # Names of our own: a canonical name among the columns would be taken for the one that is made of it.
        column = f"k{index}"
        columns.append(f"{identifier(name)} AS {column}")
        zone = getattr(schema.field(name).type, "tz", None) if name in schema.names else None
        if zone and "DateTime" in type_:
            column = f"toTimeZone({column}, {sql_string(str(zone))})"
        nested = type_.startswith(("Array", "Map", "Tuple", "Nullable(Tuple"))
        cells[name] = f"toJSONString({column})" if nested else f"toString({column})"
    source = f"SELECT _path AS path, _row_number + 1 AS row_number, {', '.join(columns)} FROM {function}"
    return Reader("parquet", source, cells)
