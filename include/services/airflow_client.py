"""Airflow's REST API: log in once, then JSON in and out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from include.services.errors import ServiceError
from include.settings import Settings


class AirflowClient:
    """A logged-in client of ``/api/v2``. Use as a context manager.

    Every call raises ``ServiceError`` with what Airflow said when it refuses or does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.http = httpx.Client(base_url=settings.airflow_url, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        login = {
            "username": self.settings.admin_user,
            "password": self.settings.admin_password.get_secret_value(),
        }
        token = self._send("POST", "/auth/token", json=login)["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET below ``/api/v2``; a pause of the server of a few seconds is waited for."""
        return self._send("GET", f"/api/v2{path}", params=query, patience=30.0)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST below ``/api/v2``."""
        return self._send("POST", f"/api/v2{path}", json=body)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PATCH below ``/api/v2``."""
        return self._send("PATCH", f"/api/v2{path}", json=body)

    def _send(self, method: str, path: str, patience: float = 0.0, **options: Any) -> dict[str, Any]:
        end = time.monotonic() + patience
        while True:
            try:
                response = self.http.request(method, path, **options)
                break
            except httpx.TransportError as error:
                if time.monotonic() >= end:
                    raise ServiceError(
                        f"Airflow does not answer at {self.settings.airflow_url} ({type(error).__name__}); "
                        "start it with `bin/insightflow up`, or see `bin/insightflow doctor`"
                    ) from error
                time.sleep(0.5)
        if response.status_code == 401:
            raise ServiceError(
                f"Airflow at {self.settings.airflow_url} refuses the log-in of {self.settings.admin_user}; "
                "is it another installation's? Set INSIGHTFLOW_HOME or INSIGHTFLOW_AIRFLOW_PORT"
            )
        if not response.is_success:
            raise AirflowRefusal(response.status_code, _detail(response), f"{method} {path}")
        return dict(response.json()) if response.content else {}


class AirflowRefusal(ServiceError):
    """Airflow answered with an error; ``status`` is its HTTP code."""

    def __init__(self, status: int, detail: str, what: str) -> None:
        super().__init__(f"Airflow refuses {what}: {detail} (HTTP {status})")
        self.status = status
        self.detail = detail


def lies_ahead(run: Mapping[str, Any]) -> bool:
    """Whether the day of a run has not come: Airflow calls it running, and starts no task of it before."""
    moment = run["logical_date"]
    return bool(moment) and datetime.fromisoformat(moment) > datetime.now(UTC)


def _detail(response: httpx.Response) -> str:
    try:
        detail = response.json().get("detail", "")
    except ValueError:
        return response.text[:300]
    return detail if isinstance(detail, str) else str(detail)[:500]
