"""XLSX as CSV: the sheet that holds the table, each cell as the text that an export would have."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import IO, Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from include.landing.bucket import Bucket, BucketError
from include.landing.errors import RefusedFile
from include.landing.recognise import is_known

HEAD_ROWS = 60
# Above this a double no longer holds every whole number: an id's digits are lost.
EXACT = 2**53


def is_spreadsheet(bucket: Bucket, key: str) -> bool:
    """Whether a zip archive is an Office Open XML workbook (ECMA-376)."""
    try:
        with bucket.open(key) as stream, zipfile.ZipFile(stream) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except BucketError:
        raise
    except (zipfile.BadZipFile, OSError):
        return False


def first_rows(bucket: Bucket, key: str) -> str:
    """The start of the table as CSV text. Raises ``RefusedFile``."""
    with bucket.open(key) as stream:
        return _text(_rows(stream, HEAD_ROWS))


def write_rows(bucket: Bucket, key: str, target: IO[bytes]) -> None:
    """Write the table as UTF-8 CSV; rows are streamed. Raises ``RefusedFile``."""
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    with bucket.open(key) as stream:
        csv.writer(text, lineterminator="\n").writerows(_rows(stream))
    text.detach()


def _text(rows: Iterator[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _rows(stream: IO[bytes], most: int | None = None) -> Iterator[list[str]]:
    """Rows of the sheet in whose first rows the most known headers stand, all of one width."""
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    except BucketError:
        raise
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise RefusedFile("truncated_file", f"the workbook cannot be opened ({error}); upload it again") from error
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
    sheet = max(sheets, key=_known_headers)
    sheet.reset_dimensions()  # some exporters declare them wrong
    width = max((len(row) for row in sheet.iter_rows(max_row=HEAD_ROWS, values_only=True)), default=0)
    for row in sheet.iter_rows(max_row=most, values_only=True):
        cells = [cell_text(cell) for cell in row]
        yield cells + [""] * (width - len(cells))


def _known_headers(sheet: Any) -> int:
    rows = sheet.iter_rows(max_row=HEAD_ROWS, values_only=True)
    return max((sum(isinstance(cell, str) and is_known(cell) for cell in row) for row in rows), default=0)


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
    if isinstance(cell, int | float) and abs(cell) > EXACT:
        return f"{cell:.5E}"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return str(cell)
