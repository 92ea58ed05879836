"""A chDB connection: the role of its user, and the database and settings of one request."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chdb

from include.warehouse.embedded.config import ADMIN_ROLE, READER_ROLE
from include.warehouse.embedded.errors import SET_NON_GRANTED_ROLE, UNKNOWN_SETTING, ClickHouseError
from include.warehouse.embedded.forms import ExternalTable

_NAME = re.compile(r"[A-Za-z_][\w.]*\Z")


def connect(path: Path, readonly: bool) -> Any:
    """Open a connection of a user. A read-only one is held by its role and by readonly = 2 in the engine."""
    connection = chdb.connect(str(path))
    take_user_role(connection, readonly)
    if readonly:
        connection.query("SET readonly = 2", "Null")
    return connection


def take_user_role(connection: Any, readonly: bool) -> None:
    """Give a connection the role of its user."""
    connection.query(f"SET ROLE {READER_ROLE if readonly else ADMIN_ROLE}", "Null")


def set_roles(connection: Any, roles: tuple[str, ...], readonly: bool) -> None:
    """Narrow a connection to some of the user's roles. A read-only user has one, and keeps it."""
    if readonly and roles != (READER_ROLE,):
        raise ClickHouseError.of(SET_NON_GRANTED_ROLE, f"Role {roles[0]} should be granted to set current")
    if not readonly:
        connection.query("SET ROLE " + ", ".join(map(quote_name, roles)), "Null")


def create_external(connection: Any, tables: tuple[ExternalTable, ...]) -> None:
    """Make temporary tables of the data that came with the query."""
    for table in tables:
        name = quote_name(table.name)
        connection.query(f"CREATE TEMPORARY TABLE {name} ({table.structure}) ENGINE = Memory", "Null")


def fill_external(connection: Any, tables: tuple[ExternalTable, ...]) -> None:
    """Read the data into these tables, by the settings of the query."""
    for table in tables:
        source = f"FROM INFILE {quote(str(table.path))} COMPRESSION 'none' SETTINGS log_queries = 0"
        insert = f"INSERT INTO {quote_name(table.name)} {source} FORMAT {quote_name(table.format)}"
        connection.query(insert, "Null")


def drop_external(connection: Any, tables: tuple[ExternalTable, ...]) -> None:
    """Drop these tables again, on a connection that lives on."""
    for table in tables:
        with contextlib.suppress(Exception):
            connection.query(f"DROP TEMPORARY TABLE IF EXISTS {quote_name(table.name)}", "Null")


def check_names(settings: dict[str, str]) -> None:
    """Refuse names that cannot be settings, before they become part of a statement."""
    for name in settings:
        if not _NAME.match(name):
            raise ClickHouseError.of(UNKNOWN_SETTING, f"Unknown setting '{name}'")


def apply(connection: Any, database: str, settings: dict[str, str]) -> None:
    """Apply database and settings."""
    if database:
        connection.query(f"USE {quote_name(database)}", "Null")
    connection.query("SET " + ", ".join(f"{n} = {quote(v)}" for n, v in settings.items()), "Null")


def apply_for_one_query(
    connection: Any, database: str, settings: dict[str, str], keep_database: bool, known: dict[str, str]
) -> tuple[Callable[[], None], str]:
    """Apply database and settings on a connection that lives on; returns what takes them back, and the time zone.

    ``known`` has what the connection is known to stand at, and is filled: to ask takes longer than most queries.
    """
    asked = ["timezone()", "currentDatabase()", *(f"toString(getSetting({quote(name)}))" for name in settings)]
    if missing := [word for word in asked if word not in known]:
        answer = connection.query(f"SELECT {', '.join(missing)}", "JSONCompactEachRow")
        known.update(zip(missing, json_row(answer.bytes()), strict=True))
    zone, *before = (known[word] for word in asked)
    try:
        apply(connection, database, settings)
    except Exception:
        connection.query(f"USE {quote_name(before[0])}", "Null")
        raise

    def restore() -> None:
        if database and not keep_database:
            with contextlib.suppress(Exception):
                connection.query(f"USE {quote_name(before[0])}", "Null")
        changes = [f"{name} = {quote(value)}" for name, value in zip(settings, before[1:], strict=True)]
        try:
            connection.query("SET " + ", ".join(changes), "Null")
        except Exception:  # readonly = 2 from the client cannot be taken back: then what can, one by one
            known.clear()
            for change in changes:
                with contextlib.suppress(Exception):
                    connection.query(f"SET {change}", "Null")

    return restore, settings.get("session_timezone") or zone


def json_row(line: bytes) -> list[str]:
    """Read a row of JSONCompactEachRow as texts."""
    return [str(value) for value in json.loads(line)]


def quote(text: str) -> str:
    """Write a string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """Write a quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
