"""Files that are wrong, and how that is said."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from include.landing.ledger import LedgerLine
    from include.landing.sniff import Sniffed

log = logging.getLogger(__name__)

# ClickHouse error codes that say "these bytes are not that format" (ErrorCodes.cpp of ClickHouse).
# fmt: off
CONTENT_ERRORS = frozenset({
    6, 7, 8, 10, 15, 25, 26, 27, 32, 33, 34, 38, 41, 53, 69, 72, 117,
    131, 252, 271, 347, 354, 441, 561, 563, 636, 1000, 1001,
})
# fmt: on


# Of the statement that a file's columns lead to: a type that nobody thought of. It would fail as long as the file lies there.
STATEMENT_ERRORS = frozenset({43, 44, 50, 62, 70, 386})


class RefusedFile(Exception):
    """A file that cannot be taken as it is: ``reason`` for machines, the message with the remedy for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def refuse(line: LedgerLine, refusal: RefusedFile) -> None:
    """Note on a ledger line that nothing of its file loads, and why."""
    line.status, line.error = "rejected", f"{refusal.reason}: {refusal}"
    line.rows_read = line.rows_loaded = line.rows_rejected = line.rows_skipped = 0
    line.skipped, line.rejected, line.date_min, line.date_max = {}, {}, None, None


def refusal_of(error: Exception, sniffed: Sniffed | None, key: str) -> RefusedFile:
    """Why a file is refused on which reading stumbled. A surprise refuses its file alone, so that a file of a kind
    that nobody thought of does not hold up all others; its trace is in the log."""
    if isinstance(error, RefusedFile):
        return error
    if sniffed is not None and error_code(error) not in {0, *STATEMENT_ERRORS}:
        return content_refusal(sniffed, error)
    log.error("unexpected content of %s", key, exc_info=error)
    return RefusedFile(
        "unreadable_file",
        f"the file could not be understood ({type(error).__name__}: {first_line(error)}); export it again, or report "
        "this with the file",
    )


def content_refusal(sniffed: Sniffed, error: Exception) -> RefusedFile:
    """What ClickHouse's complaint about a file's bytes means to the person who dropped it."""
    where = re.search(r"\(at row (\d+)\)", str(error))
    place = f" at record {where.group(1)}" if where else ""
    end = sniffed.tail.rstrip().rstrip(b"\x00")
    closing = (b"]",) if sniffed.head.lstrip("\ufeff \t\r\n").startswith("[") else (b"}", b"]")
    cut_json = sniffed.format == "json" and sniffed.tail and not end.endswith(closing)
    if cut_json or sniffed.compression != "none" or sniffed.format == "parquet" or error_code(error) in (32, 33):
        return RefusedFile("truncated_file", f"the file breaks off{place}; the upload was cut: upload the file again")
    return RefusedFile(
        "malformed_file",
        f"the {sniffed.format} cannot be read{place} ({first_line(error)[:160]}); export it again",
    )


# How the network library below ClickHouse says that a bucket broke off; it has no code of its own for it.
NETWORK = re.compile(r"connection (reset|refused|aborted)|broken pipe|time-?out|host not found|ssl|net exception", re.I)
POCO_EXCEPTION, NETWORK_ERROR = 1000, 210


def error_code(error: Exception) -> int:
    """ClickHouse's code of an error, 0 where it names none."""
    hit = re.search(r"Code: (\d+)", str(error))
    code = int(hit.group(1)) if hit else 0
    return NETWORK_ERROR if code == POCO_EXCEPTION and NETWORK.search(str(error)) else code


def first_line(error: Exception) -> str:
    """An error in one line, without the server's prefix."""
    text = re.sub(r"\s+", " ", str(error))
    return re.sub(r"^.*?DB::Exception: ", "", text)[:300]
