"""What a query has read and written, so far or in the end, and how clients are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Stats:
    """Counts of a query; those of one that still runs come from the engine's progress."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    total_rows_to_read: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_ns: int = 0

    @classmethod
    def of_progress(cls, progress: Mapping[str, int]) -> Stats:
        """Take the counts from chDB's progress."""
        return cls(**{name: progress.get(name, 0) for name in cls.__dataclass_fields__})

    @classmethod
    def of_result(cls, result: object, reads_only: bool, elapsed_ns: int) -> Stats:
        """Take the counts from chDB's finished result."""

        def count(name: str) -> int:
            return int(getattr(result, name)())

        rows, size = count("storage_rows_read"), count("storage_bytes_read")
        written, written_size = count("rows_written"), count("bytes_written")
        if written:
            rows, size = rows or count("rows_read"), size or count("bytes_read")
        result_rows = count("rows_read") if reads_only else written
        result_size = count("bytes_read") if reads_only else written_size
        return cls(rows, size, written, written_size, rows, result_rows, result_size, elapsed_ns)

    def json(self) -> bytes:
        """Write the counts as ClickHouse does in its headers: numbers as texts."""
        return json.dumps({name: str(value) for name, value in asdict(self).items()}, separators=(",", ":")).encode()
