"""JSON that the engine cannot read as it is: NaN is no value, an array follows another, lines are no records."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import IO

from include.landing.bucket import Bucket
from include.landing.forms import Attempt
from include.landing.literals import write_as_json
from include.landing.sniff import BROKEN_ARCHIVE, decompressed
from include.landing.split import Document

READ = 1024**2
# The key under which a working copy holds the text of a line that is no record.
MALFORMED = "_insightflow_malformed"

Mend = Callable[[io.TextIOWrapper, IO[bytes]], bool]


def mend(bucket: Bucket, attempt: Attempt) -> bool:
    """Write a working copy of a JSON file that the engine could not read, and point the attempt to it; False where
    nothing is left to mend.

    Each is tried once, in this order: without NaN and Infinity; the elements of all arrays, where several follow each
    other; in NDJSON, each line that is no record as text under ``MALFORMED``, so that it keeps its place and is
    rejected. In the memory of a line or an element.
    """
    if attempt.sniffed is None or attempt.sniffed.format != "json":
        return False
    mends: dict[str, Mend] = {"values": _without_literals, "arrays": _arrays_as_lines}
    if _is_ndjson(attempt.sniffed.head):
        mends["lines"] = _whole_lines
    for name, write in mends.items():
        if name not in attempt.mends:
            attempt.mends.add(name)
            if _copied(bucket, attempt, f"_work/{attempt.line.load_id}-{name}", write):
                return True
    return False


def _copied(bucket: Bucket, attempt: Attempt, key: str, write: Mend) -> bool:
    """Whether what is to be mended was; the attempt then has the copy for its file."""
    sniffed = attempt.sniffed
    assert sniffed is not None
    as_it_came = attempt.key == attempt.file.key
    encoding = sniffed.encoding if as_it_came else "utf-8"
    try:
        with (
            bucket.open(attempt.key) as stream,
            decompressed(stream, sniffed.compression if as_it_came else "none") as plain,
            bucket.create(key) as target,
        ):
            attempt.copies.append(key)
            done = write(io.TextIOWrapper(plain, encoding=encoding, errors="replace", newline="\n"), target)
    except (*BROKEN_ARCHIVE, ValueError):
        return False
    if done:
        attempt.key = key
    return done


def _without_literals(text: io.TextIOWrapper, target: IO[bytes]) -> bool:
    pieces = iter(lambda: text.read(READ), "")
    return write_as_json(pieces, lambda piece: target.write(piece.encode())) > 0


def _arrays_as_lines(text: io.TextIOWrapper, target: IO[bytes]) -> bool:
    """Answers of an API one behind the other: ``[{…}, {…}][{…}]``."""
    document = Document(lambda: text.read(READ))
    arrays = 0
    while document.next():
        document.take("[")
        arrays += 1
        while (mark := document.next()) != "]":
            if mark == ",":
                document.take(",")
            if document.next() != "{":
                raise ValueError("no list of records")
            target.write((document.value().replace("\n", " ") + "\n").encode())
        document.take("]")
    return arrays > 1


def _whole_lines(text: io.TextIOWrapper, target: IO[bytes]) -> bool:
    """False where there is no bad line, or more bad lines than good ones, or a last line that breaks off (the whole
    file is then cut)."""
    good = bad = 0
    ended = broken = True
    for line in text:
        ended = line.endswith("\n")
        record = line.strip()
        broken = bool(record) and not _is_record(record)
        good, bad = good + bool(record and not broken), bad + broken
        target.write(((json.dumps({MALFORMED: record}) if broken else record) + "\n").encode())
    return bool(bad) and good >= bad and not (broken and not ended)


def _is_ndjson(head: str) -> bool:
    lines = head.lstrip("\ufeff \t\r\n").split("\n", 3)[:3]
    return len(lines) > 1 and any(map(_is_record, lines))


def _is_record(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
