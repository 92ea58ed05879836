"""An embedded ClickHouse: a small server over chDB that speaks ClickHouse's HTTP protocol.

The way of a request: `app` (routes, forms) → `auth`, `protocol` (parameters) → `body` (statement, spooled data) →
`sessions` → `engine` (a chDB connection in a worker thread) → `output` (a pipe) → `answer` (headers, compression).
`config` says what the engine is told at start, `views` what the system tables show of our queries, `sql` reads just
enough SQL to find formats and data and to refuse what chDB itself does not close.

What is supported and what differs from clickhouse-server: docs/embedded-clickhouse.md.
"""
