"""The output of a query, read from a pipe that the engine writes into.

Written by hand on `add_reader`: the transports of uvloop close a pipe's descriptor twice, and in a process whose
threads open files all the time the second close hits a descriptor that belongs to somebody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os

PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031


class Output:
    """What a query answers: from a pipe, or given as a whole at the end."""

    def __init__(self, read_end: int = -1) -> None:
        self._fd = read_end
        self._data = b""
        self._ready = asyncio.Event()
        self._closed = False

    @classmethod
    def piped(cls) -> tuple[Output, int]:
        """Make an output and the descriptor to write it to; the writer closes that one."""
        read_end, write_end = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(write_end, _F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(read_end, False)
        return cls(read_end), write_end

    def give(self, data: bytes) -> None:
        """Give the whole output at once (when there is no pipe)."""
        self._data = data
        self._ready.set()

    async def read(self, size: int) -> bytes:
        """Read some of the output; b'' at its end."""
        if self._fd < 0:
            await self._ready.wait()
            data, self._data = self._data[:size], self._data[size:]
            return data
        while not self._closed:
            try:
                return os.read(self._fd, size)
            except BlockingIOError:
                await self._readable()
        return b""

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._ready.clear()
        loop.add_reader(self._fd, self._ready.set)
        try:
            await self._ready.wait()
        finally:
            if not self._closed:
                loop.remove_reader(self._fd)

    def close(self) -> None:
        """Let go of the pipe; the engine's next write fails."""
        if self._fd >= 0 and not self._closed:
            self._closed = True
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._ready.set()
