"""Rate limits: requests of a caller or address, and failed log-ins."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cachetools import TTLCache
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from include.settings import Settings


class TooMany(Exception):
    """A limit is reached; ``seconds`` until it is worth trying again."""

    def __init__(self, seconds: int, what: str) -> None:
        super().__init__(f"Too many {what}. Try again in {seconds} seconds.")
        self.seconds = seconds


class _Memory:
    """Counts of this process in fixed windows. ``limits``' own storage starts a thread for nearly every count."""

    MOST = 100_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, TTLCache[str, list[float]]] = {}

    def hit(self, item: RateLimitItem, kind: str, who: str) -> bool:
        """Count; False beyond the limit."""
        with self._lock:
            count = self._window(item, kind).setdefault(who, [0, time.time() + item.get_expiry()])
            count[0] += 1
            return count[0] <= item.amount

    def take_back(self, item: RateLimitItem, kind: str, who: str) -> None:
        """Count one less, if its window still goes on."""
        with self._lock:
            if (count := self._window(item, kind).get(who)) and count[0] > 0:
                count[0] -= 1

    def reset_time(self, item: RateLimitItem, kind: str, who: str) -> float:
        """When the window ends."""
        with self._lock:
            return self._window(item, kind).get(who, [0, time.time()])[1]

    def _window(self, item: RateLimitItem, kind: str) -> TTLCache[str, list[float]]:
        return self._counts.setdefault(kind, TTLCache(self.MOST, item.get_expiry()))


class _Shared:
    """Counts of all workers, in a server that ``limits`` knows."""

    def __init__(self, url: str) -> None:
        self._limiter = FixedWindowRateLimiter(storage_from_string(url))

    def hit(self, item: RateLimitItem, kind: str, who: str) -> bool:
        """Count; False beyond the limit."""
        return self._limiter.hit(item, kind, who)

    def take_back(self, item: RateLimitItem, kind: str, who: str) -> None:
        """Count one less."""
        self._limiter.hit(item, kind, who, cost=-1)

    def reset_time(self, item: RateLimitItem, kind: str, who: str) -> float:
        """When the window ends."""
        return self._limiter.get_window_stats(item, kind, who).reset_time


class Limits:
    """Counts in fixed windows, in this process or where ``api_rate_storage`` says."""

    def __init__(self, settings: Settings) -> None:
        url = settings.api_rate_storage
        self._limiter: _Memory | _Shared = _Memory() if url == "memory://" else _Shared(url)
        self._requests = parse(settings.api_rate_limit)
        self._log_ins = parse(settings.login_rate_limit)

    def request(self, who: str) -> None:
        """Count a request. Raises ``TooMany``."""
        if not self._limiter.hit(self._requests, "request", who):
            raise self._reached(self._requests, "request", who, "requests")

    @contextmanager
    def log_in(self, who: str, wrong: type[Exception]) -> Iterator[None]:
        """Around a look at a password, which takes long: it counts as a failure from its start, so that many at the same
        moment are held as those one after another are, and no more once it ended without raising ``wrong``.

        Raises ``TooMany`` after too many failures.
        """
        counted = (self._log_ins, "log-in", who)
        if not self._limiter.hit(*counted):
            self._limiter.take_back(*counted)  # nobody looked at it
            raise self._reached(*counted, "failed log-ins")
        failed = False
        try:
            yield
        except wrong:
            failed = True
            raise
        finally:
            if not failed:
                self._limiter.take_back(*counted)

    def _reached(self, item: RateLimitItem, kind: str, who: str, what: str) -> TooMany:
        reset = self._limiter.reset_time(item, kind, who)
        return TooMany(max(1, round(reset - time.time()) + 1), what)
