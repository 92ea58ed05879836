"""The pieces of a SQL text, cut as the engine's own lexer cuts them: what it takes for a comment or a string must be
one here too, or a call could hide in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    # White space of Unicode is white space to the engine, // a comment, and curly quotes are quotes.
    rb"(?P<skip>(?:\s|\xc2[\x85\xa0]|\xe1\xa0\x8e|\xe2\x80[\x80-\x8d\xa8\xa9\xaf]|\xe2\x81[\x9f\xa0]|\xe3\x80\x80"
    rb"|\xef\xbb\xbf)+|(?:--|//|#[ !])[^\n]*)"
    rb"|(?P<comment>/\*)"
    rb"|(?P<string>'(?:[^'\\]|\\.|'')*'|\xe2\x80\x98.*?\xe2\x80\x99|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    rb'|(?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*"|\xe2\x80\x9c.*?\xe2\x80\x9d)'
    rb"|(?P<word>[^\W\d][\w$]*)"
    rb"|(?P<number>\d[\w.$]*)"
    rb"|(?P<mark>.)",
    re.DOTALL,
)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")


class Token(NamedTuple):
    """A piece of a statement: `kind` is string, quoted, word, number or mark; comments are left out."""

    kind: str
    text: bytes
    start: int
    end: int

    def is_word(self, *words: bytes) -> bool:
        """Say whether this is one of the given keywords (upper case)."""
        return self.kind == "word" and self.text.upper() in words

    @property
    def name(self) -> str:
        """The identifier in lower case, without quotes; '' if this is none."""
        if self.kind == "word":
            return self.text.decode("utf-8", "replace").lower()
        return self.text.decode("utf-8", "replace")[1:-1].lower() if self.kind == "quoted" else ""


def tokens(sql: bytes) -> Iterator[Token]:
    """Yield the tokens of a statement, without white space and comments."""
    at = 0
    while match := _TOKEN.match(sql, at):
        kind, at = match.lastgroup or "mark", match.end()
        if kind == "comment":
            at = _after_comment(sql, at)
        elif kind != "skip":
            yield Token(kind, match.group(), match.start(), at)


def _after_comment(sql: bytes, at: int) -> int:
    """Where a comment ends whose beginning ends here; comments lie within comments."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(sql, at):
        depth += 1 if edge.group() == b"/*" else -1
        if depth == 0:
            return edge.end()
    return len(sql)


def first_words(sql: bytes, count: int = 2) -> tuple[bytes, ...]:
    """Return the first words of a statement in upper case."""
    words: list[bytes] = []
    for token in tokens(sql):
        if token.kind != "word" or len(words) == count:
            break
        words.append(token.text.upper())
    return tuple(words)
