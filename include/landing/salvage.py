"""JSON that the engine cannot read as it is: NaN is no value, and lines that are no records are rejected alone."""

from __future__ import annotations

import io
import json

from include.landing.bucket import Bucket
from include.landing.forms import Attempt
from include.landing.literals import write_as_json
from include.landing.sniff import BROKEN_ARCHIVE, decompressed

READ = 4 * 1024**2
# The key under which a working copy holds the text of a line that is no record.
MALFORMED = "_insightflow_malformed"


def mend(bucket: Bucket, attempt: Attempt) -> bool:
    """Write a working copy of a JSON file that the engine could not read, and point the attempt to it; False where
    nothing is left to mend. Once without NaN and Infinity, then with the lines that are no records as text."""
    return _without_literals(bucket, attempt) or _keep_whole_lines(bucket, attempt)


def _without_literals(bucket: Bucket, attempt: Attempt) -> bool:
    sniffed = attempt.sniffed
    if sniffed is None or sniffed.format != "json" or attempt.without_literals:
        return False
    compression = "none" if attempt.key != attempt.file.key else sniffed.compression
    key = f"_work/{attempt.line.load_id}-values"
    attempt.copies.append(key)
    try:
        with (
            bucket.open(attempt.key) as stream,
            decompressed(stream, compression) as plain,
            bucket.create(key) as target,
        ):
            text = io.TextIOWrapper(plain, encoding="utf-8", errors="surrogateescape", newline="")
            found = write_as_json(
                iter(lambda: text.read(READ), ""), lambda piece: target.write(piece.encode(errors="surrogateescape"))
            )
    except BROKEN_ARCHIVE:
        return False
    if found:
        attempt.key, attempt.without_literals = key, True
    return bool(found)


def _keep_whole_lines(bucket: Bucket, attempt: Attempt) -> bool:
    """Write a working copy of an NDJSON file in which each line that is no JSON object stands as text under
    ``MALFORMED``, so that it keeps its place and is rejected; point the attempt to it.

    False where that mends nothing: another format, no bad line, more bad lines than good ones, or a last line that
    breaks off (the whole file is then cut). Line by line, so memory is that of a line.
    """
    sniffed = attempt.sniffed
    if sniffed is None or sniffed.format != "json" or attempt.mended or not _is_ndjson(sniffed.head):
        return False
    key = f"_work/{attempt.line.load_id}-lines"
    encoding = "utf-8" if attempt.key != attempt.file.key else sniffed.encoding
    compression = "none" if attempt.key != attempt.file.key else sniffed.compression
    good = bad = 0
    ended = broken = True
    try:
        with (
            bucket.open(attempt.key) as stream,
            decompressed(stream, compression) as plain,
            bucket.create(key) as target,
        ):
            for line in io.TextIOWrapper(plain, encoding=encoding, errors="replace", newline="\n"):
                ended = line.endswith("\n")
                text = line.strip()
                broken = bool(text) and not _is_record(text)
                good, bad = good + bool(text and not broken), bad + broken
                target.write(((json.dumps({MALFORMED: text}) if broken else text) + "\n").encode())
    except (*BROKEN_ARCHIVE, UnicodeError):
        return False
    attempt.copies.append(key)
    if bad and good >= bad and not (broken and not ended):
        attempt.key, attempt.mended = key, True
        return True
    return False


def _is_ndjson(head: str) -> bool:
    lines = head.lstrip("\ufeff \t\r\n").split("\n", 3)[:3]
    return len(lines) > 1 and any(map(_is_record, lines))


def _is_record(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
