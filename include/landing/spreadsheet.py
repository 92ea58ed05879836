"""XLSX as CSV: the sheet that holds the table, each cell as the text that an export would have."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from typing import IO, Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from include.landing.bucket import BucketError
from include.landing.errors import RefusedFile
from include.landing.recognise import candidates, is_known
from include.landing.sheets import filled, traits

HEAD_ROWS = 60
# As text such a number could have thousands; a fourth decimal says that it has none.
THREE_DECIMALS = re.compile(r"-?[1-9][0-9]{0,2}[.][0-9]{3}")
# From here on a double no longer tells every whole number from the next: an id's digits are lost.
EXACT = 2**53
# Excel keeps 15 digits and writes a 0 for each further one.
KEPT_DIGITS = 10**15


def is_spreadsheet(stream: IO[bytes]) -> bool:
    """Whether a zip archive is an Office Open XML workbook (ECMA-376)."""
    try:
        with zipfile.ZipFile(stream) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except BucketError:
        raise
    except (zipfile.BadZipFile, OSError):
        return False


def first_rows(stream: IO[bytes]) -> str:
    """The start of the table as CSV text. Raises ``RefusedFile``."""
    return _text(_rows(stream, HEAD_ROWS))


def write_rows(stream: IO[bytes], target: IO[bytes]) -> None:
    """Write the table as UTF-8 CSV; rows are streamed. Raises ``RefusedFile``."""
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    csv.writer(text, lineterminator="\n").writerows(_rows(stream))
    text.detach()


def _text(rows: Iterator[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _rows(stream: IO[bytes], most: int | None = None) -> Iterator[list[str]]:
    """Rows of the sheet in whose first rows the most known headers stand, all of one width, and below them those of the
    other visible sheets with the very same header (a sheet a month).

    Raises ``RefusedFile`` where another sheet holds another table that could be loaded, or formulas have no values.
    """
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    except BucketError:
        raise
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise RefusedFile("truncated_file", f"the workbook cannot be opened ({error}); upload it again") from error
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
    for sheet in sheets:
        sheet.reset_dimensions()  # some exporters declare them wrong
    headers = {sheet.title: _header(sheet) for sheet in sheets}
    first = max(sheets, key=lambda sheet: headers[sheet.title].known)
    header = headers[first.title]
    alike = [sheet for sheet in sheets if sheet is not first and header.known > 1 and headers[sheet.title].same(header)]
    others = [s.title for s in sheets if s is not first and s not in alike and _is_table(headers[s.title])]
    if others:
        raise RefusedFile(
            "several_tables",
            f"the sheets {', '.join([first.title, *others])} hold tables of different columns; save each as a file of its own",
        )
    width = max((len(row) for row in first.iter_rows(max_row=HEAD_ROWS, values_only=True)), default=0)
    yield from _padded(_values(stream, first, most), width)
    for sheet in alike if most is None else ():
        yield from _padded(islice(_values(stream, sheet, None), headers[sheet.title].row, None), width)


@dataclass(frozen=True)
class Header:
    """The row of a sheet in which the most known headers stand: its number, cells, and how many are known."""

    row: int
    cells: tuple[str, ...]
    known: int

    def same(self, other: Header) -> bool:
        """Whether the cells agree, but for empty ones at the end."""
        return _trimmed(self.cells) == _trimmed(other.cells)


def _header(sheet: Any) -> Header:
    best = Header(1, (), 0)
    for number, row in enumerate(sheet.iter_rows(max_row=HEAD_ROWS, values_only=True), start=1):
        known = sum(isinstance(cell, str) and is_known(cell) for cell in row)
        if known > best.known:
            best = Header(number, tuple(cell_text(cell) for cell in row), known)
    return best


def _trimmed(cells: Sequence[str]) -> list[str]:
    return "\0".join(cells).rstrip("\0").split("\0")


def _is_table(header: Header) -> bool:
    """Whether a sheet has the columns of an export: a pivot or summary without days has not."""
    return header.known > 2 and bool(candidates([cell for cell in header.cells if cell], "csv"))


def _padded(rows: Iterator[list[str]], width: int) -> Iterator[list[str]]:
    for row in rows:
        yield row + [""] * (width - len(row))


def _values(stream: IO[bytes], sheet: Any, most: int | None) -> Iterator[list[str]]:
    """Rows of a sheet as text; a cell that is merged over rows stands in each of them."""
    with zipfile.ZipFile(stream) as archive:
        found = traits(archive, sheet._worksheet_path)
    if found.uncalculated:
        raise RefusedFile(
            "formulas_without_values",
            f"cell {found.uncalculated} of the sheet {sheet.title} is a formula that was never calculated; open the "
            "workbook in a spreadsheet program and save it, or export values",
        )
    rows = ([cell_text(cell) for cell in row] for row in sheet.iter_rows(max_row=most, values_only=True))
    yield from filled(rows, found.down)


def cell_text(cell: Any) -> str:
    """A cell as text: dates in ISO form; numbers without a decimal point of their own; a whole number that a double
    no longer holds in exponent form, so that an id that lost its digits is seen."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, int | float) and (abs(cell) >= EXACT or (abs(cell) >= KEPT_DIGITS and cell % 10 == 0)):
        return f"{cell:.5E}"
    if isinstance(cell, float):
        text = str(int(cell)) if cell.is_integer() else repr(cell)
        return f"{text}0" if THREE_DECIMALS.fullmatch(text) else text
    return str(cell)
