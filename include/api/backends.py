"""The databases behind the API: lazy, pooled, with short time-outs. What is away becomes ``Unavailable``."""

from __future__ import annotations

import contextlib
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any

from include.api.problems import BadText, Unavailable
from include.settings import Settings, get_settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
    from sqlalchemy import Connection, Engine

    from include.api.scope import Caller

QUERY_SECONDS = 10
PROBE_SECONDS = 2
# For a connection to PostgreSQL while others have them all: a moment's crowd waits, and is not told that it is away.
POOL_SECONDS = 5
POOL = 8
# Between names in a setting of PostgreSQL; no workspace has it in its name.
SEPARATOR = "\x1f"
STREAM_BYTES = 64 * 1024
# ClickHouse's codes for too many queries, too slow, out of memory, shutting down: a later request may succeed.
OVERLOADED = frozenset({159, 202, 241, 394})


class Backends:
    """The two databases of one installation. Safe to share between threads."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._clients: LifoQueue[Client] = LifoQueue(maxsize=POOL)

    @property
    def settings(self) -> Settings:
        """The settings, read at first use: importing the app reads and writes nothing."""
        if self._settings is None:
            self._settings = get_settings()
        return self._settings

    @contextlib.contextmanager
    def postgres(self, caller: Caller, workspace: str | None = None) -> Iterator[Connection]:
        """A transaction held by PostgreSQL to the caller's workspaces, or to one of them; commits at the block's end.

        It works as the role ``insightflow_api``, which owns nothing: the policies of migration 0003 decide what it
        sees, changes and administers. Raises ``Unavailable``.
        """
        from sqlalchemy import text

        names = caller.narrowed(workspace)
        held = {
            "sees": names,
            "edits": [name for name in names if name in caller.with_role("analyst") or caller.may_edit(name)],
            "administers": [name for name in names if name in caller.with_role("admin") or caller.administers(name)],
        }
        if workspace is None and caller.sees_all:  # with a role of its own in some workspaces, beside that in all
            held["edits"], held["administers"] = [*caller.with_role("analyst")], [*caller.with_role("admin")]
        with self.identity() as connection:
            connection.execute(
                text(
                    "SELECT set_config('insightflow.sees', :sees, true), set_config('insightflow.edits', :edits, true),"
                    " set_config('insightflow.administers', :administers, true),"
                    " set_config('insightflow.user', :user, true), set_config('role', 'insightflow_api', true)"
                ),
                {name: SEPARATOR.join(values) for name, values in held.items()} | {"user": caller.name},
            )
            yield connection

    @contextlib.contextmanager
    def identity(self) -> Iterator[Connection]:
        """A transaction that sees every user: for ``include.api.access`` alone, which finds out who asks."""
        from sqlalchemy import exc

        try:
            with self._postgres_engine().begin() as connection:
                yield connection
        except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
            raise Unavailable("PostgreSQL", str(error).splitlines()[0]) from error
        except ValueError as error:
            if "NUL" in str(error):
                raise BadText(str(error)) from error
            raise

    def query(self, query: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of a ClickHouse query by the read-only user. Only ``Warehouse`` and ``Versions`` may ask: no scope here.

        Raises ``Unavailable``, also when the query takes longer than ``QUERY_SECONDS``, and the driver's
        ``ClickHouseError`` with the server's code.
        """
        with self._clickhouse() as client:
            # Times carry their zone: a browser would take one without for its own.
            found = client.query(query, parameters=dict(parameters), tz_mode="aware")
            return list(found.named_results())

    def stream(self, query: str, parameters: Mapping[str, Any], form: str) -> Iterator[bytes]:
        """Bytes of a result in a ClickHouse format, in pieces. Only ``Warehouse`` may ask. Raises as ``query``."""
        with self._clickhouse() as client:
            source = client.raw_stream(query, parameters=dict(parameters), fmt=form)
            try:
                while piece := source.read(STREAM_BYTES):
                    yield piece
            finally:
                source.close()

    @contextlib.contextmanager
    def _clickhouse(self) -> Iterator[Client]:
        from clickhouse_connect.driver.exceptions import ClickHouseError

        client: Client | None = None
        try:
            client = self._client()
            yield client
        except ClickHouseError as error:
            code = getattr(error, "code", None)
            if code is None or code in OVERLOADED:
                # The server did not answer, or not in time: this client's sockets are of no more use.
                self._discard(client)
                client = None
                raise Unavailable("ClickHouse", str(error).splitlines()[0]) from error
            raise
        except BaseException:
            # Cut off in the middle: what is left in the socket belongs to no other query.
            self._discard(client)
            client = None
            raise
        finally:
            if client is not None:
                self._give_back(client)

    def probe(self) -> dict[str, str]:
        """The databases and what is wrong with each; empty where it answers our log-in."""
        return {"clickhouse": self._probe_clickhouse(), "postgres": self._probe_postgres()}

    def warm(self) -> None:
        """Open a connection, if ClickHouse answers: the first question would pay for the driver's import, half a second."""
        with contextlib.suppress(Exception):
            self.query("SELECT 1", {})

    def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            self._engine.dispose()
        with contextlib.suppress(Empty):
            while True:
                self._clients.get_nowait().close()

    def _postgres_engine(self) -> Engine:
        with self._lock:
            if self._engine is None:
                from include.insights.database import make_engine

                self._engine = make_engine(
                    self.settings,
                    pool_size=POOL,
                    statement_timeout_ms=QUERY_SECONDS * 1000,
                    pool_timeout=POOL_SECONDS,
                )
            return self._engine

    def _client(self) -> Client:
        with contextlib.suppress(Empty):
            return self._clients.get_nowait()
        from urllib3 import Timeout

        from include.warehouse.client import connect

        client = connect(self.settings, reader=True)
        client.timeout = Timeout(connect=PROBE_SECONDS, read=QUERY_SECONDS)
        return client

    def _give_back(self, client: Client) -> None:
        if self._clients.full():
            client.close()
        else:
            self._clients.put(client)

    @staticmethod
    def _discard(client: Client | None) -> None:
        if client is not None:
            client.close()

    def _probe_clickhouse(self) -> str:
        settings = self.settings
        request = urllib.request.Request(
            f"{settings.clickhouse_url.rstrip('/')}/?query=SELECT%201",
            headers={
                "X-ClickHouse-User": settings.clickhouse_reader,
                "X-ClickHouse-Key": settings.clickhouse_reader_password.get_secret_value(),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=PROBE_SECONDS) as response:
                response.read()
        except OSError as error:
            return str(error) or type(error).__name__
        return ""

    def _probe_postgres(self) -> str:
        from sqlalchemy import text

        try:
            with self.identity() as connection:
                connection.execute(text("SELECT 1"))
        except Unavailable as error:
            return error.reason
        return ""
