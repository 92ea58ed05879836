"""Replacements of partitions that a crash cut off are finished when the engine starts, before anybody reads.

The engine commits the new parts of ``ALTER TABLE … REPLACE PARTITION`` and then covers the old ones: after a
``kill -9`` between the two, readers would see both. So the statement is written to a file before it runs, and the file
is removed when it has ended. To run it again gives what the first run would have given: its source is still there, for
nobody has had an answer to go on with.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from include.warehouse.embedded import lexer
from include.warehouse.embedded.connection import apply

SUFFIX = ".json"


def replaces_partition(sql: bytes) -> bool:
    """Whether a statement is an ``ALTER TABLE`` that replaces partitions."""
    if lexer.first_words(sql) != (b"ALTER", b"TABLE"):
        return False
    words = [token.text.upper() for token in lexer.tokens(sql) if token.kind == "word"]
    return (b"REPLACE", b"PARTITION") in pairwise(words)


@contextlib.contextmanager
def noted(folder: Path, query_id: str, sql: bytes, database: str, params: dict[str, str]) -> Iterator[None]:
    """Keep a statement on disk while it runs, if it replaces partitions."""
    if not replaces_partition(sql):
        yield
        return
    path = write(folder, query_id, sql, database, params)
    try:
        yield
    finally:
        # Also after an error: the client has it, and decides.
        path.unlink(missing_ok=True)


def write(folder: Path, query_id: str, sql: bytes, database: str, params: dict[str, str]) -> Path:
    """Write a statement to the folder, durably."""
    content = json.dumps({"sql": sql.decode("latin-1"), "database": database, "params": params, "query_id": query_id})
    path = folder / f"{time.time_ns()}-{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}"
    draft = path.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync(folder)
    return path


def finish(folder: Path, connection: Any) -> int:
    """Run again what was cut off, oldest first; return how many statements. One that fails is told and left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    for draft in folder.glob("*.part"):
        draft.unlink()  # never began
    done = 0
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        noted = json.loads(path.read_text())
        sql = noted["sql"].encode("latin-1")
        try:
            apply(connection, noted["database"], {"log_queries": "0"})
            connection.query(sql, "Null", params=noted["params"])
            done += 1
        except Exception as error:
            # Its table is gone, or it could not have run: nothing is half done.
            print(f"not repeated after a crash: {sql[:300]!r}: {error}", file=sys.stderr)
        path.unlink()
    return done


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
