"""Why a whole file is refused."""

from __future__ import annotations


class RefusedFile(Exception):
    """Nothing of the file loads. ``reason`` is a short code, the text says what is wrong and what to do."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
