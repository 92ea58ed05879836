"""From the text after ``Bearer`` to the caller, asking PostgreSQL at most every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cachetools import TTLCache
from sqlalchemy import text

from include.api.access import keys
from include.api.access.digest import digest
from include.api.access.sessions import grants_of
from include.api.access.tokens import BadToken, read_token
from include.api.backends import Backends
from include.api.problems import Unavailable
from include.api.scope import EVERY, Caller

# A disabled user, a changed role, a revoked key or log-in counts after this long at most.
FRESH_SECONDS = 5.0
# While PostgreSQL is away, what was known stays good for this long.
STALE_SECONDS = 300.0
MOST = 10_000


class Resolver:
    """Callers by their tokens and keys. Safe to share between threads; bounded in size."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._lock = threading.Lock()
        self._known: TTLCache[str, tuple[float, Caller | None]] = TTLCache(MOST, STALE_SECONDS)
        self._signed: TTLCache[str, tuple[Caller, int]] = TTLCache(MOST, STALE_SECONDS)

    def caller(self, secret: str) -> Caller:
        """Who it is now. Raises ``BadToken``, and ``Unavailable`` for a key that nobody knows yet."""
        name = digest(secret)
        if keys.is_key(secret):
            found = self._asked(name, lambda: self._key(secret), None)
        else:
            issued = self._read(name, secret)
            found = self._asked(name, lambda: self._user(issued), issued)
        if found is None:
            raise BadToken("revoked")
        return found

    def quick(self, secret: str) -> Caller | None:
        """The caller where it is known without asking, else None."""
        name = digest(secret)
        with self._lock:
            known = self._known.get(name)
            signed = self._signed.get(name)
        if known is None or time.monotonic() - known[0] > FRESH_SECONDS:
            return None
        if not keys.is_key(secret) and (signed is None or signed[1] <= time.time()):
            return None
        return known[1]

    def holder(self, issued: Caller) -> Caller | None:
        """Who holds a page's cookie, as they are now, with no more workspaces than when it was given; None if no more."""
        found = self._asked(f"page {issued.name} {issued.session}", lambda: self._user(issued), issued)
        if found is None or EVERY in issued.workspaces:
            return found
        roles = {workspace: found.role_in(workspace) for workspace in issued.workspaces}
        return Caller.of(found.name, {workspace: role for workspace, role in roles.items() if role}, found.session)

    def forget(self) -> None:
        """Ask again for everybody: something was just revoked here."""
        with self._lock:
            self._known.clear()

    def _read(self, name: str, token: str) -> Caller:
        with self._lock:
            signed = self._signed.get(name)
        if signed is None or signed[1] <= time.time():
            signed = read_token(self._backends.settings, token)
            with self._lock:
                self._signed[name] = signed
        return signed[0]

    def _asked(self, name: str, ask: Callable[[], Caller | None], issued: Caller | None) -> Caller | None:
        with self._lock:
            known = self._known.get(name)
        if known is not None and time.monotonic() - known[0] < FRESH_SECONDS:
            return known[1]
        try:
            found = ask()
        except Unavailable:
            # The signature is good and the token short-lived; ClickHouse's part goes on without PostgreSQL.
            if known is not None:
                return known[1]
            if issued is not None:
                return issued
            raise
        with self._lock:
            self._known[name] = (time.monotonic(), found)
        return found

    def _user(self, issued: Caller) -> Caller | None:
        with self._backends.identity() as connection:
            active = connection.execute(
                text("SELECT disabled_at IS NULL FROM users WHERE username = :name"), {"name": issued.name}
            ).scalar()
            if not active or (issued.session and self._revoked(connection, issued.session)):
                return None
            return Caller.of(issued.name, grants_of(connection, issued.name), issued.session)

    @staticmethod
    def _revoked(connection: object, family: str) -> bool:
        from sqlalchemy.engine import Connection

        assert isinstance(connection, Connection)
        return bool(
            connection.execute(
                text("SELECT EXISTS (SELECT FROM refresh_tokens WHERE family = :f AND revoked_at IS NOT NULL)"),
                {"f": family},
            ).scalar()
        )

    def _key(self, secret: str) -> Caller | None:
        with self._backends.identity() as connection:
            return keys.caller_of(connection, secret)
