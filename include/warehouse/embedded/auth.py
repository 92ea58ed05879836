"""Users and passwords: Basic auth, X-ClickHouse-User and -Key headers, or URL parameters."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from include.warehouse.embedded.errors import AUTHENTICATION_FAILED, REQUIRED_PASSWORD, ClickHouseError


@dataclass(frozen=True)
class User:
    """Somebody who may connect. A read-only user reads tables; it writes nothing and reaches no file or URL."""

    name: str
    digest: bytes
    readonly: bool


class Users:
    """The users of the server. Without a users file there is `default`, without a password."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = dict(users)

    @classmethod
    def load(cls, path: Path | None) -> Users:
        """Read the users file; ValueError, with what to do, if it is not usable."""
        if path is None:
            return cls({"default": User("default", _digest(""), readonly=False)})
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ValueError(f"{path} can be read by others: chmod 600 {path}")
        entries = json.loads(path.read_text())
        if not isinstance(entries, dict) or not entries:
            raise ValueError(f'{path} must be a JSON object like {{"admin": {{"password": "…"}}}}')
        users = {}
        for name, entry in entries.items():
            if not isinstance(entry, dict) or not isinstance(entry.get("password"), str):
                raise ValueError(f"{path}: user {name!r} has no password")
            users[name] = User(name, _digest(entry["password"]), bool(entry.get("readonly", False)))
        return cls(users)

    def all(self) -> tuple[User, ...]:
        """Return every user."""
        return tuple(self._users.values())

    def authenticate(self, headers: Mapping[str, str], params: Mapping[str, str]) -> User:
        """Return the user of a request, or raise as ClickHouse does. Takes the same time for any wrong answer."""
        name, password, given = _credentials(headers, params)
        user = self._users.get(name)
        expected = user.digest if user else _digest("no such user")
        right = hmac.compare_digest(expected, _digest(password))
        if user is not None and right:
            return user
        if not given:
            raise ClickHouseError.of(REQUIRED_PASSWORD, f"{name}: Authentication failed: password is required")
        raise ClickHouseError.of(
            AUTHENTICATION_FAILED,
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name",
        )


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()


def _credentials(headers: Mapping[str, str], params: Mapping[str, str]) -> tuple[str, str, bool]:
    """Return the user, the password, and whether any were sent."""
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", ""), True
    authorization = headers.get("authorization", "")
    if authorization:
        scheme, _, value = authorization.partition(" ")
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            scheme = ""
        if scheme.lower() != "basic":
            raise ClickHouseError.of(AUTHENTICATION_FAILED, "Invalid authentication: only Basic is supported")
        return name or "default", password, True
    given = "user" in params or "password" in params
    return params.get("user", "default"), params.get("password", ""), given
