"""The one file of a multipart body, as its bytes come in. Nothing is held but the piece at hand."""

from __future__ import annotations

from collections.abc import AsyncIterator

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header


class BadBody(ValueError):
    """The body is not what its headers say; the message is for people."""


class FilePart:
    """Reads a multipart stream; ``name`` and ``content_type`` are known once the first piece is there."""

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary or len(boundary) > 200:
            raise BadBody("The multipart body names no boundary.")
        self.name = ""
        self.content_type = ""
        self._files = 0
        self._in_file = False
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": lambda data, a, b: self._header[0].extend(data[a:b]),
                "on_header_value": lambda data, a, b: self._header[1].extend(data[a:b]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._part_begins,
                "on_part_data": self._part_data,
                "on_part_end": self._part_ends,
                "on_end": self._all_ends,
            },
        )

    async def pieces(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The file's bytes. Raises ``BadBody`` where there is not just one file, or the body breaks off."""
        async for chunk in stream:
            try:
                self._parser.write(chunk)
            except MultipartParseError as error:
                raise BadBody(f"The multipart body cannot be read: {error}.") from error
            if self._files > 1:
                raise BadBody("The body has several files. Send them one by one.")
            taken, self._pieces = self._pieces, []
            for piece in taken:
                yield piece
        if not self._ended:
            raise BadBody("The multipart body breaks off before its end.")
        if not self._files:
            raise BadBody("The multipart body has no file: name a part's filename.")

    def _header_end(self) -> None:
        name, value = self._header
        if len(self._headers) < 20:
            self._headers[bytes(name).lower()] = bytes(value[:2000])
        name.clear()
        value.clear()

    def _part_begins(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b"").decode("latin-1"))
        given = options.get(b"filename")
        self._in_file = given is not None
        if given is not None:
            self._files += 1
            self.name = given.decode("utf-8", errors="replace")
            self.content_type = self._headers.get(b"content-type", b"").decode("latin-1")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])

    def _part_ends(self) -> None:
        self._in_file = False

    def _all_ends(self) -> None:
        self._ended = True
