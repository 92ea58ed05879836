"""Compression of bodies in pieces, both ways: gzip, deflate, br, zstd, lz4, and ClickHouse's own blocks."""

from __future__ import annotations

import zlib
from typing import Protocol

import brotli  # type: ignore[import-untyped]  # it has no types
import lz4.frame
import zstandard

from include.warehouse.embedded.errors import ClickHouseError
from include.warehouse.embedded.native import NativeDecoder, NativeEncoder

# What the engine calls a Content-Encoding when it reads a compressed file by itself.
ENGINE_METHOD = {
    "": "none",
    "identity": "none",
    "gzip": "gzip",
    "deflate": "deflate",
    "zstd": "zstd",
    "lz4": "lz4",
    "br": "br",
}
NATIVE = "native"  # not a Content-Encoding: the blocks that compress=1 asks for

_PREFERRED = ("zstd", "br", "lz4", "gzip", "deflate")  # the order in which ClickHouse looks


class Encoder(Protocol):
    """Compresses a body piece by piece."""

    def compress(self, data: bytes) -> bytes:
        """Compress a piece; the answer may be empty while the encoder gathers more."""

    def flush(self) -> bytes:
        """End the body."""


class _Lz4Encoder:
    def __init__(self) -> None:
        self._compressor = lz4.frame.LZ4FrameCompressor()
        self._start = bytes(self._compressor.begin())

    def compress(self, data: bytes) -> bytes:
        start, self._start = self._start, b""
        return start + bytes(self._compressor.compress(data))

    def flush(self) -> bytes:
        start, self._start = self._start, b""
        return start + bytes(self._compressor.flush())


class _ZlibEncoder:
    def __init__(self, wbits: int) -> None:
        self._compressor = zlib.compressobj(level=3, wbits=wbits)

    def compress(self, data: bytes) -> bytes:
        return self._compressor.compress(data)

    def flush(self) -> bytes:
        return self._compressor.flush()


class _ZstdEncoder:
    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=1).compressobj()

    def compress(self, data: bytes) -> bytes:
        return bytes(self._compressor.compress(data))

    def flush(self) -> bytes:
        return bytes(self._compressor.flush())


class _BrotliEncoder:
    def __init__(self) -> None:
        self._compressor = brotli.Compressor(quality=1)

    def compress(self, data: bytes) -> bytes:
        return bytes(self._compressor.process(data))

    def flush(self) -> bytes:
        return bytes(self._compressor.finish())


def accepted_encoding(accept: str) -> str:
    """Choose the encoding of a result from an Accept-Encoding header; '' for none."""
    offered = {part.split(";")[0].strip().lower() for part in accept.split(",")}
    return next((name for name in _PREFERRED if name in offered), "")


def encoder(name: str) -> Encoder:
    """Return an encoder for a name that `accepted_encoding` gave, or for `NATIVE`."""
    if name == NATIVE:
        return NativeEncoder()
    if name == "br":
        return _BrotliEncoder()
    if name == "lz4":
        return _Lz4Encoder()
    if name == "zstd":
        return _ZstdEncoder()
    return _ZlibEncoder(31 if name == "gzip" else 15)


class Decoder:
    """Decompresses a body piece by piece; a body may be several frames one after the other.

    With `blocks` the body is made of ClickHouse's compressed blocks, inside the Content-Encoding if there is one.
    """

    def __init__(self, encoding: str, blocks: bool = False) -> None:
        if encoding not in ENGINE_METHOD:
            raise ClickHouseError.of(48, f"Content-Encoding {encoding} is not supported")
        self._encoding = "" if encoding == "identity" else encoding
        self._blocks = NativeDecoder() if blocks else None
        self._frame = _new_frame(self._encoding)
        self._fresh = True

    def feed(self, data: bytes) -> bytes:
        """Decompress a piece."""
        if self._encoding:
            data = self._decode(data)
        return self._blocks.feed(data) if self._blocks else data

    def _decode(self, data: bytes) -> bytes:
        out = []
        try:
            while data:
                out.append(bytes(self._frame.decompress(data)))
                self._fresh = False
                if not self._frame.eof:
                    break
                data = self._frame.unused_data or b""
                self._frame, self._fresh = _new_frame(self._encoding), True
        except (zlib.error, brotli.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
            raise ClickHouseError.of(_FAILED[self._encoding], f"Cannot decompress the body: {error}") from None
        return b"".join(out)

    def finish(self) -> None:
        """Check that the body has ended where a frame ends."""
        if self._encoding and not self._fresh:
            raise ClickHouseError.of(_FAILED[self._encoding], "Cannot decompress the body: it is cut off")
        if self._blocks:
            self._blocks.finish()


_FAILED = {"gzip": 354, "deflate": 354, "br": 448, "zstd": 561, "lz4": 618}


class _Frame(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes) -> bytes: ...


class _BrotliFrame:
    """Brotli's decompressor with the members of the others; it says nothing of data after its end."""

    unused_data = b""

    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self._decompressor.is_finished())

    def decompress(self, data: bytes) -> bytes:
        return bytes(self._decompressor.process(data))


def _new_frame(encoding: str) -> _Frame:
    if encoding == "br":
        return _BrotliFrame()
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj()
    if encoding == "lz4":
        return lz4.frame.LZ4FrameDecompressor()  # type: ignore[no-any-return]  # it has no types
    return zlib.decompressobj(31 if encoding == "gzip" else 15)
