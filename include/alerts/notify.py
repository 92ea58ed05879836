"""What happens after a publication: each workspace that asked for it hears of what is new, and once a day of the whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from include.api.money import meaning
from include.settings import Settings, get_settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from include.alerts.store import Wish

log = logging.getLogger(__name__)

SHOWN = 10

Digest = Callable[[], tuple[str, str]]


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
            for kind, count in _send_to_all(engine, wish, settings).items():
                counts[kind] += count
    finally:
        engine.dispose()
    return counts


def _send_to_all(engine: Engine, wish: Wish, settings: Settings) -> dict[str, int]:
    """Each target by itself: one that is away holds up no other, and no other hears twice because of it."""
    from include.alerts import store, targets

    told: dict[str, set[str]] = {"insights": set(), "digests": set()}
    failed = 0

    # Written once for all: a model may write it, and no two targets should read different words.
    @cache
    def digest() -> tuple[str, str]:
        return digest_text(wish.workspace, settings)

    try:
        listed = targets.opened(wish.targets, settings)
        if not listed:
            raise NotSent("no targets are set")
    except (targets.BadTarget, NotSent) as error:
        log.warning("nothing was sent of %s: %s", wish.workspace, error)
        return {"failed": 1}
    for number, url in enumerate(listed, 1):
        target = Target(url, number, targets.marks(url, settings))
        for kind, tell in (("insights", tell_news), ("digests", tell_digest)):
            # Sent inside the transaction that notes it: another run waits its turn, and a failure leaves it due.
            try:
                with engine.begin() as connection:
                    if store.lock(connection, wish.workspace):
                        told[kind] |= tell(connection, wish, target, settings, digest)
            except Exception as error:
                failed += 1
                log.warning("%s of %s were not sent: %s", kind, wish.workspace, error)
    return {kind: len(subjects) for kind, subjects in told.items()} | {"failed": failed}


def tell_news(connection: Connection, wish: Wish, target: Target, settings: Settings, _: Digest) -> set[str]:
    """Tell a target of new insights, all in one message; which. Raises ``NotSent``, ``BadTarget``."""
    from include.alerts import store

    rows = store.news(connection, wish, target.marks)
    if rows:
        count = f"{len(rows)} new insight{'s' if len(rows) > 1 else ''}"
        title = (
            f"InsightFlow {wish.workspace}: {count}"
            if len(rows) > 1
            else f"InsightFlow {wish.workspace}: {rows[0].title}"
        )
        send(target, settings, title, news_text(rows, settings))
        store.told(connection, rows, target.marks[0])
    return {row.insight_key for row in rows}


def tell_digest(connection: Connection, wish: Wish, target: Target, settings: Settings, digest: Digest) -> set[str]:
    """Tell a target of the last day as a whole, once a day; of which. Raises ``NotSent``, ``BadTarget``."""
    from include.alerts import store

    if not wish.digest or not store.digest_is_due(connection, wish.workspace, target.marks):
        return set()
    title, body = digest()
    if not body:
        return set()
    send(target, settings, title, body)
    store.digest_sent(connection, wish.workspace, target.marks[0])
    return {title}


def news_text(rows: Sequence[Any], settings: Settings) -> str:
    """The insights in plain text, each with its money and a link."""
    parts = []
    for row in rows[:SHOWN]:
        money = ""
        if row.impact_amount is not None:
            money = f"{row.impact_amount:,.2f} {row.impact_currency} {meaning(row.kind)}. "
        query = urlencode({"view": "inbox", "workspace": row.workspace, "id": row.id})
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


@dataclass(frozen=True)
class Target:
    """An address of a workspace, its place in the list, and by what the log knows it."""

    url: str
    number: int
    marks: Sequence[str]


def send(target: Target, settings: Settings, title: str, body: str) -> None:
    """Raises ``NotSent``, ``BadTarget``."""
    import apprise

    from include.alerts.targets import check_one, shown

    check_one(target.url, target.number, settings)
    sender = apprise.Apprise()
    sender.add(target.url)
    # Text of exports is text: no target may take it for markup.
    if not sender.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT):
        raise NotSent(f"Target {target.number} ({shown([target.url])[0]}) did not take the message.")


def try_out(workspace: str, listed: Sequence[str], settings: Settings) -> list[tuple[str, str]]:
    """Send a test message to each of the addresses: their names without secrets, and why one did not take it."""
    from include.alerts.targets import BadTarget, marks, shown

    results = []
    for number, (url, name) in enumerate(zip(listed, shown(list(listed)), strict=True), 1):
        why = ""
        try:
            target = Target(url, number, marks(url, settings))
            send(target, settings, f"InsightFlow {workspace}: test", "Alerts of this workspace arrive here.")
        except (NotSent, BadTarget) as error:
            why = str(error)
        results.append((name, why))
    return results
