"""Tables that hold each record as JSON text in one cell: Airbyte's raw tables in CSV and Parquet."""

from __future__ import annotations

from dataclasses import replace

from clickhouse_connect.driver.client import Client

from include.landing.bucket import sql_string
from include.landing.readers.base import Reader

PACKED = "_airbyte_data"
SAMPLE_ROWS = 10_000


def unpacked(client: Client, reader: Reader) -> Reader:
    """The reader with the keys of the packed cell as cells of their own; as it is where there is none.

    Keys are those of the first 10,000 records; the cell itself stays among the unknown columns.
    """
    packed = reader.cells.get(PACKED)
    if packed is None:
        return reader
    text = f"ifNull({packed}, '')"
    keys = client.query(
        f"SELECT arraySort(groupUniqArrayArray(JSONExtractKeys({text}))) FROM (SELECT * FROM ({reader.source}) "
        f"LIMIT {SAMPLE_ROWS}){reader.settings_clause(strict=False)}"
    ).first_row[0]
    cells = {}
    for key in keys:
        if key not in reader.cells:
            name = sql_string(str(key))
            # A text without its quotes; a number, list or object as it was sent.
            cells[str(key)] = (
                f"if(JSONType({text}, {name}) = 'String', JSONExtractString({text}, {name}), "
                f"nullIf(JSONExtractRaw({text}, {name}), 'null'))"
            )
    # The packed cell stays last: whether a CSV record is short is seen at the last cell.
    return replace(reader, cells={**cells, **reader.cells})
