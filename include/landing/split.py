"""A large JSON document with its list of records inside, cut into documents of a few records each.

The engine reads a document as one value, whole in memory; of these it holds few at a time. Each is the document's
own text around a piece of its list, so that it is read as the document is, and values stay as they were sent. The
standard library's scanner finds where an element ends; memory holds one element, one piece and what lies around the list.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import IO

from include.landing.bucket import Bucket
from include.landing.errors import RefusedFile
from include.landing.sniff import BROKEN_ARCHIVE, Sniffed, decompressed

# Smaller documents are read as they lie.
LARGE = 16 * 1024**2
PIECE = 1024**2  # characters of a line
READ = 1024**2
WHITE = " \t\r\n"
BY_ID = re.compile(r'\ufeff?\s*\{\s*"\d+"\s*:\s*\[\s*\{')
BATCH = re.compile(r'\ufeff?\s*\{\s*("kind"\s*:\s*"[^"]*"\s*,\s*)?"reports"\s*:\s*\[\s*\{\s*"dimensionHeaders"')
SCAN = json.JSONDecoder(strict=False).raw_decode


class Document:
    """A forward scanner over a stream of text: ``text`` from ``at`` on is not read yet."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self.text = ""
        self.at = 0

    def _more(self) -> bool:
        """Read on, forgetting what was passed. False at the end."""
        taken = self._read()
        self.text, self.at = self.text[self.at :] + taken, 0
        return bool(taken)

    def next(self) -> str:
        """The next character that is not white, not taken; '' at the end."""
        while True:
            while self.at < len(self.text):
                if self.text[self.at] not in WHITE:
                    return self.text[self.at]
                self.at += 1
            if not self._more():
                return ""

    def take(self, character: str) -> str:
        """Take the next character, which has to be this one. Raises ``ValueError``."""
        if self.next() != character:
            raise ValueError(f"{character} expected")
        self.at += 1
        return character

    def value(self) -> str:
        """Take a whole value; its text. Raises ``ValueError`` where there is none, or no end of it."""
        self.next()
        while True:
            try:
                _, end = SCAN(self.text, self.at)
                if end < len(self.text) or not self._more():
                    break  # a number may go on behind what was read
            except ValueError:
                if not self._more():
                    raise
        text, self.at = self.text[self.at : end], end
        return text


def lists_of(document: Document, paths: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """``(before, element, '')`` for each element of the lists at ``paths``, ``before`` with what precedes the list; at
    the end ``('', '', after)`` with what follows the last one. Paths are keys joined by dots.

    Only the first of the paths that the document has is taken for its list.
    """
    before = ""
    found = False

    def inside(prefix: str) -> Iterator[tuple[str, str, str]]:
        nonlocal before, found
        before += document.take("{")
        if document.next() == "}":
            before += document.take("}")
            return
        while True:
            key = document.value()
            before += key + document.take(":")
            path = prefix + json.loads(key)
            first = document.next()
            if not found and first == "[" and path in paths:
                document.take("[")
                while (mark := document.next()) != "]":
                    if mark == ",":
                        document.take(",")
                    if document.next() not in ("{", "["):
                        raise ValueError("no list of records")
                    found = True
                    yield before, document.value(), ""
                document.take("]")
                if found:
                    before = ""
                else:
                    before += "[]"
            elif first == "{" and any(p.startswith(path + ".") for p in paths):
                yield from inside(path + ".")
            else:
                before += document.value()
            if document.next() == "}":
                before += document.take("}")
                return
            before += document.take(",")

    yield from inside("")
    if document.next():
        raise ValueError("more than one document")
    if not found:
        raise ValueError("no list of records")
    yield "", "", before


def is_splittable(sniffed: Sniffed) -> bool:
    """Whether the file may be a large document: JSON that starts as an object which does not end where it was looked at."""
    if sniffed.format != "json" or sniffed.head_is_all or not sniffed.head.lstrip("\ufeff" + WHITE).startswith("{"):
        return False
    if sniffed.compression == "none" and sniffed.file.size < LARGE:
        return False
    try:
        SCAN(sniffed.head.lstrip("\ufeff" + WHITE))
    except ValueError:
        return True
    return False  # NDJSON, or a small document before others


def split(bucket: Bucket, sniffed: Sniffed, key: str, paths: Collection[str]) -> bool:
    """Write the pieces of a document as lines under ``key``; False (and nothing to read) where it is no such document.

    Read twice: what follows the list belongs to every line. Raises ``RefusedFile`` where an archive is cut off.
    """
    outermost = {path.split("[]")[0] for path in paths}
    try:
        *_, (_, _, after) = deque(_elements(bucket, sniffed, outermost), maxlen=1)
        with bucket.create(key) as target:
            piece: list[str] = []
            size = 0
            before = ""
            for start, element, _ in _elements(bucket, sniffed, outermost):
                if piece and (size > PIECE or not element):
                    target.write((before + "[" + ",".join(piece) + "]" + after + "\n").encode())
                    piece, size = [], 0
                if element:
                    before = start
                    piece.append(element)
                    size += len(element)
    except ValueError:
        return False
    except BROKEN_ARCHIVE as error:
        raise RefusedFile(
            "truncated_file", f"the {sniffed.compression} archive cannot be read ({error}); upload it again"
        ) from error
    return True


def lists_at_the_top(bucket: Bucket, sniffed: Sniffed, key: str) -> bool:
    """Write the elements of a document's lists as lines under ``key``; False (and nothing to read) where it is no such
    document. Records by the id of their entity (Pinterest's reports: ``{"123": [{…}, …]}``), or the reports of a batch
    (GA4's batchRunReports: ``{"reports": [{…}, …], "kind": …}``)."""
    if sniffed.format != "json" or not (BY_ID.match(sniffed.head) or BATCH.match(sniffed.head)):
        return False
    try:
        with (
            bucket.open(sniffed.file.key) as stream,
            decompressed(stream, sniffed.compression) as plain,
            bucket.create(key) as target,
        ):
            document = Document(_reading(plain, sniffed.encoding))
            opening = "{"
            while document.next() != "}":
                document.take(opening)
                opening = ","
                document.value()
                document.take(":")
                if document.next() != "[":
                    document.value()
                    continue
                bracket = "["
                while document.next() != "]":
                    document.take(bracket)
                    bracket = ","
                    target.write((document.value() + "\n").encode())
                document.take("]")
    except (ValueError, *BROKEN_ARCHIVE):
        with contextlib.suppress(OSError):
            bucket.remove(key)
        return False
    return True


def _elements(bucket: Bucket, sniffed: Sniffed, paths: Collection[str]) -> Iterator[tuple[str, str, str]]:
    with bucket.open(sniffed.file.key) as stream, decompressed(stream, sniffed.compression) as plain:
        yield from lists_of(Document(_reading(plain, sniffed.encoding)), paths)


def _reading(plain: IO[bytes], encoding: str) -> Callable[[], str]:
    decoder = codecs.getincrementaldecoder(encoding)()

    def read() -> str:
        while chunk := plain.read(READ):
            if text := decoder.decode(chunk):
                return text
        return decoder.decode(b"", final=True)

    return read
