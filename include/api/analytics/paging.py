"""Cursors over results of ClickHouse: where the last row of a page stood, by its sort keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


class BadCursor(ValueError):
    """The cursor is not one that this question gave."""


@dataclass(frozen=True)
class Key:
    """One sort key: a column of the result (never a caller's text), its type without Nullable, its direction.

    NULL comes last either way.
    """

    name: str
    type: str
    descending: bool = False


def order_by(keys: Sequence[Key]) -> str:
    """``ORDER BY …`` in which every row has its place."""
    return "ORDER BY " + ", ".join(f"`{k.name}` {'DESC' if k.descending else 'ASC'} NULLS LAST" for k in keys)


def after(keys: Sequence[Key], cursor: str, question: str) -> tuple[str, dict[str, Any]]:
    """Condition for rows behind the cursor, and its parameters: (a, b) after (x, y) is a after x, or a = x and b after y.

    Raises ``BadCursor``.
    """
    values = _decode(cursor, question, len(keys))
    steps: list[str] = []
    ahead: list[str] = []
    parameters: dict[str, Any] = {}
    for number, (key, value) in enumerate(zip(keys, values, strict=True)):
        column, bound = f"`{key.name}`", f"_after{number}"
        if value is None:
            ahead.append(f"isNull({column})")
            continue
        # As text, then typed by the engine: a tampered value is an error of the cursor, not of ours.
        parameters[bound] = value
        known = (
            f"accurateCastOrNull({{{bound}:String}}, {_quoted(key.type)})"
            if key.type != "String"
            else f"{{{bound}:String}}"
        )
        compare = "<" if key.descending else ">"
        steps.append("(" + " AND ".join([*ahead, f"(ifNull({column} {compare} {known}, 0) OR isNull({column}))"]) + ")")
        ahead.append(f"ifNull({column} = {known}, 0)")
    return (" OR ".join(steps) if steps else "0"), parameters


def encode(keys: Sequence[Key], row: dict[str, Any], question: str) -> str:
    """The cursor behind a row."""
    values = [None if row[key.name] is None else _text(row[key.name]) for key in keys]
    return base64.urlsafe_b64encode(json.dumps([_mark(question), *values]).encode()).decode().rstrip("=")


def _quoted(type_name: str) -> str:
    return "'" + type_name.replace("'", "\\'") + "'"


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.isoformat() if isinstance(value, date) else repr(value) if isinstance(value, float) else str(value)


def _decode(cursor: str, question: str, length: int) -> list[str | None]:
    try:
        mark, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadCursor("the cursor is damaged; start again without one") from error
    if mark != _mark(question) or len(values) != length or not all(v is None or isinstance(v, str) for v in values):
        raise BadCursor("the cursor belongs to another question; start again without one")
    return list(values)


def _mark(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:12]
