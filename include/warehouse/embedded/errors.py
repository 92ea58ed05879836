"""Errors of the server: ClickHouse exception codes and the HTTP status that each one answers with."""

from __future__ import annotations

import re

BAD_ARGUMENTS = 36
SYNTAX_ERROR = 62
UNKNOWN_SETTING = 115
READONLY = 164
REQUIRED_PASSWORD = 194
QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
INTO_OUTFILE_NOT_ALLOWED = 358
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
INVALID_SESSION_TIMEOUT = 374
QUERY_WAS_CANCELLED = 394
ACCESS_DENIED = 497
SET_NON_GRANTED_ROLE = 512
AUTHENTICATION_FAILED = 516

_NAMES = {
    SYNTAX_ERROR: "SYNTAX_ERROR",
    READONLY: "READONLY",
    REQUIRED_PASSWORD: "REQUIRED_PASSWORD",
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
    INTO_OUTFILE_NOT_ALLOWED: "INTO_OUTFILE_NOT_ALLOWED",
    SESSION_NOT_FOUND: "SESSION_NOT_FOUND",
    SESSION_IS_LOCKED: "SESSION_IS_LOCKED",
    QUERY_WAS_CANCELLED: "QUERY_WAS_CANCELLED",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    SET_NON_GRANTED_ROLE: "SET_NON_GRANTED_ROLE",
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    UNKNOWN_SETTING: "UNKNOWN_SETTING",
    39: "TOO_LARGE_SIZE_COMPRESSED",
    40: "CHECKSUM_DOESNT_MATCH",
    48: "NOT_IMPLEMENTED",
    89: "UNKNOWN_COMPRESSION_METHOD",
    229: "QUERY_IS_TOO_LARGE",
    271: "CANNOT_DECOMPRESS",
    291: "DATABASE_ACCESS_DENIED",
    354: "ZLIB_INFLATE_FAILED",
    INVALID_SESSION_TIMEOUT: "INVALID_SESSION_TIMEOUT",
    448: "BROTLI_READ_FAILED",
    561: "ZSTD_DECODER_FAILED",
    618: "LZ4_DECODER_FAILED",
    1002: "UNKNOWN_EXCEPTION",
}

_PARSING = (6, 25, 26, 27, 38, 41, 72, 376, 427, 441, 675, 676)
# As ClickHouse maps them; anything else is 500.
_STATUS = {
    401: (REQUIRED_PASSWORD,),
    403: (192, 193, ACCESS_DENIED, AUTHENTICATION_FAILED, SET_NON_GRANTED_ROLE),
    400: (*_PARSING, 8, 15, BAD_ARGUMENTS, 37, 44, 53, SYNTAX_ERROR, 117, 123, 167, 168, 223, 321),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, UNKNOWN_SETTING, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    415: (779,),
    501: (48,),
    503: (76, 209, 439),
}
_STATUS_OF = {code: status for status, codes in _STATUS.items() for code in codes}

_CODE = re.compile(r"Code: (\d+)\. DB::")
_NESTED = re.compile(r"^Code: \d+\. DB::(?:\w*)Exception: (?=Code: \d+\. DB::)")


class ClickHouseError(Exception):
    """An error with a ClickHouse exception code, as the client will see it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @classmethod
    def of(cls, code: int, reason: str) -> ClickHouseError:
        """Make an error of ours in the engine's form: `Code: N. DB::Exception: reason. (NAME)`."""
        return cls(code, f"Code: {code}. DB::Exception: {reason}. ({_NAMES.get(code, 'UNKNOWN_EXCEPTION')})")

    @property
    def status(self) -> int:
        """The HTTP status that ClickHouse answers this error with."""
        return _STATUS_OF.get(self.code, 500)


def from_engine(error: BaseException, version: str, hidden: str = "") -> ClickHouseError:
    """Turn what chDB raised into an error for the client.

    `hidden` is text that the server added to the statement; the client did not write it and does not see it.
    """
    text = str(error).replace(hidden, "") if hidden else str(error)
    start = text.find("Code: ")
    text = (text[start:] if start > 0 else text).strip()
    text = _NESTED.sub("", text)
    match = _CODE.match(text)
    if match is None:
        return ClickHouseError.of(1002, text or type(error).__name__)
    if "(version " not in text:
        text = f"{text} (version {version})"
    return ClickHouseError(int(match.group(1)), text)
