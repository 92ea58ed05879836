"""Just enough reading of SQL: where the data of an INSERT begins, where FORMAT stands, what must be refused.

What a statement *does* is never decided here; the engine's own parser is asked (`Engine.classify`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from include.warehouse.embedded.errors import ACCESS_DENIED, INTO_OUTFILE_NOT_ALLOWED, SYNTAX_ERROR, ClickHouseError
from include.warehouse.embedded.lexer import Token, tokens

# Without any of these there is nothing to refuse: whole words, names that something like a call follows, and quoted
# names with escapes. The comment that dbt writes into every statement speaks of its profile.
_SUSPECT = re.compile(
    rb"\b(?:outfile|infile|role)\b"
    rb"|\b(?:file|filecluster|filesystem|python|eval|executable|executablepool|url|sqlite)"
    rb"(?:[`\"]|\xe2\x80\x9d)?\s*(?:[(/#\x80-\xff]|--)"
    rb"|[`\"][^`\"]*\\",
    re.IGNORECASE,
)
# Functions and engines that reach files or programs by any path, or run a text that cannot be looked at.
_CLOSED = {"python", "filesystem", "eval", "executable", "executablepool", "sqlite"}
_INPUT = re.compile(rb"\binput\b", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Insert:
    """An INSERT that takes data: the statement up to the data, and where the parts of it are."""

    data_at: int
    format: str
    clause_at: int
    format_at: int
    input_call: tuple[int, int] | None
    is_values: bool


def insert_with_data(sql: bytes) -> Insert | None:
    """Describe an INSERT whose data follows the statement; None for any other statement."""
    depth, settings_at = 0, -1
    first = True
    select = False
    input_at: tuple[int, int] | None = None
    open_input = -1
    before: Token | None = None
    for token in tokens(sql):
        if first:
            if not token.is_word(b"INSERT"):
                return None
            first = False
        if token.kind == "mark" and token.text in b"([{":
            if token.text == b"(" and before is not None and before.name == "input" and input_at is None:
                input_at, open_input = (before.start, -1), depth
            depth += 1
        elif token.kind == "mark" and token.text in b")]}":
            depth -= 1
            if input_at is not None and input_at[1] < 0 and depth == open_input:
                input_at = (input_at[0], token.end)
        elif depth == 0 and token.is_word(b"SELECT", b"WITH"):
            if input_at is None and _INPUT.search(sql, token.end) is None:
                return None  # the data is what the engine selects
            select = True
        elif depth == 0 and token.is_word(b"SETTINGS") and settings_at < 0 and not select:
            settings_at = token.start
        elif depth == 0 and before is not None and before.is_word(b"FORMAT") and token.kind == "word":
            if select and input_at is None:
                return None
            at = settings_at if settings_at >= 0 else before.start
            data_at = _data_start(sql, token.end)
            is_values = token.text.upper() == b"VALUES"
            return Insert(data_at, token.text.decode(), at, before.start, input_at, is_values)
        elif depth == 0 and token.is_word(b"VALUES") and not select and not _names_table(before):
            at = settings_at if settings_at >= 0 else token.start
            return Insert(token.end, "Values", at, token.start, None, True)
        before = token
    return None


def _names_table(before: Token | None) -> bool:
    return before is None or before.is_word(b"INTO", b"TABLE") or before.text == b"."


def _data_start(sql: bytes, at: int) -> int:
    match = re.compile(rb"[ \t\f]*;?[ \t\f]*\r?\n?").match(sql, at)
    return match.end() if match else at


def from_file(sql: bytes, insert: Insert, path: Path, compression: str) -> bytes:
    """Rewrite an INSERT so that the engine reads the data from a file of ours, at its own speed."""
    quoted = str(path).replace("\\", "\\\\").replace("'", "\\'").encode()
    if insert.input_call is not None:
        start, end = insert.input_call
        structure = sql[sql.index(b"(", start) + 1 : end - 1]
        method, form = compression.encode(), insert.format.encode()
        call = b"file('%s', '%s', %s, '%s')" % (quoted, form, structure, method)
        return sql[:start] + call + sql[end : insert.format_at]
    clause = b"FROM INFILE '%s' COMPRESSION '%s' " % (quoted, compression.encode())
    tail = sql[insert.clause_at : insert.format_at]
    return sql[: insert.clause_at] + clause + tail + b"FORMAT " + insert.format.encode()


def to_pipe(sql: bytes, fd: int, default_format: str) -> tuple[bytes, str, str]:
    """Rewrite a reading statement so that the engine writes its result into a pipe of ours.

    Returns the statement, the format that the result has, and the text that was added.
    """
    found = list(tokens(sql))
    while found and found[-1].text == b";":
        found.pop()
    if not found:
        raise ClickHouseError.of(SYNTAX_ERROR, "Empty query")
    end = found[-1].end
    at, tail, name = end, b"", default_format
    for index in range(len(found) - 2, -1, -1):
        follows = found[index + 2] if index + 2 < len(found) else None
        if not found[index].is_word(b"FORMAT") or found[index + 1].kind != "word":
            continue
        if follows is None or follows.is_word(b"SETTINGS"):
            if index == 0:
                raise ClickHouseError.of(SYNTAX_ERROR, "Empty query")
            # Where the statement before it ends: a line comment between the two would swallow what is added.
            at, name = found[index - 1].end, found[index + 1].text.decode()
            tail = sql[found[index + 1].end : end]
        break
    added = f" INTO OUTFILE '/proc/self/fd/{fd}' TRUNCATE FORMAT {name}"
    return sql[:at] + added.encode() + tail, name, added


def replace_strings(sql: bytes, mapping: dict[str, str]) -> bytes:
    """Replace whole string literals by others (used to translate query ids in KILL QUERY)."""
    out, at = b"", 0
    for token in tokens(sql):
        new = mapping.get(token.text[1:-1].decode("utf-8", "replace")) if token.kind == "string" else None
        if new is not None:
            out += sql[at : token.start] + b"'" + new.encode() + b"'"
            at = token.end
    return out + sql[at:]


def refuse_unsafe(sql: bytes, user_files: Path, readonly_user: bool) -> None:
    """Refuse what would reach outside the sandbox and what the engine itself does not close.

    chDB runs as clickhouse-local: INTO OUTFILE, FROM INFILE, `file()` with any path and `Python()` are open
    in it. Grants close file, url, remote and s3 table functions to read-only users; the scalar function
    `file()` and SET ROLE are closed here.
    """
    if not _SUSPECT.search(sql):
        return
    # What is not ASCII out of quotes is white space to the engine, or it refuses the statement.
    found = [token for token in tokens(sql) if token.kind != "mark" or token.text < b"\x80"]
    for index, token in enumerate(found):
        after = found[index + 1] if index + 1 < len(found) else None
        if after is None:
            break
        string_next = index + 2 < len(found) and found[index + 2].kind == "string"
        if token.is_word(b"INTO") and after.is_word(b"OUTFILE") and string_next:
            raise ClickHouseError.of(INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed")
        if token.is_word(b"FROM") and after.is_word(b"INFILE") and string_next:
            raise ClickHouseError.of(ACCESS_DENIED, "FROM INFILE is not allowed, send the data as the body")
        if readonly_user and token.is_word(b"SET", b"DEFAULT") and after.is_word(b"ROLE"):
            raise ClickHouseError.of(ACCESS_DENIED, "Not enough privileges to change the role")
        if after.text != b"(":
            continue
        if token.kind == "quoted" and b"\\" in token.text:
            raise ClickHouseError.of(ACCESS_DENIED, "Write the name of a function without escapes")
        if token.name in _CLOSED:
            raise ClickHouseError.of(ACCESS_DENIED, f"{token.name}() is closed in this server")
        if token.name in ("file", "filecluster"):
            if readonly_user:
                raise ClickHouseError.of(ACCESS_DENIED, "Not enough privileges to read files")
            _refuse_path(_literal(found, index + 2), user_files)
        elif token.name == "url" and (address := _literal(found, index + 2)).lower().startswith("file:"):
            _refuse_path(re.sub(r"^\w+:(//)?", "", address), user_files)


def _literal(found: list[Token], index: int) -> str:
    """Return the text of an argument, which must be a plain string literal: what is computed cannot be judged here."""
    text = found[index].text.decode("utf-8", "replace") if index < len(found) else ""
    match = re.fullmatch(r"'((?:[^'\\]|\\[\\']|'')*)'", text, re.DOTALL)
    if match is None:
        reason = f"The first argument of {found[index - 2].name}() must be a string literal, without escapes"
        raise ClickHouseError.of(ACCESS_DENIED, reason)
    return re.sub(r"\\(.)|'(')", r"\1\2", match.group(1))


def _refuse_path(text: str, user_files: Path) -> None:
    for path in _alternatives(text):
        fixed = _GLOB.split(path, maxsplit=1)[0]
        archive = fixed.split(" :: ")[0].strip()
        resolved = os.path.realpath(user_files / archive)
        inside = resolved == str(user_files) or resolved.startswith(f"{user_files}{os.sep}")
        if not inside or ".." in path.split("/"):
            raise ClickHouseError.of(291, f"File path `{text}` is not inside the user files folder")


def _alternatives(path: str) -> Iterator[str]:
    """Yield the paths that `{a,b}` stands for."""
    match = re.search(r"\{([^{}]*)\}", path)
    if match is None:
        yield path
        return
    for choice in match.group(1).split(","):
        yield from _alternatives(path[: match.start()] + choice + path[match.end() :])
