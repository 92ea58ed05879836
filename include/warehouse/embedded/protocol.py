"""ClickHouse's HTTP interface: which parameter means what, content types, and the X-ClickHouse headers."""

from __future__ import annotations

import json
import secrets
import string
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from include.warehouse.embedded.engine import Stats
from include.warehouse.embedded.errors import ClickHouseError

# Parameters of the URL that are not settings of the query.
_TRANSPORT = {
    "query",
    "database",
    "default_format",
    "user",
    "password",
    "quota_key",
    "query_id",
    "session_id",
    "session_timeout",
    "session_check",
    "stacktrace",
    "role",
    "compress",
    "decompress",
    "buffer_size",
    "wait_end_of_query",
    "client_protocol_version",
    "close_session",
}
# Settings of HTTP itself: the server obeys them, the engine has nothing to do with them.
_HTTP_SETTINGS = {"enable_http_compression", "http_zlib_compression_level"}

_CONTENT_TYPES = (
    ("JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSON", "application/json; charset=UTF-8"),
    ("CSV", "text/csv; charset=UTF-8; header="),
    ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
    ("TSV", "text/tab-separated-values; charset=UTF-8"),
    ("XML", "application/xml; charset=UTF-8"),
    ("Pretty", "text/plain; charset=UTF-8"),
    ("Vertical", "text/plain; charset=UTF-8"),
    ("Values", "text/plain; charset=UTF-8"),
    ("Markdown", "text/markdown; charset=UTF-8"),
)

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Parameters:
    """What the URL, the headers and the form fields of a request ask for."""

    query: bytes
    query_id: str
    database: str
    default_format: str
    session_id: str
    session_timeout: str
    session_check: str
    wait_end_of_query: bool
    compressed: bool
    params: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


def parse_parameters(given: Mapping[str, str], headers: Mapping[str, str]) -> Parameters:
    """Sort the parameters of a request; everything that is not of the protocol is a setting."""
    for name in ("compress", "decompress"):
        if given.get(name, "0") not in ("0", "false", ""):
            raise ClickHouseError.of(48, f"{name}=1 is not supported, use Content-Encoding and Accept-Encoding")
    if any(name.endswith(("_format", "_structure", "_types")) and name.count("_") == 1 for name in given):
        external = [n for n in given if n.endswith(("_structure", "_types")) and n.count("_") == 1]
        if external:
            raise ClickHouseError.of(48, "External data is not supported")
    settings = {
        name: value
        for name, value in given.items()
        if name not in _TRANSPORT and name not in _HTTP_SETTINGS and not name.startswith("param_")
    }
    return Parameters(
        query=given.get("query", "").encode("utf-8", "surrogateescape"),
        query_id=given.get("query_id") or str(uuid.uuid4()),
        database=given.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=given.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated",
        session_id=given.get("session_id", ""),
        session_timeout=given.get("session_timeout", ""),
        session_check=given.get("session_check", ""),
        wait_end_of_query=given.get("wait_end_of_query", "0") not in ("0", "false", ""),
        compressed=given.get("enable_http_compression", "0") not in ("0", "false", ""),
        params={n.removeprefix("param_"): v for n, v in given.items() if n.startswith("param_")},
        settings=settings,
    )


def content_type(format_name: str) -> str:
    """Return the content type of a format, as ClickHouse sends it."""
    for start, value in _CONTENT_TYPES:
        if format_name.startswith(start):
            return value + ("present" if "Names" in format_name else "absent") if value.endswith("=") else value
    return "application/octet-stream"


def result_headers(query_id: str, format_name: str, display_name: str, stats: Stats | None) -> Headers:
    """Return the headers of a result. `stats` are there when the query ended before its first byte left."""
    summary = stats or Stats()
    counts = {
        "read_rows": summary.read_rows,
        "read_bytes": summary.read_bytes,
        "written_rows": summary.written_rows,
        "written_bytes": summary.written_bytes,
        "total_rows_to_read": summary.read_rows,
        "result_rows": summary.result_rows,
        "result_bytes": summary.result_bytes,
        "elapsed_ns": summary.elapsed_ns,
    }
    return [
        (b"content-type", content_type(format_name).encode()),
        *_identity(query_id, display_name),
        (b"x-clickhouse-format", format_name.encode()),
        (b"x-clickhouse-summary", json.dumps({k: str(v) for k, v in counts.items()}).encode()),
    ]


def error_headers(error: ClickHouseError, query_id: str, display_name: str) -> Headers:
    """Return the headers of an answer that is an error."""
    headers = [
        (b"content-type", b"text/plain; charset=UTF-8"),
        *_identity(query_id, display_name),
        (b"x-clickhouse-exception-code", str(error.code).encode()),
    ]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="ClickHouse server HTTP API"'))
    return headers


def _identity(query_id: str, display_name: str) -> Headers:
    return [
        (b"x-clickhouse-server-display-name", display_name.encode()),
        (b"x-clickhouse-query-id", query_id.encode("latin-1", "replace")),
        (b"x-clickhouse-timezone", b"UTC"),
    ]


def exception_tag() -> str:
    """Return a random tag by which a client tells an exception in mid-stream from data."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))


def exception_block(tag: str, error: ClickHouseError) -> bytes:
    """Return what ends a body when the query fails after the first bytes have left."""
    message = error.message.encode() + b"\n"
    length = str(len(message)).encode()
    edge = tag.encode()
    return b"\r\n__exception__\r\n" + edge + b"\r\n" + message + length + b" " + edge + b"\r\n__exception__\r\n"
