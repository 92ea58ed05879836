"""CSV and TSV with any delimiter and quoting, read by position after their header line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from include.landing.bucket import sql_string
from include.landing.errors import RefusedFile
from include.landing.readers.base import Files, Reader, unique
from include.landing.recognise import candidates, is_known, is_repair
from include.landing.specs import Source

DELIMITERS = (",", ";", "\t", "|")
HEADER_WITHIN = 60  # lines
# How spreadsheets and cautious exporters mark a cell as text: ="0123", and '0123 before a number.
TEXT_MARK = re.compile(r"""(?:^|[,;\t|"\r\n])(?:="|'[-+0-9])""")
MARKED = r"""^(?:="(.*)"|'([-+0-9][-+0-9.,]*))$"""
MOST_LINES = 10  # of a header with line breaks in its cells
LINE_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Layout:
    """Where a delimited file's header is: delimiter, its last line counted from 0, cells, and the lines before it."""

    delimiter: str
    line: int
    headers: tuple[str, ...]
    preamble: tuple[str, ...]
    line_breaks: bool = False
    """Whether quoted cells hold line breaks, so that a record may be several lines."""
    text_marks: bool = False
    """Whether cells are marked as text (``TEXT_MARK``), which is no part of them."""
    records: int = 0
    """Records down to the header, which the engine skips: fewer than lines where a quoted cell has line breaks."""


def layout_of(head: str, source: Source | None) -> Layout:
    """Find the header: the first of the first 60 lines that shows a shape (of ``source`` where it names one).

    Where no line does, the first line with the most cells is taken, so that a refusal can show it. Raises
    ``RefusedFile`` where there is no text.
    """
    if not head.strip("\ufeff \t\r\n"):
        raise RefusedFile("empty_file", "the file holds blanks only; export it again and drop the new file")
    lines = LINE_BREAK.split(head.lstrip("\ufeff"), HEADER_WITHIN)[:HEADER_WITHIN]
    fallback: tuple[int, int, list[str], str] = (-1, 0, [], ",")
    for number, line in enumerate(lines):
        best: tuple[tuple[int, ...], str, list[str], int] | None = None
        for delimiter in DELIMITERS:
            if delimiter not in line and delimiter != ",":
                continue
            cells, more = _record(lines[number:], delimiter)
            if is_repair(cells):
                breaks = _has_line_breaks(head, number, delimiter)
                skipped = _count_records(lines[: number + more + 1], delimiter)
                return Layout(
                    delimiter, number + more, tuple(unique(cells)), tuple(lines[:number]), breaks, records=skipped
                )
            cells = [_unmarked(cell) for cell in cells]
            known = sum(map(is_known, cells))
            if min(len(cells), 3) > fallback[0] or (known > 2 and known > fallback[0]):
                fallback = (max(min(len(cells), 3), known), number, cells, delimiter)
            if known < 2:
                continue
            before = lines[:number]
            matches = candidates(unique(cells), "csv", source, before) or candidates(unique(cells), "csv", None, before)
            score = (1, *matches[0].score) if matches else (0, 0, 0)
            if score[0] and (best is None or score > best[0]):
                best = (score, delimiter, cells, more)
        if best:
            last = number + best[3]
            breaks = _has_line_breaks(head, last, best[1])
            marks = bool(TEXT_MARK.search(head))
            skipped = _count_records(lines[: last + 1], best[1])
            return Layout(best[1], last, tuple(unique(best[2])), tuple(lines[:number]), breaks, marks, skipped)
    _, number, cells, delimiter = fallback
    skipped = _count_records(lines[: number + 1], delimiter)
    return Layout(delimiter, number, tuple(unique(cells)), tuple(lines[:number]), records=skipped)


def _record(lines: Sequence[str], delimiter: str) -> tuple[list[str], int]:
    """The cells of the record that begins in the first of the lines, and how many further lines it takes."""
    text = "\n".join(lines) if lines[0].count('"') % 2 else lines[0]
    records = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    cells = [cell.strip() for cell in next(records, [])]
    if records.line_num > MOST_LINES:  # a quote that is no quote
        return _record([lines[0].replace('"', "")], delimiter)
    return cells, max(records.line_num - 1, 0)


def _count_records(lines: Sequence[str], delimiter: str) -> int:
    return sum(1 for _ in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))


def _unmarked(cell: str) -> str:
    return re.sub(MARKED, r"\1\2", cell)


def _has_line_breaks(head: str, header: int, delimiter: str) -> bool:
    """Whether a quoted cell of the start, below the header's line, holds a line break."""
    lines = head.splitlines(keepends=True)[header + 1 :]
    if not any(line.count('"') % 2 for line in lines):
        return False
    records = csv.reader(io.StringIO("".join(lines)), delimiter=delimiter)
    try:
        return any("\n" in cell for record in records if records.line_num < len(lines) for cell in record)
    except csv.Error:
        return False  # a quote that is never closed


def delimited_reader(layout: Layout, files: Files) -> Reader:
    """Records of files of one layout, blank lines among them."""
    names = [f"c{index}" for index in range(len(layout.headers))]
    # NULL tells an absent cell from an empty one where that is asked: maps of NULLs for all cells would cost.
    nullable = {names[min(1, len(names) - 1)], names[-1], "overflow"}
    structure = ", ".join(f"{n} {'Nullable(String)' if n in nullable else 'String'}" for n in [*names, "overflow"])
    settings: dict[str, str | int] = {
        "format_csv_delimiter": layout.delimiter,
        "input_format_csv_allow_whitespace_or_tab_as_delimiter": int(layout.delimiter == "\t"),
        "input_format_csv_skip_first_lines": layout.records,
        "input_format_csv_allow_variable_number_of_columns": 1,
        "format_csv_allow_single_quotes": 0,
        "format_csv_null_representation": "\ufffdNULL\ufffd",
        "input_format_csv_empty_as_default": 0,
    }
    source = (
        f"SELECT _path AS path, _row_number + {layout.line + 2} AS row_number, {', '.join(names)}, overflow "
        f"FROM {files('CSV', structure)}"
    )
    if layout.line_breaks:  # the line at which a record begins
        breaks = " + ".join(f"countSubstrings(ifNull({name}, ''), '\\n')" for name in [*names, "overflow"])
        source = (
            f"SELECT path, row_number + sum({breaks}) OVER (PARTITION BY path ORDER BY row_number "
            f"ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - ({breaks}) AS row_number, {', '.join(names)}, overflow "
            f"FROM ({source})"
        )
    second = "overflow" if len(names) == 1 else names[1]
    cells = dict(zip(layout.headers, names, strict=True))
    if layout.text_marks:
        cells = {h: f"replaceRegexpOne({name}, {sql_string(MARKED)}, '\\\\1\\\\2')" for h, name in cells.items()}
    return Reader(
        "csv",
        source,
        cells,
        settings,
        overflow="overflow",
        blank=f"ifNull({names[0]}, '') = '' AND {second} IS NULL",
    )
