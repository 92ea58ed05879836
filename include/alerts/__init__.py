"""Telling people: new insights above a threshold and a daily digest, to e-mail, Slack or any webhook, by Apprise."""

from include.alerts.notify import after_publishing

__all__ = ["after_publishing"]
