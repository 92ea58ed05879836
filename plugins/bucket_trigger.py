"""The trigger behind ``marketing_on_drop``: watches the bucket and fires when what lies there changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent


class BucketTrigger(BaseEventTrigger):
    """Fires once the bucket's listing changed and stood still for a poll, so once for a burst of files; also when it
    does not stand still for ``PATIENCE_SECONDS``, and when files stay unknown for long.

    It takes no arguments: the bucket is a setting of the installation, read where the trigger runs. The listing
    seen last is kept in Airflow, so a restart neither repeats nor loses an event; an event lost all the same is
    made up for by asking the ledger every ``LEDGER_SECONDS``.
    """

    PATIENCE_SECONDS = 7.0
    LEDGER_SECONDS = 60.0
    REPEAT_SECONDS = 600.0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return "bucket_trigger.BucketTrigger", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll for ever."""
        from include.orchestration import watch
        from include.settings import get_settings

        settings = get_settings()
        seen = await self._recall()
        fired_for: frozenset[str] = frozenset()
        fired_at = asked_at = time.monotonic()
        before = seen
        stood_at = time.monotonic()
        while True:
            try:
                now = await asyncio.to_thread(watch.signature, settings)
                if now == seen:
                    stood_at = time.monotonic()
                elif now == before or time.monotonic() - stood_at > self.PATIENCE_SECONDS:
                    seen, stood_at = now, time.monotonic()
                    await self._remember(now)
                    if now != watch.EMPTY:
                        yield TriggerEvent({"reason": "files arrived", "bucket": now})
                before = now
                if time.monotonic() - asked_at > self.LEDGER_SECONDS:
                    asked_at = time.monotonic()
                    waiting = frozenset(await asyncio.to_thread(watch.waiting_files))
                    overdue = time.monotonic() - fired_at > self.REPEAT_SECONDS
                    if waiting and (waiting != fired_for or overdue):
                        fired_for, fired_at = waiting, time.monotonic()
                        yield TriggerEvent({"reason": "files wait", "files": len(waiting)})
            except (OSError, watch.UNREACHABLE) as error:
                self.log.warning("cannot look into the bucket, trying again: %s", error)
                await asyncio.sleep(5)
            await asyncio.sleep(settings.bucket_poll_seconds)

    async def _recall(self) -> str:
        if self.asset_state_store is None:
            return ""
        return str(await self.asset_state_store.aget("listing", "") or "")

    async def _remember(self, signature: str) -> None:
        if self.asset_state_store is not None:
            await self.asset_state_store.aset("listing", signature)
