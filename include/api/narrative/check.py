"""Whether a text says only what the facts say: each of its numbers, with its unit, must be one of theirs.

A number may be rounded as far as it is written, and may stand without its sign ("down 10 %" for -10). Digits inside a
name or a title that is a fact, quoted as it is, and dates that are facts, are theirs too. Everything else is invented.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from include.api.narrative.facts import Fact

_WORDS = {
    word: number
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
     "hundred": 100, "thousand": 1000, "million": 1_000_000, "dozen": 12}  # fmt: skip
# Arithmetic in a word: nobody can say from which facts.
_RATIOS = frozenset(
    [
        "half",
        "halved",
        "third",
        "thirds",
        "quarter",
        "quarters",
        "double",
        "doubled",
        "doubling",
        "twice",
        "triple",
        "tripled",
        "thrice",
        "tenfold",
    ]
)
_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_NUMBER = re.compile(
    r"(?P<symbol>[$€£¥])?\s?(?P<number>[0-9]+(?:[,\u202f\u00a0][0-9]{3})*(?:\.[0-9]+)?)"
    r"(?:\s?(?P<scale>k|K|m|M|mn|million|thousand|bn|billion)\b)?(?:\s?(?P<unit>%|percent\b|per cent\b|[A-Z]{3}\b))?"
)
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
_LONGEST = 1500


def inventions(text: str, facts: list[Fact]) -> list[str]:
    """What the text says that no fact does; empty where it may be shown."""
    found = ["it is empty"] if not text.strip() else ["it is too long"] if len(text) > _LONGEST else []
    if re.search(r"https?:|www\.|[<>`\[\]{}|]", text):
        found.append("it has links or markup")
    rest = _without_names(text, facts)
    rest = _without_dates(rest, facts)
    found += [match[0].strip() for match in _NUMBER.finditer(rest) if not _is_known(match, facts)]
    rest = _NUMBER.sub(" ", rest)
    for word in re.findall(r"[a-z]+", rest.lower()):
        # "one of them" counts nothing.
        if word in _RATIOS or (word in _WORDS and word != "one" and not _equal(_WORDS[word], 0, facts, "")):
            found.append(word)
    if re.search(r"\d|[\u00bc-\u00be\u2150-\u215e]", rest):
        found.append("digits that are not readable")
    return found


def _without_names(text: str, facts: list[Fact]) -> str:
    names = sorted({fact.value for fact in facts if isinstance(fact.value, str)}, key=len, reverse=True)
    for name in names:
        if len(name) > 2:
            text = text.replace(name.rstrip("."), " ")
    return text


def _without_dates(text: str, facts: list[Fact]) -> str:
    for fact in facts:
        if isinstance(fact.value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", fact.value):
            day = dt.date.fromisoformat(fact.value)
            for written in _renderings(day):
                text = re.sub(rf"(?<!\w){re.escape(written)}(?!\w)", " ", text, flags=re.IGNORECASE)
    return text


def _renderings(day: dt.date) -> Iterable[str]:
    for month in (f"{day:%B}", f"{day:%b}"):
        for number in (str(day.day), f"{day.day}{_ordinal(day.day)}"):
            yield from (f"{number} {month} {day.year}", f"{month} {number}, {day.year}", f"{month} {number} {day.year}")
            yield from (f"{number} {month}", f"{month} {number}")
        yield f"{month} {day.year}"
    yield day.isoformat()


def _ordinal(number: int) -> str:
    return "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _is_known(match: re.Match[str], facts: list[Fact]) -> bool:
    digits = re.sub(r"[,\u202f\u00a0]", "", match["number"])
    scale = _SCALES.get((match["scale"] or "").lower(), 1.0)
    decimals = len(digits.partition(".")[2])
    unit = match["unit"] or _SYMBOLS.get(match["symbol"] or "", "")
    unit = "%" if unit in ("percent", "per cent") else unit
    return _equal(float(digits) * scale, 0.5 * 10**-decimals * scale, facts, unit)


def _equal(number: float, half: float, facts: list[Fact], unit: str) -> bool:
    """Whether a fact rounds to the number. One that is written with a unit must have it; without, money may stand bare."""
    for fact in facts:
        if isinstance(fact.value, str) or (unit and fact.unit != unit) or (not unit and fact.unit == "%"):
            continue
        if abs(abs(fact.value) - number) <= half * (1 + 1e-9) + 1e-9:
            return True
    return False
