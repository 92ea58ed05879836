"""Rate limits: requests of a caller or address, and failed log-ins."""

from __future__ import annotations

import threading
import time

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

    def test(self, item: RateLimitItem, kind: str, who: str) -> bool:
        """Whether another would be within the limit."""
        with self._lock:
            return self._window(item, kind).get(who, [0])[0] < item.amount

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

    def test(self, item: RateLimitItem, kind: str, who: str) -> bool:
        """Whether another would be within the limit."""
        return self._limiter.test(item, kind, who)

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

    def check_log_in(self, who: str) -> None:
        """Raises ``TooMany`` after too many failures."""
        if not self._limiter.test(self._log_ins, "log-in", who):
            raise self._reached(self._log_ins, "log-in", who, "failed log-ins")

    def failed_log_in(self, who: str) -> None:
        """Count a failure."""
        self._limiter.hit(self._log_ins, "log-in", who)

    def _reached(self, item: RateLimitItem, kind: str, who: str, what: str) -> TooMany:
        reset = self._limiter.reset_time(item, kind, who)
        return TooMany(max(1, round(reset - time.time()) + 1), what)
