"""What happens after a publication: each workspace that asked for it hears of what is new, and once a day of the whole."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from include.settings import Settings, get_settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from include.alerts.store import Wish

log = logging.getLogger(__name__)

SHOWN = 10


def after_publishing(settings: Settings | None = None) -> dict[str, int]:
    """Send what is due; counts of what was told. What fails is logged and tried after the next run: it stops nothing."""
    try:
        return _send_due(settings or get_settings())
    except Exception:
        log.exception("alerts could not be sent; the next publication tries again")
        return {"insights": 0, "digests": 0, "failed": 1}


def _send_due(settings: Settings) -> dict[str, int]:
    from include.alerts import store
    from include.insights.database import make_engine

    counts = {"insights": 0, "digests": 0, "failed": 0}
    engine = make_engine(settings)
    try:
        with engine.begin() as connection:
            wanted = store.wishes(connection)
        for wish in wanted:
            # Sent inside the transaction that notes it: another run waits its turn, and a failure leaves it due.
            for kind, tell in (("insights", tell_news), ("digests", tell_digest)):
                try:
                    with engine.begin() as connection:
                        if store.lock(connection, wish.workspace):
                            counts[kind] += tell(connection, wish, settings)
                except Exception as error:
                    counts["failed"] += 1
                    log.warning("%s of %s were not sent: %s", kind, wish.workspace, error)
    finally:
        engine.dispose()
    return counts


def tell_news(connection: Connection, wish: Wish, settings: Settings) -> int:
    """Tell of new insights, all in one message; how many. Raises ``NotSent``."""
    from include.alerts import store

    rows = store.news(connection, wish)
    if rows:
        count = f"{len(rows)} new insight{'s' if len(rows) > 1 else ''}"
        title = (
            f"InsightFlow {wish.workspace}: {count}"
            if len(rows) > 1
            else f"InsightFlow {wish.workspace}: {rows[0].title}"
        )
        send(wish, settings, title, news_text(rows, settings))
        store.told(connection, rows)
    return len(rows)


def tell_digest(connection: Connection, wish: Wish, settings: Settings) -> int:
    """Tell of the last day as a whole, once a day; 1 or 0. Raises ``NotSent``."""
    from include.alerts import store

    if not wish.digest or not store.digest_is_due(connection, wish.workspace):
        return 0
    title, body = digest_text(wish.workspace, settings)
    if not body:
        return 0
    send(wish, settings, title, body)
    store.digest_sent(connection, wish.workspace)
    return 1


def news_text(rows: Sequence[Any], settings: Settings) -> str:
    """The insights in plain text, each with its money and a link."""
    parts = []
    for row in rows[:SHOWN]:
        money = f"{row.impact_amount:,.2f} {row.impact_currency} at stake. " if row.impact_amount is not None else ""
        query = urlencode({"view": "inbox", "workspace": row.workspace, "insight": row.id})
        parts.append(f"[{row.severity}] {row.title}\n{money}{row.body}\n{settings.public_url}/?{query}")
    if len(rows) > SHOWN:
        query = urlencode({"view": "inbox", "workspace": rows[0].workspace})
        parts.append(f"And {len(rows) - SHOWN} more: {settings.public_url}/?{query}")
    return "\n\n".join(parts)


def digest_text(workspace: str, settings: Settings) -> tuple[str, str]:
    """Title and text of the digest: the summary of the last day with numbers; an empty text where there is none."""
    from include.api.backends import Backends
    from include.api.narrative.write import write
    from include.api.scope import Caller
    from include.api.summary import summarise

    backends = Backends(settings)
    try:
        caller = Caller.of("digest", {workspace: "viewer"})
        summary = summarise(backends, caller, workspace, None, None)
        if summary.period is None:
            return "", ""
        told = write(backends, caller, summary)
    finally:
        backends.close()
    query = urlencode({"workspace": workspace})
    return (
        f"InsightFlow {workspace}: {summary.period.date_to:%d %B %Y}",
        f"{told.text}\n\n{settings.public_url}/?{query}",
    )


class NotSent(RuntimeError):
    """A target did not take the message."""


def send(wish: Wish, settings: Settings, title: str, body: str) -> None:
    """Send to every target of the workspace. Raises ``NotSent``, ``BadTarget``."""
    import apprise

    from include.alerts.targets import check, opened

    targets = opened(wish.targets, settings)
    if not targets:
        raise NotSent("no targets are set")
    check(targets, settings)
    sender = apprise.Apprise()
    for target in targets:
        sender.add(target)
    # Text of exports is text: no target may take it for markup.
    if not sender.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT):
        raise NotSent("a target did not take the message; `bin/insightflow alerts test` tries them one by one")
