"""ClickHouse's HTTP interface: which parameter means what, content types, and the X-ClickHouse headers."""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from include.warehouse.embedded.errors import BAD_ARGUMENTS, ClickHouseError
from include.warehouse.embedded.stats import Stats

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
    "add_http_cors_header",
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

# What a browser is told that asks whether a page of elsewhere, such as ClickHouse's Play, may send queries.
PREFLIGHT: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", b"origin, x-requested-with, x-clickhouse-user, x-clickhouse-key, authorization"),
    (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
    (b"access-control-max-age", b"86400"),
]

# A client that reads nothing for so long is taken for gone: its query holds a worker.
SEND_SECONDS = 300

# A result up to this size is complete before its headers leave: errors have a status, counts are true.
BUFFER_BYTES = 1 << 20


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
    native_result: bool
    native_body: bool
    client_version: int
    send_seconds: int  # how long a client may take to read a piece
    buffer_bytes: int
    progress_seconds: float  # 0: no progress in headers
    close_session: bool
    allow_any_origin: bool
    roles: tuple[str, ...]
    params: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


def parse_parameters(given: Mapping[str, str], headers: Mapping[str, str], roles: tuple[str, ...] = ()) -> Parameters:
    """Sort the parameters of a request; everything that is not of the protocol is a setting."""
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
        wait_end_of_query=_is_on(given.get("wait_end_of_query")),
        compressed=_is_on(given.get("enable_http_compression")),
        native_result=_is_on(given.get("compress")),
        native_body=_is_on(given.get("decompress")),
        client_version=_whole(given, "client_protocol_version", 0),
        send_seconds=_whole(given, "http_send_timeout", SEND_SECONDS),
        buffer_bytes=_whole(given, "buffer_size", BUFFER_BYTES),
        progress_seconds=_whole(given, "http_headers_progress_interval_ms", 100) / 1000
        if _is_on(given.get("send_progress_in_http_headers"))
        else 0,
        close_session=_is_on(given.get("close_session")),
        allow_any_origin=_is_on(given.get("add_http_cors_header")) and "origin" in headers,
        roles=roles,
        params={n.removeprefix("param_"): v for n, v in given.items() if n.startswith("param_")},
        settings=settings,
    )


def _is_on(value: str | None) -> bool:
    return value not in (None, "0", "false", "")


def _whole(given: Mapping[str, str], name: str, default: int) -> int:
    value = given.get(name) or str(default)
    if not value.isdigit():
        raise ClickHouseError.of(BAD_ARGUMENTS, f"{name} must be a number, not '{value}'")
    return int(value)


def content_type(format_name: str) -> str:
    """Return the content type of a format, as ClickHouse sends it."""
    for start, value in _CONTENT_TYPES:
        if format_name.startswith(start):
            return value + ("present" if "Names" in format_name else "absent") if value.endswith("=") else value
    return "application/octet-stream"


def result_headers(query_id: str, format_name: str, display_name: str, time_zone: str, stats: Stats) -> Headers:
    """Return the headers of a result, with the counts as they are when the headers leave."""
    return [
        (b"content-type", content_type(format_name).encode()),
        *_identity(query_id, display_name, time_zone),
        (b"x-clickhouse-format", format_name.encode()),
        (b"x-clickhouse-summary", stats.json()),
    ]


def error_headers(error: ClickHouseError, query_id: str, display_name: str) -> Headers:
    """Return the headers of an answer that is an error."""
    headers = [
        (b"content-type", b"text/plain; charset=UTF-8"),
        *_identity(query_id, display_name, "UTC"),
        (b"x-clickhouse-exception-code", str(error.code).encode()),
    ]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="ClickHouse server HTTP API"'))
    return headers


def _identity(query_id: str, display_name: str, time_zone: str) -> Headers:
    return [
        (b"x-clickhouse-server-display-name", display_name.encode()),
        (b"x-clickhouse-query-id", query_id.encode("latin-1", "replace")),
        (b"x-clickhouse-timezone", time_zone.encode("latin-1", "replace")),
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
