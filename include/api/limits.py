"""Rate limits: requests of a caller or address, and failed log-ins."""

from __future__ import annotations

import time

from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from include.settings import Settings


class TooMany(Exception):
    """A limit is reached; ``seconds`` until it is worth trying again."""

    def __init__(self, seconds: int, what: str) -> None:
        super().__init__(f"Too many {what}. Try again in {seconds} seconds.")
        self.seconds = seconds


class Limits:
    """Counts in fixed windows, in this process or where ``api_rate_storage`` says."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = FixedWindowRateLimiter(storage_from_string(settings.api_rate_storage))
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
        reset = self._limiter.get_window_stats(item, kind, who).reset_time
        return TooMany(max(1, round(reset - time.time()) + 1), what)
