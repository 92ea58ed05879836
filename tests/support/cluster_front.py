"""A front of the embedded engine that stands for a cluster of one server without Keeper.

Every statement goes through as it came, but for what needs Keeper: ``ON CLUSTER`` is taken out and a replicated table
becomes a plain one that waits for no others. Distributed tables stay, and work: the engine is a cluster of its own.
What came is kept, so that a test can look at the DDL.
"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from include.settings import Settings
from tests.support.processes import free_port

_ON_CLUSTER = re.compile(r"\s+ON\s+CLUSTER\s+[\"'`]?\w+[\"'`]?", re.IGNORECASE)
_REPLICATED = re.compile(r"\bReplicated(\w*MergeTree)(?:\(\s*'[^']*'\s*,\s*'[^']*'\s*(?:,\s*)?)?")
_SYNC_REPLICA = re.compile(r"^\s*(/\*.*?\*/\s*)?SYSTEM\s+SYNC\s+REPLICA\b.*", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"^\s*/\*.*?\*/|--[^\n]*$", re.DOTALL | re.MULTILINE)
_DDL = re.compile(
    r"^\s*(?:/\*.*?\*/\s*)?(CREATE|DROP|ALTER|RENAME|EXCHANGE|TRUNCATE|SYSTEM)\b", re.IGNORECASE | re.DOTALL
)
_TABLE = re.compile(
    r"CREATE (?:OR REPLACE )?TABLE (?:IF NOT EXISTS )?`?(\w+)`?\.`?(\w+)`?(?P<on> ON CLUSTER \S+)?(?P<rest>.*)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\b(ENGINE =|ORDER BY|PARTITION BY|PRIMARY KEY|TTL|SETTINGS)(?= )", re.IGNORECASE)

_SETTING = re.compile(r"(\w+)='?(\w+)")

CLUSTER = "insightflow"
_ONE = f"""<clickhouse>
    <tcp_port>9000</tcp_port>
    <remote_servers><{CLUSTER}><shard>
        <internal_replication>true</internal_replication>
        <replica><host>127.0.0.1</host><port>9000</port></replica>
    </shard></{CLUSTER}></remote_servers>
</clickhouse>"""


@dataclass
class Front:
    """Where it listens, and every DDL statement as it was sent."""

    port: int
    statements: list[str] = field(default_factory=list)

    def rewritten(self, sql: str) -> str:
        """The statement for an engine without Keeper; the one that came is kept."""
        if _DDL.match(sql):
            self.statements.append(" ".join(_COMMENT.sub("", sql).split()))
        plain = _SYNC_REPLICA.sub("SELECT 1", _ON_CLUSTER.sub(" ", sql))
        return _REPLICATED.sub(lambda m: f"{m[1]}(" if "(" in m[0] else m[1], plain)


@dataclass(frozen=True)
class Table:
    """What a CREATE TABLE says, without spaces: the first of each clause, and its settings by name."""

    on_cluster: bool
    engine: str
    partition_by: str
    settings: dict[str, str]


def tables(told: list[str]) -> dict[str, Table]:
    """``database.table`` → what the statement said that made it last."""
    found = {}
    for statement in told:
        made = _TABLE.match(" ".join(statement.split()))
        if made:
            words = _CLAUSE.split(made["rest"])
            clauses: dict[str, str] = {}
            for word, text in zip(words[1::2], words[2::2], strict=True):
                clauses.setdefault(word.upper(), text.replace(" ", ""))
            found[f"{made[1]}.{made[2]}"] = Table(
                bool(made["on"]),
                clauses.get("ENGINE =", ""),
                clauses.get("PARTITION BY", ""),
                dict(_SETTING.findall(clauses.get("SETTINGS", ""))),
            )
    return found


def cluster_of_one(settings: Settings) -> None:
    """Make the embedded engine of these settings, which must not run yet, a cluster of its own.

    Nothing listens on the port; it is how the engine knows itself.
    """
    folder = settings.home / "clickhouse" / ".server" / "config.d"
    folder.mkdir(parents=True)
    (folder / "cluster.xml").write_text(_ONE)


@contextmanager
def front_of(settings: Settings) -> Iterator[Front]:
    """Serve until the block ends."""
    target = urlsplit(settings.clickhouse_url)
    front = Front(free_port())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._body()
            parts = urlsplit(self.path)
            words = [(k, front.rewritten(v) if k == "query" else v) for k, v in parse_qsl(parts.query, True)]
            if "query" not in dict(words) and not self.headers.get("Content-Encoding") and body:
                body = front.rewritten(body.decode()).encode()
            hop = ("host", "content-length", "transfer-encoding", "connection")
            headers = {k: v for k, v in self.headers.items() if k.lower() not in hop}
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=600)
            connection.request(self.command, f"{parts.path}?{urlencode(words)}", body, headers)
            answer = connection.getresponse()
            data = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", front.port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
