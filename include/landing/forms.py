"""The form of a file: what files have to share for one query to read them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from clickhouse_connect.driver.client import Client

from include.landing.bucket import Bucket, BucketFile
from include.landing.ledger import LedgerLine
from include.landing.readers.base import Reader
from include.landing.readers.delimited import delimited_reader, layout_of
from include.landing.readers.json_records import json_reader, record_paths, signature
from include.landing.readers.packed import unpacked
from include.landing.readers.parquet import parquet_reader, schema_of
from include.landing.sniff import Sniffed, write_copy
from include.landing.specs import Format, Source
from include.landing.split import is_splittable, lists_at_the_top, split

# In a selection {a,b} of several files these characters would mean something else.
SELECTION_CHARACTERS = set("{},*?[]")


# Counting the lines of records of several lines takes memory; above this a line number is that of the record.
LINES_COUNTED_UP_TO = 64 * 1024**2
PACKED_TO = 16  # how much smaller a packed file may be than its text


@dataclass
class Attempt:
    """A file on its way: its ledger line, and what was seen of it."""

    line: LedgerLine
    file: BucketFile
    sniffed: Sniffed | None = None
    key: str = ""
    """Key that ClickHouse reads: the file, or its working copy."""
    in_pieces: bool = False
    """Whether that is a document cut into lines (``split``, ``lists_at_the_top``)."""
    preamble: tuple[str, ...] = ()
    ending: str = ""
    """Text of the file's last lines, where they could be read."""
    mends: set[str] = field(default_factory=set)
    """What was tried where the engine could not read it (``salvage``)."""
    copies: list[str] = field(default_factory=list)
    """Keys of working copies, to be removed."""


@dataclass(frozen=True)
class Form:
    """``shown``: what identifies the layout of its content; ``alone``: the file's key where it must be read alone."""

    folder: str
    format: Format
    compression: str
    shown: Any
    alone: str = ""
    schema: Any = field(default=None, compare=False, hash=False)


def make_readable(bucket: Bucket, attempt: Attempt, key: str) -> None:
    """Write a working copy under ``key`` where the engine cannot read the file as it lies, or not in little memory."""
    sniffed = attempt.sniffed
    assert sniffed is not None
    if lists_at_the_top(bucket, sniffed, key) or (
        is_splittable(sniffed) and split(bucket, sniffed, key, record_paths())
    ):
        attempt.key, attempt.in_pieces = key, True
        attempt.copies.append(key)
    elif sniffed.needs_copy:
        attempt.key = key
        attempt.copies.append(key)
        write_copy(bucket, sniffed, key)


def form_of(bucket: Bucket, attempt: Attempt, source: Source | None) -> Form:
    """The form of a file that was sniffed; notes the lines before its header. Raises ``RefusedFile``."""
    sniffed = attempt.sniffed
    assert sniffed is not None
    compression = "none" if attempt.key != attempt.file.key else sniffed.compression
    alone = attempt.key if attempt.in_pieces or SELECTION_CHARACTERS & set(attempt.key) else ""
    shown: Any
    schema = None
    if sniffed.format == "csv":
        layout = layout_of(sniffed.head, source)
        attempt.preamble, attempt.ending = layout.preamble, sniffed.last_lines
        size = sniffed.file.size * (1 if sniffed.compression == "none" else PACKED_TO)
        breaks = layout.line_breaks and size <= LINES_COUNTED_UP_TO
        shown = replace(layout, preamble=(), line_breaks=breaks)
    elif sniffed.format == "json":
        shown = signature(sniffed.head)
    else:
        schema = schema_of(bucket, attempt.key)
        shown = str(schema.remove_metadata())
    return Form(attempt.line.source, sniffed.format, compression, shown, alone, schema)


def reader_of(
    client: Client, bucket: Bucket, form: Form, keys: Sequence[str], source: Source | None, *, whole: bool = False
) -> Reader:
    """How ClickHouse reads the files of a form. Raises ``RefusedFile``."""

    def files(format: str, structure: str) -> str:
        return bucket.table_function(keys, format, structure, form.compression)

    if form.format == "csv":
        reader = delimited_reader(form.shown, files)
    elif form.format == "json":
        reader = json_reader(client, files, source, whole=whole)
    else:
        reader = parquet_reader(client, files, form.schema)
    reader = unpacked(client, reader)
    if len(keys) > 1:
        # Each file comes as a block of its own; sorted, small ones are judged in large blocks, not one by one.
        return replace(reader, source=f"SELECT * FROM ({reader.source}) ORDER BY path, row_number")
    return reader
