"""Clients of the soak test that misbehave: they leave in the middle, or are killed."""

from __future__ import annotations

import random
import shutil
import socket
import struct
import subprocess
import time
from urllib.parse import quote

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST instead of FIN


def _post(port: int, sql: str, length: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    head = f"POST /?query={quote(sql)} HTTP/1.1\r\nHost: soak\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def _leave(connection: socket.socket) -> None:
    if random.random() < 0.5:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()


def cut_off(port: int, sql: str, body: bytes) -> None:
    """Send a part of a body and leave: nothing of it may be inserted."""
    connection = _post(port, sql, len(body))
    connection.sendall(body[: random.randrange(len(body))])
    _leave(connection)


def send_and_leave(port: int, sql: str, body: bytes) -> None:
    """Send the whole body and leave before the answer: it may be inserted, whole, or not at all."""
    connection = _post(port, sql, len(body))
    connection.sendall(body)
    time.sleep(random.random() * 0.05)
    _leave(connection)


def read_and_leave(port: int, sql: str, size: int) -> None:
    """Read the beginning of a long result and leave: the server must cancel the query."""
    connection = _post(port, sql, 0)
    while size > 0 and (data := connection.recv(65536)):
        size -= len(data)
    _leave(connection)


def killed_curl(port: int, sql: str, body: bytes) -> None:
    """Let curl upload a body and kill it on the way: inserted whole, or not at all."""
    curl = shutil.which("curl")
    if curl is None:
        return cut_off(port, sql, body)
    url = f"http://127.0.0.1:{port}/?query={quote(sql)}"
    command = [curl, "-sS", "--limit-rate", "200K", "--data-binary", "@-", url]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, bufsize=0
    )
    assert process.stdin is not None
    try:
        process.stdin.write(body)
        process.stdin.close()
        time.sleep(random.random() * 0.3)
    finally:
        process.kill()
        process.wait()
