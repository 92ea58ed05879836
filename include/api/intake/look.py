"""What a file would be taken for, from its first part, as landing recognises it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from include.api.intake.feedback import Feedback, MappedColumn
from include.landing import inspect
from include.landing.sniff import decompressed
from include.landing.specs import KEYS, METRICS, Source
from include.settings import Settings

log = logging.getLogger(__name__)

WHOLE = 4 * 1024 * 1024
HEAD = 256 * 1024
# Columns that name the entity or the place of a row, and those that are never in a file of its grain.
_CORE = ("date", "account_id", "campaign_name", *METRICS)


def look(path: Path, source: Source | None, settings: Settings) -> Feedback | None:
    """Look at a received file; None where the engine or the bucket is away: the file is safe, and is judged later."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from include.landing.bucket import Bucket
    from include.warehouse.client import connect

    sample = _sample(path)
    client = None
    try:
        client = connect(settings)
        found = inspect.inspect_file(sample or path, source, client=client, bucket=Bucket(settings))
    except (ClickHouseError, OSError) as error:
        log.warning("%s was received but could not be looked at: %s", path.name, error)
        return None
    finally:
        if client is not None:
            client.close()
        if sample is not None:
            sample.unlink(missing_ok=True)
    mapped = {column["column"] for column in found.columns}
    return Feedback(
        taken_for=found.source or None,
        shape=found.shape or None,
        format=found.format,
        encoding=found.encoding,
        columns=[MappedColumn(column=c["column"], header=c["header"], divisor=c["divisor"]) for c in found.columns],
        missing=[name for name in _CORE if name not in mapped and _worth_saying(name, mapped)],
        unknown_headers=found.unknown[:50],
        rows_seen=sum(found.counts.values()),
        rows_refused={k: n for k, n in found.counts.items() if k != "loaded" and k not in found.skipped},
        sampled=sample is not None,
        refusal=found.refusal,
        warnings=found.warnings,
    )


def _worth_saying(name: str, mapped: set[str]) -> bool:
    """An id stands for its name and the other way round."""
    twin = name.replace("_id", "_name") if name.endswith("_id") else name.replace("_name", "_id")
    return name not in KEYS or twin not in mapped


def _sample(path: Path) -> Path | None:
    """The first records of a large text as a file of its own; None where the file is looked at whole."""
    if path.stat().st_size <= WHOLE:
        return None
    with path.open("rb") as stream:
        start = stream.read(4)
    compression = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}.get(start[:2], "none")
    if start == b"PAR1" or start[:2] == b"PK":
        return None
    try:
        with path.open("rb") as stream, decompressed(stream, compression) as plain:
            head = plain.read(HEAD)
    except (OSError, EOFError, ValueError):
        return None
    sample = path.with_name(f"{path.name}.head{''.join(_suffixes(path, compression))}")
    sample.write_bytes(cut(head))
    return sample


def _suffixes(path: Path, compression: str) -> list[str]:
    kept = path.suffixes[-2:]
    return kept[:-1] if compression != "none" and len(kept) > 1 else kept[-1:]


def cut(head: bytes) -> bytes:
    """Whole records of a text that was cut off: lines, or the first elements of a JSON array."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"[":
        end = head.rfind(b"\n")
        return head[: end + 1] if end > 0 else head
    text = head.decode("utf-8", errors="ignore").lstrip("\ufeff \t\r\n")
    decoder, position = json.JSONDecoder(), 1
    elements: list[Any] = []
    while len(elements) < 2000:
        while text[position : position + 1] and text[position] in " \t\r\n,":
            position += 1
        try:
            element, position = decoder.raw_decode(text, position)
        except ValueError:
            break
        elements.append(element)
    return json.dumps(elements).encode()
