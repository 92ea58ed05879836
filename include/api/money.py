"""What the money of an insight means, in the words that follow its amount: the one place that tells gains from losses."""

from __future__ import annotations

AT_STAKE = "at stake"
# Of a day or a week, not of the insight's own days: it adds to nothing.
OF_A_DAY_OR_WEEK = {
    "top_performer": "a day to gain",
    "worst_performer": "a day to gain",
    "budget_shift": "a week to gain",
    "concentration_risk": "a day depends on it",
}
_OTHER = {**OF_A_DAY_OR_WEEK, "missing_rate": "spent without a rate"}
# Kinds that are no part of a sum of what is at stake.
NOT_SUMMED = tuple(_OTHER)


def meaning(kind: str) -> str:
    """What follows the amount: ``at stake``, ``a week to gain``."""
    return _OTHER.get(kind, AT_STAKE)
