"""ClickHouse's own compressed blocks (`compress=1`, `decompress=1`), as JDBC and Go drivers send and read them.

A block is its checksum (16 bytes), the method (1 byte), the compressed size with these 9 bytes and the size of the
data (4 bytes each, little-endian), then the compressed data. The checksum covers everything after itself.
"""

from __future__ import annotations

import struct

import lz4.block
import zstandard

from include.warehouse.embedded.cityhash import cityhash128
from include.warehouse.embedded.errors import ClickHouseError

BLOCK_BYTES = 1 << 20
_MAX_BLOCK_BYTES = 0x40000000
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_HEAD = struct.Struct("<BII")
_START = 16 + _HEAD.size


class NativeEncoder:
    """Makes LZ4 blocks of a body, as the server does."""

    def compress(self, data: bytes) -> bytes:
        """Compress a piece at once, in blocks of at most 1 MiB."""
        return b"".join(_block(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES))

    def flush(self) -> bytes:
        """End the body: there is nothing to add."""
        return b""


class NativeDecoder:
    """Reads blocks of any method and verifies each."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Decompress the blocks that are complete by now; ClickHouseError if one is broken."""
        self._pending += data
        out = []
        at = 0
        while len(self._pending) - at >= _START:
            method, packed, size = _HEAD.unpack_from(self._pending, at + 16)
            if not _HEAD.size <= packed <= _MAX_BLOCK_BYTES or size > _MAX_BLOCK_BYTES:
                raise ClickHouseError.of(39, "Too large size of a compressed block, the data are not compressed blocks")
            if len(self._pending) - at < 16 + packed:
                break
            covered = bytes(self._pending[at + 16 : at + 16 + packed])
            if cityhash128(covered) != self._pending[at : at + 16]:
                raise ClickHouseError.of(40, "Checksum doesn't match: corrupted data")
            out.append(_unpack(method, covered[_HEAD.size :], size))
            at += 16 + packed
        del self._pending[:at]
        return b"".join(out)

    def finish(self) -> None:
        """Check that the body has ended where a block ends."""
        if self._pending:
            raise ClickHouseError.of(271, "Cannot decompress the body: it is cut off in a block")


def _block(data: bytes) -> bytes:
    packed = bytes(lz4.block.compress(data, store_size=False))
    covered = _HEAD.pack(_LZ4, len(packed) + _HEAD.size, len(data)) + packed
    return cityhash128(covered) + covered


def _unpack(method: int, packed: bytes, size: int) -> bytes:
    try:
        if method == _LZ4:
            data = bytes(lz4.block.decompress(packed, uncompressed_size=size))
        elif method == _ZSTD:
            data = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
        elif method == _NONE:
            data = packed
        else:
            raise ClickHouseError.of(89, f"Unknown compression method: {method}")
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise ClickHouseError.of(271, f"Cannot decompress a block: {error}") from None
    if len(data) != size:
        raise ClickHouseError.of(271, "Cannot decompress a block: its size is wrong")
    return data
