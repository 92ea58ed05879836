"""Addresses of alerts in Apprise's notation: which are allowed, how they are kept, how they are shown."""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from include.settings import Settings

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

# Services that speak over a network. Apprise also knows ways into this machine (dbus, syslog, …): not here.
SCHEMES = frozenset(
    [
        "mailto",
        "mailtos",
        "slack",
        "json",
        "jsons",
        "form",
        "forms",
        "xml",
        "xmls",
        "msteams",
        "workflow",
        "workflows",
        "discord",
        "tgram",
        "mmost",
        "mmosts",
        "rocket",
        "rockets",
        "gchat",
        "pagerduty",
        "opsgenie",
        "ntfy",
        "ntfys",
        "gotify",
        "gotifys",
        "matrix",
        "matrixs",
        "wxteams",
        "signal",
        "signals",
        "sns",
        "ses",
    ]
)
# Whose host is a server's name, not a part of a token.
_BY_HOST = frozenset(
    [
        "mailto",
        "mailtos",
        "json",
        "jsons",
        "form",
        "forms",
        "xml",
        "xmls",
        "mmost",
        "mmosts",
        "rocket",
        "rockets",
        "ntfy",
        "ntfys",
        "gotify",
        "gotifys",
        "matrix",
        "matrixs",
        "signal",
        "signals",
    ]
)
# Options by which Apprise would read files of this machine.
_FILES = frozenset({"template", "pgpkey", "pgp", "attach", "keyfile", "format-file"})


class BadTarget(ValueError):
    """An address that alerts may not go to; the message says why."""


def check(targets: list[str], settings: Settings) -> None:
    """Raises ``BadTarget``."""
    for number, target in enumerate(targets, 1):
        check_one(target, number, settings)


def check_one(target: str, number: int, settings: Settings) -> None:
    """Raises ``BadTarget``."""
    import apprise

    parts = urlsplit(target)
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise BadTarget(f"Target {number} must start with one of: {', '.join(sorted(SCHEMES))}, then ://.")
    options = {name.lstrip("+-:").lower(): values for name, values in parse_qs(parts.query).items()}
    if _FILES & set(options):
        raise BadTarget(f"Target {number} has an option that reads files: {', '.join(_FILES & set(options))}.")
    if apprise.Apprise.instantiate(target) is None:
        raise BadTarget(f"Target {number} is not written as Apprise writes {scheme}:// addresses.")
    hosts = [parts.hostname] if scheme in _BY_HOST else []
    hosts += [host for name in ("smtp", "host") for host in options.get(name, [])]
    for host in filter(None, hosts):
        if not settings.alert_local_targets and _is_local(host):
            raise BadTarget(
                f"Target {number} is in this machine or its networks; INSIGHTFLOW_ALERT_LOCAL_TARGETS allows that."
            )


def _is_local(host: str) -> bool:
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False  # nobody's; sending will fail
    return any(not ipaddress.ip_address(str(address).partition("%")[0]).is_global for address in found)


def sealed(targets: list[str], settings: Settings) -> str:
    """Targets with their log-ins as they are kept: encrypted with the installation's key."""
    return _box(settings).encrypt(json.dumps(targets).encode()).decode() if targets else ""


def opened(kept: str, settings: Settings) -> list[str]:
    """The targets again. Raises ``BadTarget`` where the key has changed."""
    from cryptography.fernet import InvalidToken

    if not kept:
        return []
    try:
        return [str(target) for target in json.loads(_box(settings).decrypt(kept.encode()))]
    except InvalidToken as error:
        raise BadTarget(
            "The targets cannot be read: INSIGHTFLOW_AIRFLOW_FERNET_KEY has changed. Set them again."
        ) from error


def shown(targets: list[str]) -> list[str]:
    """Targets without their secrets."""
    import apprise

    made = (apprise.Apprise.instantiate(target) for target in targets)
    return [str(one.url(privacy=True)) if one else "unreadable" for one in made]


def marks(target: str, settings: Settings) -> list[str]:
    """By what the log of alerts knows a target, without its secrets: one for each of the installation's keys.

    The first is the one to write; a rotation of the key makes another the first.
    """
    return [hmac.digest(key.encode(), target.encode(), "sha256").hex() for key in _keys(settings)]


def _keys(settings: Settings) -> list[str]:
    return [key.strip() for key in settings.airflow_fernet_key.get_secret_value().split(",")]


def _box(settings: Settings) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(key.encode()) for key in _keys(settings)])
