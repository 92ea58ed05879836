"""What a file is, from its bytes: compression, encoding, format. Reads each byte once, keeps the ends only."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import zstandard

from include.landing.bucket import Bucket, BucketError, BucketFile
from include.landing.errors import RefusedFile
from include.landing.recognise import normal
from include.landing.specs import Format, Shape, Source, sources
from include.landing.spreadsheet import first_rows, is_spreadsheet, write_rows

HEAD = 256 * 1024
TAIL = 8 * 1024
WEB_PAGE = re.compile(r"\s*(<!doctype html|<html|<\?xml[^>]*>\s*<(!doctype )?html)", re.IGNORECASE)
UNDEFINED_IN_1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
DATA_SUFFIXES = (".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".parquet", ".xlsx")
# Of a zip: folders, what macOS, Windows and editors add, and notes.
JUNK = re.compile(r"/$|(^|/)(__MACOSX/|[.]|(thumbs[.]db|desktop[.]ini|(readme|licen[cs]e)[^/]*)$)", re.IGNORECASE)
NAMED = 5
# Letters of two or three bytes in UTF-8; in Windows-1252 they would read as capital A or a with marks and a symbol.
MULTIBYTE = re.compile(rb"[\xc3-\xc5][\x80-\xbf](?![\x80-\xff])|\xe2\x80[\x93-\x9e\xa6\xaf]")
# Files that others write: first bytes → what it is, and what to do.
FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls), or one with a password: save it as .xlsx or CSV",
    b"%PDF": "a PDF: export the report as CSV, XLSX, JSON or Parquet",
    b"BZh": "compressed by bzip2: use gzip, zstd or zip",
    b"7z\xbc\xaf": "a 7z archive: use gzip, zstd or zip",
    b"Rar!": "a RAR archive: use gzip, zstd or zip",
    b"\xfd7zXZ": "compressed by xz: use gzip, zstd or zip",
    b"Obj\x01": "Avro: export Parquet, CSV or JSON",
    b"ORC": "ORC: export Parquet, CSV or JSON",
}
BROKEN_ARCHIVE = (EOFError, zlib.error, zstandard.ZstdError, zipfile.BadZipFile, gzip.BadGzipFile)
GLOB_CHARACTERS = set("*?{}[]")


@dataclass(frozen=True)
class Sniffed:
    """A file before it is read for rows. ``head`` is its decoded start, ``tail`` its raw end if not compressed."""

    file: BucketFile
    sha256: str
    compression: str
    encoding: str
    format: Format
    head: str
    head_is_all: bool
    tail: bytes
    line_break: str = "\n"
    """A lone carriage return in files of old Macs, which ClickHouse does not split at."""

    @property
    def label(self) -> str:
        """The format as the ledger says it: csv, xlsx, json.gzip, …"""
        format = "xlsx" if self.encoding == "xlsx" else self.format
        return format if self.compression == "none" else f"{format}.{self.compression}"

    @property
    def last_lines(self) -> str:
        """The end of the text, as far as it was read."""
        if self.head_is_all or not self.tail or self.encoding in ("binary", "xlsx"):
            return self.head[-TAIL:] if self.head_is_all else ""
        return self.tail.decode(self.encoding, errors="replace")

    @property
    def needs_copy(self) -> bool:
        """Whether ClickHouse cannot read the file as it lies: a spreadsheet, another encoding, a zip, wildcards."""
        return (
            self.encoding not in ("utf-8", "utf-8-sig", "binary")
            or self.line_break == "\r"
            or self.compression == "zip"
            or (self.format == "parquet" and self.compression != "none")  # its footer is read from the plain file
            or bool(GLOB_CHARACTERS & set(self.file.key))
        )


def sniff(bucket: Bucket, file: BucketFile) -> Sniffed:
    """Read a file once. Raises ``RefusedFile`` for an empty, unreadable or binary one."""
    digest = hashlib.sha256()
    start = b""
    tail = b""
    letters = Letters()
    with bucket.open(file.key) as stream:
        while chunk := stream.read(4 * 1024 * 1024):
            digest.update(chunk)
            if len(start) < HEAD:
                start += chunk[: HEAD - len(start)]
            if start.isascii():  # else the start itself shows the encoding
                letters.feed(chunk)
            tail = chunk[-TAIL:] if len(chunk) >= TAIL else (tail + chunk)[-TAIL:]
    if not start:
        raise RefusedFile("empty_file", "the file has 0 bytes; export it again and drop the new file")
    if (head_of_sheet := _workbook(bucket, file.key, "none", start)) is not None:
        return Sniffed(file, digest.hexdigest(), "none", "xlsx", "csv", head_of_sheet, False, b"")
    compression = _compression(start)
    plain = start
    if compression != "none":
        try:
            with bucket.open(file.key) as stream, decompressed(stream, compression) as text:
                plain = text.read(HEAD)
            head_of_sheet = _workbook(bucket, file.key, compression, plain)
        except BucketError:
            raise
        except (OSError, *BROKEN_ARCHIVE) as error:
            raise RefusedFile(
                "truncated_file", f"the {compression} archive cannot be read ({error}); upload it again"
            ) from error
        if not plain:
            raise RefusedFile("empty_file", f"the {compression} archive holds no bytes; export the file again")
        if head_of_sheet is not None:
            return Sniffed(file, digest.hexdigest(), compression, "xlsx", "csv", head_of_sheet, False, b"")
        if _compression(plain) != "none":
            raise RefusedFile(
                "unknown_format",
                f"the {compression} archive holds another archive; unpack it once and drop the inner file",
            )
    for magic, what in FOREIGN.items():
        if plain.startswith(magic):
            raise RefusedFile("unknown_format", f"this is {what}")
    if plain.startswith(b"PAR1"):
        return Sniffed(file, digest.hexdigest(), compression, "binary", "parquet", "", False, tail)
    whole = len(plain) < HEAD
    encoding = _encoding(plain, whole)
    if encoding == "utf-8" and compression == "none" and letters.are_windows_1252 and plain.isascii():
        encoding = "cp1252"  # the start was plain ASCII
    head = codecs.getincrementaldecoder(encoding)(errors="replace").decode(plain, final=False)
    if WEB_PAGE.match(head.lstrip("\ufeff")):
        raise RefusedFile(
            "not_an_export", "this is a web page, such as a log-in form or an error; download the export again"
        )
    format: Format = "json" if head.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") else "csv"
    return Sniffed(
        file,
        digest.hexdigest(),
        compression,
        encoding,
        format,
        head,
        whole,
        tail if compression == "none" else b"",
        "\r" if format == "csv" and "\r" in head and "\n" not in head else "\n",
    )


def _workbook(bucket: Bucket, key: str, compression: str, plain: bytes) -> str | None:
    """The first rows of a spreadsheet, or None where a file that starts so is none. Raises ``RefusedFile``."""
    if not plain.startswith(b"PK"):
        return None
    with _seekable(bucket, key, compression) as stream:
        return first_rows(stream) if is_spreadsheet(stream) else None


@contextmanager
def _seekable(bucket: Bucket, key: str, compression: str) -> Iterator[IO[bytes]]:
    """A file's plain bytes, to be read at any place: a packed one is unpacked on disk."""
    with bucket.open(key) as stream:
        if compression == "none":
            yield stream
            return
        with decompressed(stream, compression) as plain, tempfile.TemporaryFile() as whole:
            shutil.copyfileobj(plain, whole, 4 * 1024 * 1024)
            whole.seek(0)
            yield whole


class Letters:
    """Whether a text that starts as ASCII goes on as Windows-1252 rather than UTF-8. Costs ASCII next to nothing."""

    def __init__(self) -> None:
        self._utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        self._defined = True

    def feed(self, chunk: bytes) -> None:
        if self._utf8 is not None and not (chunk.isascii() and not self._utf8.getstate()[0]):
            try:
                self._utf8.decode(chunk)
            except UnicodeDecodeError:
                self._utf8 = None
        if self._utf8 is None and self._defined:
            self._defined = not any(byte in chunk for byte in UNDEFINED_IN_1252)

    @property
    def are_windows_1252(self) -> bool:
        return self._utf8 is None and self._defined


def _compression(start: bytes) -> str:
    for magic, name in ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip")):
        if start.startswith(magic):
            return name
    return "none"


def decompressed(stream: IO[bytes], compression: str) -> IO[bytes]:
    """The plain bytes of a stream. Of a zip, those of its only file of data. Raises ``EOFError`` on reading one that
    is cut off."""
    if compression == "gzip":
        return gzip.GzipFile(fileobj=stream)  # type: ignore[return-value]  # a readable binary stream
    if compression == "zstd":
        return io.BufferedReader(ZstdFrames(stream), 1024 * 1024)
    if compression == "zip":
        archive = zipfile.ZipFile(stream)
        return archive.open(_only_member(archive))
    return stream


class ZstdFrames(io.RawIOBase):
    """All frames of a zstd stream; a last one that is cut off is an ``EOFError``, where the library says nothing."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = b""
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            taken = self._rest or self._stream.read(256 * 1024)
            self._rest = b""
            if not taken:
                if self._frame is not None:
                    raise EOFError("the last frame ends too early")
                return 0
            frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            self._ready = frame.decompress(taken)
            self._frame = None if frame.eof else frame
            self._rest = frame.unused_data if frame.eof else b""
        n = min(len(buffer), len(self._ready))
        buffer[:n], self._ready = self._ready[:n], self._ready[n:]
        return n


def _only_member(archive: zipfile.ZipFile) -> str:
    """The file of data in a zip: its only one beside notes and what systems add of themselves."""
    names = [name for name in archive.namelist() if not JUNK.search(name)]
    data = [name for name in names if name.lower().endswith(DATA_SUFFIXES)] or names
    if len(data) == 1:
        return data[0]
    if not data:
        raise RefusedFile("empty_file", "the zip holds no file of data; pack the export again and drop the new zip")
    shown = ", ".join(data[:NAMED]) + (", …" if len(data) > NAMED else "")
    raise RefusedFile(
        "unknown_format",
        f"the zip holds {len(data)} files of data ({shown}), and is read with one only: unpack it; if they are parts of one "
        "export, drop them as a folder <batch>/ of this place, which loads whole or not at all, else one by one",
    )


def _encoding(plain: bytes, whole: bool) -> str:
    """Encoding of text: by its byte order mark, as UTF-8 if it decodes, else as Windows-1252 if it reads as text."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if plain.startswith(mark):
            return name
    if b"\x00" in plain[:4096]:
        even, odd = plain[0:4096:2].count(0), plain[1:4096:2].count(0)
        if odd > 4 * max(even, 1) and odd > len(plain[:4096]) // 6:
            return "utf-16-le"
        if even > 4 * max(odd, 1) and even > len(plain[:4096]) // 6:
            return "utf-16-be"
    else:
        try:
            codecs.getincrementaldecoder("utf-8")().decode(plain, final=whole)
            return "utf-8"
        except UnicodeDecodeError:
            control = sum(byte < 32 and byte not in (9, 10, 12, 13) for byte in plain[:4096])
            undefined = sum(plain.count(byte) for byte in UNDEFINED_IN_1252)
            if not control and MULTIBYTE.search(plain):
                return "utf-8"  # pasted together of both: the lines that are not UTF-8 are rejected
            if not control and not undefined:
                return "cp1252"
    raise RefusedFile(
        "unknown_encoding",
        "the bytes are neither UTF-8, UTF-16 nor Windows-1252 text, nor Parquet; export the file again as UTF-8 CSV, "
        "JSON or Parquet",
    )


def write_copy(bucket: Bucket, sniffed: Sniffed, key: str) -> None:
    """Write the file's text as plain UTF-8 under ``key``, in constant memory. Raises ``RefusedFile``."""
    try:
        if sniffed.encoding == "xlsx":
            with _seekable(bucket, sniffed.file.key, sniffed.compression) as book, bucket.create(key) as target:
                write_rows(book, target)
            return
        with (
            bucket.open(sniffed.file.key) as stream,
            decompressed(stream, sniffed.compression) as plain,
            bucket.create(key) as target,
        ):
            if sniffed.encoding in ("utf-8", "utf-8-sig", "binary") and sniffed.line_break == "\n":
                shutil.copyfileobj(plain, target, 4 * 1024 * 1024)
            else:
                _copy_text(plain, target, sniffed)
    except UnicodeDecodeError as error:
        raise RefusedFile(
            "unknown_encoding",
            f"byte {error.start} is not {sniffed.encoding}; the file is cut off or mixed: export it again as UTF-8",
        ) from error
    except BROKEN_ARCHIVE as error:
        raise RefusedFile(
            "truncated_file", f"the {sniffed.compression} archive breaks off ({error}); upload it again"
        ) from error


def _copy_text(plain: IO[bytes], target: IO[bytes], sniffed: Sniffed) -> None:
    decoder = codecs.getincrementaldecoder(sniffed.encoding)()
    more = True
    while more:
        chunk = plain.read(4 * 1024 * 1024)
        more = bool(chunk)
        text = decoder.decode(chunk, final=not more)
        target.write((text.replace("\r", "\n") if sniffed.line_break == "\r" else text).encode())


def empty_report(sniffed: Sniffed, source: Source | None) -> tuple[Source, Shape] | None:
    """The shape whose way of saying "no rows" the file shows ("No data returned by the reporting service.").

    Of several, the one of which the most headers stand in the file.
    """
    found = [
        (spec, shape)
        for spec in ([source] if source else sources().values())
        for shape in spec.shapes
        if shape.empty_report and sniffed.head_is_all and re.search(shape.empty_report, sniffed.head, re.MULTILINE)
    ]
    if len(found) < 2:
        return found[0] if found else None
    cells = {normal(cell) for cell in re.split(r'[,;\t|"\r\n]+', sniffed.head)}
    return max(found, key=lambda of: sum(normal(header) in cells for header in of[1].headers()))
