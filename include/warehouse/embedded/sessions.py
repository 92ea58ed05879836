"""Sessions: temporary tables, SET and USE live in one; it runs one query at a time and expires when idle."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from include.warehouse.embedded.errors import (
    INVALID_SESSION_TIMEOUT,
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    ClickHouseError,
)

DEFAULT_TIMEOUT = 60
MAX_TIMEOUT = 3600


@dataclass
class Session:
    """A client's session. `connection` exists once a statement has given it state of its own; `known` is of that."""

    key: tuple[str, str]
    connection: Any = None
    known: dict[str, str] = field(default_factory=dict)
    busy: bool = False
    timeout: int = DEFAULT_TIMEOUT
    used_at: float = field(default_factory=time.monotonic)


class Sessions:
    """The open sessions by user and id. Used from the event loop only."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Session] = {}

    def take(self, user: str, session_id: str, timeout: str = "", check: str = "") -> Session:
        """Take a session for one query; raise if another query is in it, or if it must exist and does not."""
        key = (user, session_id)
        seconds = int(timeout) if timeout.isdigit() else DEFAULT_TIMEOUT
        if timeout and not timeout.isdigit():
            raise ClickHouseError.of(INVALID_SESSION_TIMEOUT, f"Invalid session timeout: '{timeout}'")
        if seconds > MAX_TIMEOUT:
            reason = f"Session timeout '{timeout}' is larger than max_session_timeout: {MAX_TIMEOUT}"
            raise ClickHouseError.of(INVALID_SESSION_TIMEOUT, f"{reason}. Maximum session timeout could be modified")
        session = self._open.get(key)
        if session is None:
            if check == "1":
                raise ClickHouseError.of(SESSION_NOT_FOUND, f"Session {session_id} not found")
            session = self._open[key] = Session(key)
        if session.busy:
            raise ClickHouseError.of(SESSION_IS_LOCKED, f"Session {session_id} is locked by a concurrent client")
        session.busy, session.timeout = True, seconds
        return session

    def give_back(self, session: Session) -> None:
        """Return a session after its query."""
        session.busy, session.used_at = False, time.monotonic()

    def end(self, session: Session) -> None:
        """Remove a session that its client has closed."""
        self._open.pop(session.key, None)

    def expired(self) -> list[Session]:
        """Remove and return the sessions whose time is over."""
        now = time.monotonic()
        old = [s for s in self._open.values() if not s.busy and now - s.used_at > s.timeout]
        for session in old:
            del self._open[session.key]
        return old

    def clear(self) -> list[Session]:
        """Remove and return all sessions."""
        everything = list(self._open.values())
        self._open.clear()
        return everything
