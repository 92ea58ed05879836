"""An embedded ClickHouse: a small server over chDB that speaks ClickHouse's HTTP protocol.

What differs from clickhouse-server:

- ``system.query_log`` is not there. ``system.processes`` shows the engine's query id; the client's is in
  ``Settings['chdb_client_name']``, and ``KILL QUERY`` takes either.
- External data, ``compress=1`` and ``decompress=1`` are refused (code 48); progress headers, ``role`` and
  ``client_protocol_version`` are ignored; results are not compressed with Brotli.
- ``X-ClickHouse-Summary`` counts are exact up to 1 MiB of result, or with ``wait_end_of_query=1``.
- A client that leaves cancels its reading queries; inserts and DDL finish, as in ClickHouse.
- The database ``default`` is chDB's overlay: an admin can read any file that the process can. Read-only users cannot,
  by the engine's own roles.
- ``file()`` takes a string literal, relative to ``--user-files``.
"""
