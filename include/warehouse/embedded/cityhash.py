"""CityHash128 in the variant 1.0.2, the checksum of ClickHouse's compressed blocks.

In plain Python: no wheel of it is among our packages. It hashes some megabytes of compressed bytes a second, enough
for what drivers send and read that way; bulk loads take `Content-Encoding`, which costs no hash.
"""

from __future__ import annotations

import struct

_M = 0xFFFFFFFFFFFFFFFF
_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F
_K3 = 0xC949D7C7509E6557
_MUL = 0x9DDFEA08EB382D69


def cityhash128(data: bytes) -> bytes:
    """Return the 16 bytes of the checksum: two little-endian words."""
    size = len(data)
    if size >= 16:
        low, high = struct.unpack_from("<QQ", data)
        pair = _with_seed(data[16:], low ^ _K3, high)
    elif size >= 8:
        pair = _murmur(b"", _word(data, 0) ^ (size * _K0 & _M), _word(data, size - 8) ^ _K1)
    else:
        pair = _murmur(data, _K0, _K1)
    return struct.pack("<QQ", *pair)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _rotate(value: int, shift: int) -> int:
    return ((value >> shift) | (value << (64 - shift))) & _M


def _mix(value: int) -> int:
    return value ^ (value >> 47)


def _hash16(low: int, high: int) -> int:
    a = _mix((low ^ high) * _MUL & _M)
    b = _mix((high ^ a) * _MUL & _M)
    return b * _MUL & _M


def _hash_short(data: bytes) -> int:
    """Hash at most 16 bytes."""
    size = len(data)
    if size > 8:
        a, b = _word(data, 0), _word(data, size - 8)
        return _hash16(a, _rotate((b + size) & _M, size)) ^ b
    if size >= 4:
        a = int.from_bytes(data[:4], "little")
        return _hash16((size + (a << 3)) & _M, int.from_bytes(data[size - 4 :], "little"))
    if size > 0:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _mix((y * _K2 ^ z * _K3) & _M) * _K2 & _M
    return _K2


def _murmur(data: bytes, a: int, b: int) -> tuple[int, int]:
    size = len(data)
    if size <= 16:
        a = _mix(a * _K1 & _M) * _K1 & _M
        c = (b * _K1 + _hash_short(data)) & _M
        d = _mix((a + (_word(data, 0) if size >= 8 else c)) & _M)
    else:
        c = _hash16((_word(data, size - 8) + _K1) & _M, a)
        d = _hash16((b + size) & _M, (c + _word(data, size - 16)) & _M)
        a = (a + d) & _M
        for at in range(0, size - 16, 16):
            a = (a ^ _mix(_word(data, at) * _K1 & _M) * _K1) * _K1 & _M
            b ^= a
            c = (c ^ _mix(_word(data, at + 8) * _K1 & _M) * _K1) * _K1 & _M
            d ^= c
    a, b = _hash16(a, c), _hash16(d, b)
    return a ^ b, _hash16(b, a)


def _weak(words: tuple[int, ...], a: int, b: int) -> tuple[int, int]:
    w, x, y, z = words
    a = (a + w) & _M
    b = _rotate((b + a + z) & _M, 21)
    sum_ = (a + x + y) & _M
    return (sum_ + z) & _M, (b + _rotate(sum_, 44) + a) & _M


def _with_seed(data: bytes, x: int, y: int) -> tuple[int, int]:
    size = len(data)
    if size < 128:
        return _murmur(data, x, y)
    mask, k1 = _M, _K1
    z = size * k1 & mask
    v0 = (_rotate(y ^ k1, 49) * k1 + _word(data, 0)) & mask
    v1 = (_rotate(v0, 42) * k1 + _word(data, 8)) & mask
    w0 = (_rotate((y + z) & mask, 35) * k1 + x) & mask
    w1 = _rotate((x + _word(data, 88)) & mask, 53) * k1 & mask
    whole = size - size % 128
    # The loop is written out: a call for each rotation would make it three times as slow.
    for d0, d1, d2, d3, d4, d5, d6, d7 in struct.iter_unpack("<8Q", data[:whole]):
        x = (x + y + v0 + d2) & mask
        x = (((x >> 37) | (x << 27)) & mask) * k1 & mask ^ w1
        y = (y + v1 + d6) & mask
        y = (((y >> 42) | (y << 22)) & mask) * k1 & mask ^ v0
        z ^= w0
        z = ((z >> 33) | (z << 31)) & mask
        a = (v1 * k1 + d0) & mask
        b = (x + w0 + a + d3) & mask
        s = (a + d1 + d2) & mask
        v0 = (s + d3) & mask
        v1 = (((b >> 21) | (b << 43)) + ((s >> 44) | (s << 20)) + a) & mask
        a = (z + w1 + d4) & mask
        b = (y + a + d7) & mask
        s = (a + d5 + d6) & mask
        w0 = (s + d7) & mask
        w1 = (((b >> 21) | (b << 43)) + ((s >> 44) | (s << 20)) + a) & mask
        x, z = z, x
    y = (y + _rotate(w0, 37) * _K0 + z) & mask
    x = (x + _rotate((v0 + z) & mask, 49) * _K0) & mask
    for done in range(32, size - whole + 32, 32):
        at = size - done
        y = (_rotate((y - x) & mask, 42) * _K0 + v1) & mask
        w0 = (w0 + _word(data, at + 16)) & mask
        x = (_rotate(x, 49) * _K0 + w0) & mask
        w0 = (w0 + v0) & mask
        v0, v1 = _weak(struct.unpack_from("<4Q", data, at), v0, v1)
    x, y = _hash16(x, v0), _hash16(y, w0)
    return (_hash16((x + v1) & mask, w1) + y) & mask, _hash16((x + w1) & mask, (y + v1) & mask)
