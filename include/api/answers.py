"""Answers that know the version of their data: kept as bytes, sent again for the same question, 304 where unchanged.

A question is a route's path, its parameters and the caller's workspaces. Its answer is good as long as the version of
the tables that it is made of stays. So an unchanged mart is read once, whoever asks how often.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache, TTLCache
from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel

from include.api.analytics.paging import BadCursor
from include.api.backends import Backends
from include.api.scope import Caller
from include.api.versions import INSIGHTS, Versions

JSON = "application/json"
# A private cache may keep it, and asks each time; answers differ by who asks and in which form.
HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization, X-API-Key, Accept"}


@dataclass(frozen=True)
class Kept:
    """An answer's bytes and the version that they were made of."""

    tag: str
    body: bytes


class Answers:
    """Kept answers, bounded by their size in memory. One question that many ask at once is worked out once."""

    def __init__(self, backends: Backends, versions: Versions) -> None:
        self.versions = versions
        self._lock = threading.Lock()
        size = max(backends.settings.api_cache_mb, 0) * 1024 * 1024
        self._kept: LRUCache[str, Kept] = LRUCache(size, getsizeof=lambda kept: len(kept.body) + 512)
        self._working: dict[str, asyncio.Future[bytes]] = {}
        self._asking: TTLCache[str, asyncio.Lock] = TTLCache(2000, 3600)
        self.hits = 0
        self.misses = 0

    def find(self, question: str, tag: str) -> bytes | None:
        """The answer to a question, made of the data of this tag."""
        with self._lock:
            kept = self._kept.get(question)
        return kept.body if kept and kept.tag == tag else None

    def keep(self, question: str, tag: str, body: bytes) -> None:
        """Keep an answer; one that is too large is not kept."""
        with self._lock:
            if len(body) + 512 <= self._kept.maxsize // 4:
                self._kept[question] = Kept(tag, body)

    @property
    def size(self) -> int:
        """Bytes kept."""
        return int(self._kept.currsize)

    async def version(self, sources: Sequence[str], caller: Caller) -> str:
        """The version of the sources; requests that find it old ask once for all of them. Raises ``Unavailable``."""
        known = self.versions.known(sources, caller)
        if known is not None:
            return known
        asking = self._asking.setdefault(str(caller.workspaces) if INSIGHTS in sources else "", asyncio.Lock())
        async with asking:
            known = self.versions.known(sources, caller)
            return known if known is not None else await run_in_threadpool(self.versions.now, sources, caller)

    async def body(self, question: str, tag: str, compute: Callable[[], bytes]) -> bytes:
        """The kept answer, or the one worked out now."""
        known = self.find(question, tag)
        if known is not None:
            self.hits += 1
            return known
        self.misses += 1
        place = f"{tag} {question}"
        working = self._working.get(place)
        if working is None:
            working = asyncio.ensure_future(run_in_threadpool(compute))
            self._working[place] = working
            working.add_done_callback(lambda _: self._working.pop(place, None))
        made = await asyncio.shield(working)
        self.keep(question, tag, made)
        return made


async def answer(
    request: Request,
    caller: Caller,
    sources: Sequence[str],
    compute: Callable[[], BaseModel | list[Any]],
    *,
    part: str = "",
) -> Response:
    """The response of a reading route: 304, a kept answer, or ``compute``'s as JSON.

    ``sources`` are the tables that the answer is made of; ``part`` is what else it depends on, beside path,
    parameters, workspaces and data (the day, for what looks at the clock). Raises what ``compute`` raises.
    """
    answers: Answers = request.app.state.answers
    tag = await tag_of(request, caller, sources, part)
    headers = {**HEADERS, "ETag": tag}
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    question = f"{caller.grants} {request.url.path}?{request.url.query} {part}"

    def work() -> bytes:
        made = compute()
        if isinstance(made, BaseModel):
            return made.model_dump_json().encode()
        import orjson

        return orjson.dumps([item.model_dump(mode="json") for item in made])

    try:
        body = await answers.body(question, tag, work)
    except BadCursor as error:
        raise HTTPException(400, f"{error}.".capitalize()) from error
    return Response(body, media_type=JSON, headers=headers)


async def tag_of(request: Request, caller: Caller, sources: Sequence[str], part: str = "") -> str:
    """The ETag of a question to these sources, as it stands in the header."""
    answers: Answers = request.app.state.answers
    version = await answers.version(sources, caller)
    text = (
        f"{version} {caller.grants} {request.url.path}?{request.url.query} {request.headers.get('accept', '')} {part}"
    )
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def matches(request: Request, tag: str) -> bool:
    """Whether the client has this version already."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in given.split(","))
