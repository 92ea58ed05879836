"""What openpyxl does not say of a sheet that it streams: merged cells, and formulas that were never calculated."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from openpyxl.utils import range_boundaries

CHUNK = 1024 * 1024
# Longer than any of the patterns' texts but the formula itself.
OVERLAP = 16 * 1024
MERGED = re.compile(rb'<mergeCell[^>]*\bref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
WITHOUT_VALUE = re.compile(
    rb'<c [^>]*\br="([A-Z]+[0-9]+)"[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>'
)


@dataclass
class Traits:
    """``down``: (first row, column) counted from 1 → last row of a cell that is merged over rows. ``uncalculated``:
    the first cell whose formula has no value."""

    down: dict[tuple[int, int], int] = field(default_factory=dict)
    uncalculated: str = ""


def traits(archive: zipfile.ZipFile, path: str) -> Traits:
    """Look through a sheet's XML once, in pieces."""
    found = Traits()
    with archive.open(path) as stream:
        for text in _pieces(stream):
            for hit in MERGED.finditer(text):
                left, top, _, bottom = (int(n or 0) for n in range_boundaries(hit[1].decode()))
                if bottom > top:
                    found.down[(top, left)] = bottom
            if not found.uncalculated and (cell := WITHOUT_VALUE.search(text)):
                found.uncalculated = cell[1].decode()
    return found


def filled(rows: Iterator[list[str]], down: dict[tuple[int, int], int]) -> Iterator[list[str]]:
    """Rows in which a cell that is merged over several rows stands in each of them."""
    if not down:
        yield from rows
        return
    open_cells: dict[int, tuple[int, str]] = {}
    for number, row in enumerate(rows, start=1):
        for column, (last, text) in list(open_cells.items()):
            if number > last:
                del open_cells[column]
            elif column <= len(row) and not row[column - 1]:
                row[column - 1] = text
        for column in range(1, len(row) + 1):
            if (number, column) in down:
                open_cells[column] = (down[number, column], row[column - 1])
        yield row


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(CHUNK):
        text = rest + chunk
        yield text
        rest = text[-OVERLAP:]
