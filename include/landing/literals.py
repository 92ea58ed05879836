"""NaN and Infinity in JSON: no values of the format, but what data frames and some libraries write.

NaN is their missing number; what is infinite stays, as text that is then refused with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

# A string ends with its line at the latest, so that one without an end spoils no other record.
TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*(?:"|\n|\\?\Z)|-?\b(?:NaN|Infinity)\b', re.DOTALL)
UNFINISHED = re.compile(r"-?\w*\Z")


def write_as_json(texts: Iterable[str], write: Callable[[str], object]) -> int:
    """Write the text with null for NaN and a string for Infinity where they stand as values; how many did."""
    found = 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal found
        token = match.group()
        if token.startswith('"'):
            return token
        found += 1
        return "null" if token.endswith("NaN") else f'"{token}"'

    rest = ""
    for text in texts:
        text = rest + text
        end = _told(text)
        write(TOKEN.sub(replaced, text[:end]))
        rest = text[end:]
    write(TOKEN.sub(replaced, rest))
    return found


def _told(text: str) -> int:
    """Where the last token begins that may go on behind the text."""
    end = len(text)
    for match in TOKEN.finditer(text):
        if match.end() == len(text) and match.group()[-1:] != "\n":
            return match.start()
    word = UNFINISHED.search(text)
    return word.start() if word else end
