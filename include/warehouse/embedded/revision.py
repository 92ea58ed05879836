"""Native blocks as drivers want them that send `client_protocol_version` (Go): with block info and serialization kinds.

chDB writes Native without a protocol version. The newer form has a few bytes more: before each block, and before the
data of each column. To find these places the blocks are read through, skipping the data by the types of the columns.
"""

from __future__ import annotations

import re
from functools import lru_cache

from include.warehouse.embedded.errors import ClickHouseError

# Older versions are left alone: clickhouse-connect asks for 54405, sees that it is not granted, and does without.
FIRST_VERSION = 54454
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"  # field 1: no overflows; field 2: bucket -1; end
_DEFAULT_SERIALIZATION = b"\x00"

_WIDTHS = {
    **{f"{sign}{bits}": bits // 8 for sign in ("UInt", "Int") for bits in (8, 16, 32, 64, 128, 256)},
    "Float32": 4,
    "Float64": 8,
    "BFloat16": 2,
    "Bool": 1,
    "Nothing": 1,
    "UUID": 16,
    "IPv4": 4,
    "IPv6": 16,
    "Date": 2,
    "Date32": 4,
    "DateTime": 4,
    "DateTime64": 8,
    "Time": 4,
    "Time64": 8,
    "Enum8": 1,
    "Enum16": 2,
}
_SAME_AS = {
    "Point": "Tuple(Float64, Float64)",
    **dict.fromkeys(("Ring", "LineString"), "Array(Point)"),
    **dict.fromkeys(("Polygon", "MultiLineString"), "Array(Ring)"),
    "MultiPolygon": "Array(Polygon)",
}


class _Incomplete(Exception):
    """The block is not there as a whole yet."""


class RevisionEncoder:
    """Adds what the newer form has; takes and gives pieces of a Native stream."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._enough = 0  # an incomplete block is looked at again when this much is there

    def compress(self, data: bytes) -> bytes:
        """Translate the blocks that are complete by now."""
        self._pending += data
        out: list[bytes] = []
        if len(self._pending) < self._enough:
            return b""
        try:
            while self._pending:
                pieces, end = _translate(bytes(self._pending))
                out += pieces
                del self._pending[:end]
                self._enough = 0
        except _Incomplete:
            self._enough = 2 * len(self._pending)
        return b"".join(out)

    def flush(self) -> bytes:
        """End the stream: what is left is the text of an exception, or nothing."""
        self._enough = 0
        return self.compress(b"") + bytes(self._pending)


def _translate(data: bytes) -> tuple[list[bytes], int]:
    """Translate the first block; returns its pieces and where it ends."""
    columns, at = _number(data, 0)
    rows, at = _number(data, at)
    out, copied = [_BLOCK_INFO], 0
    for _ in range(columns):
        _, at = _text(data, at)
        type_, at = _text(data, at)
        out += [data[copied:at], _DEFAULT_SERIALIZATION]
        copied = at
        if rows:
            at = _skip(data, type_, rows, at + _prefix(type_))
    if at > len(data):
        raise _Incomplete
    return [*out, data[copied:at]], at


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise _Incomplete


def _text(data: bytes, at: int) -> tuple[str, int]:
    size, at = _number(data, at)
    if at + size > len(data):
        raise _Incomplete
    return data[at : at + size].decode("utf-8", "replace"), at + size


def _word(data: bytes, at: int) -> int:
    if at + 8 > len(data):
        raise _Incomplete
    return int.from_bytes(data[at : at + 8], "little")


@lru_cache(1000)
def _parse(type_: str) -> tuple[str, tuple[str, ...]]:
    """Split a type into its name and its arguments, without the names of a tuple's elements."""
    type_ = _SAME_AS.get(type_, type_)
    name, _, rest = type_.partition("(")
    if name not in ("Array", "Nullable", "Map", "Tuple", "Nested", "LowCardinality", "SimpleAggregateFunction"):
        return name, (rest[:-1],)
    depth, pieces = 0, [""]
    for piece in re.findall(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|.", rest[:-1], re.DOTALL):
        depth += (piece == "(") - (piece == ")")
        if depth == 0 and piece == ",":
            pieces.append("")
        elif depth == 0 and piece == " " and name in ("Tuple", "Nested"):
            pieces[-1] = ""  # what stood before the space was the element's name
        elif pieces[-1] or piece != " ":
            pieces[-1] += piece
    if name == "SimpleAggregateFunction":
        return _parse(pieces[1])
    return ("Array", (f"Tuple({', '.join(pieces)})",)) if name == "Nested" else (name, tuple(pieces))


def _prefix(type_: str) -> int:
    """Return the size of what precedes the data of a column: a version for each LowCardinality in it."""
    name, arguments = _parse(type_)
    if name == "LowCardinality":
        return 8
    return sum(map(_prefix, arguments)) if name in ("Array", "Nullable", "Map", "Tuple") else 0


def _skip(data: bytes, type_: str, rows: int, at: int) -> int:
    """Return where the data of a column end."""
    name, arguments = _parse(type_)
    if name == "String":
        return _skip_strings(data, rows, at)
    if name == "Nullable":
        return _skip(data, arguments[0], rows, at + rows)
    if name == "Tuple":
        for argument in arguments:
            at = _skip(data, argument, rows, at)
        return at
    if rows == 0:
        return at
    if name in ("Array", "Map"):
        at += 8 * rows
        total = _word(data, at - 8)
        for argument in arguments:
            at = _skip(data, argument, total, at)
        return at
    if name == "LowCardinality":
        index_bytes = 1 << (_word(data, at) & 0xFF)
        keys = _word(data, at + 8)
        key_name, key_arguments = _parse(arguments[0])
        at = _skip(data, key_arguments[0] if key_name == "Nullable" else arguments[0], keys, at + 16)
        return at + 8 + index_bytes * _word(data, at)
    return at + rows * _width(name, arguments[0])


def _skip_strings(data: bytes, rows: int, at: int) -> int:
    try:
        for _ in range(rows):
            size = data[at]
            if size < 0x80:
                at += 1 + size
            else:
                size, at = _number(data, at)
                at += size
    except IndexError:
        raise _Incomplete from None
    return at


def _width(name: str, argument: str) -> int:
    if name == "FixedString":
        return int(argument)
    if name == "Decimal":
        digits = int(argument.partition(",")[0])
        return next(width for most, width in ((9, 4), (18, 8), (38, 16), (76, 32)) if digits <= most)
    if name.startswith("Interval"):
        return 8
    if name in _WIDTHS:
        return _WIDTHS[name]
    raise ClickHouseError.of(48, f"The type {name} cannot be sent with client_protocol_version, use another format")
