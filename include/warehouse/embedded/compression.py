"""Compression of bodies: gzip, deflate, zstd and lz4, in pieces, both ways."""

from __future__ import annotations

import zlib
from typing import Protocol

import lz4.frame
import zstandard

from include.warehouse.embedded.errors import ClickHouseError

# What the engine calls a Content-Encoding when it reads a compressed file by itself.
ENGINE_METHOD = {
    "": "none",
    "identity": "none",
    "gzip": "gzip",
    "deflate": "deflate",
    "zstd": "zstd",
    "lz4": "lz4",
}
ENGINE_METHOD["br"] = "br"

_PREFERRED = ("lz4", "zstd", "gzip", "deflate")


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


def accepted_encoding(accept: str) -> str:
    """Choose the encoding of a result from an Accept-Encoding header; '' for none."""
    offered = {part.split(";")[0].strip().lower() for part in accept.split(",")}
    return next((name for name in _PREFERRED if name in offered), "")


def encoder(name: str) -> Encoder:
    """Return an encoder for a name that `accepted_encoding` gave."""
    if name == "lz4":
        return _Lz4Encoder()
    if name == "zstd":
        return _ZstdEncoder()
    return _ZlibEncoder(31 if name == "gzip" else 15)


class Decoder:
    """Decompresses a body piece by piece; a body may be several frames one after the other."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "deflate", "zstd", "lz4"):
            raise ClickHouseError.of(48, f"Content-Encoding {encoding} is not supported for a body with a query")
        self._encoding = "" if encoding == "identity" else encoding
        self._frame = self._new_frame()
        self._fresh = True

    def _new_frame(
        self,
    ) -> zlib._Decompress | zstandard.ZstdDecompressionObj | lz4.frame.LZ4FrameDecompressor:
        if self._encoding == "zstd":
            return zstandard.ZstdDecompressor().decompressobj()
        if self._encoding == "lz4":
            return lz4.frame.LZ4FrameDecompressor()
        return zlib.decompressobj(31 if self._encoding == "gzip" else 15)

    def feed(self, data: bytes) -> bytes:
        """Decompress a piece."""
        if not self._encoding:
            return data
        out = []
        try:
            while data:
                out.append(bytes(self._frame.decompress(data)))
                self._fresh = False
                if not self._frame.eof:
                    break
                data = self._frame.unused_data or b""
                self._frame, self._fresh = self._new_frame(), True
        except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
            raise ClickHouseError.of(354, f"Cannot decompress the body ({self._encoding}): {error}") from None
        return b"".join(out)

    def finish(self) -> None:
        """Check that the body has ended where a frame ends."""
        if self._encoding and not self._fresh:
            raise ClickHouseError.of(354, f"Cannot decompress the body ({self._encoding}): it is cut off")
