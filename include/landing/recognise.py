"""Which shape of which source a file's headers show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from include.landing.specs import Canonical, Format, Shape, Source, sources


@dataclass(frozen=True)
class Match:
    """A shape that fits: canonical column → header, segment → header, currency named by a header."""

    source: Source
    shape: Shape
    columns: dict[Canonical, str]
    segments: dict[str, str]
    currency: str = ""

    @property
    def score(self) -> tuple[int, int]:
        """Named platforms before the generic table, then the number of headers understood."""
        return (int(self.source.source != "generic"), len(self.columns) + len(self.segments))


@dataclass(frozen=True)
class Miss:
    """A shape that does not fit, and the groups of required columns of which none is there."""

    source: Source
    shape: Shape
    missing: tuple[tuple[str, ...], ...] = field(default=())


def normal(header: str) -> str:
    """Header as compared: no surrounding or doubled blanks, no byte order mark, case folded."""
    return re.sub(r"\s+", " ", header.replace("\ufeff", "")).strip().casefold()


def _find(wanted: Sequence[str], headers: dict[str, str]) -> tuple[str, str] | None:
    """First wanted header that is there, as ``(header as sent, currency of its pattern)``."""
    for want in wanted:
        if want.startswith("regex:"):
            for header in headers.values():
                hit = re.search(want.removeprefix("regex:"), header.replace("\ufeff", "").strip())
                if hit:
                    return header, hit.group(1) if hit.groups() else ""
        elif normal(want) in headers:
            return headers[normal(want)], ""
    return None


def match_shape(source: Source, shape: Shape, names: Sequence[str]) -> Match | Miss:
    """Hold one shape against the headers of a file."""
    headers: dict[str, str] = {}
    for name in names:
        headers.setdefault(normal(name), name)
    columns: dict[Canonical, str] = {}
    currency = shape.currency
    for canonical, wanted in shape.columns.items():
        hit = _find(wanted, headers)
        if hit:
            columns[canonical] = hit[0]
            currency = hit[1] or currency
    segments = {name: hit[0] for name, wanted in shape.segments.items() if (hit := _find(wanted, headers))}
    missing = tuple(group for group in shape.required if not any(column in columns for column in group))
    if missing or (shape.recognise and _find(shape.recognise, headers) is None):
        return Miss(source, shape, missing)
    return Match(source, shape, columns, segments, currency)


def candidates(names: Sequence[str], format: Format, source: Source | None = None) -> list[Match]:
    """All shapes that fit the headers, best first; only those of ``source`` where one is given."""
    found = []
    for spec in [source] if source else sources().values():
        for shape in spec.shapes:
            if format in shape.formats:
                match = match_shape(spec, shape, names)
                if isinstance(match, Match):
                    found.append(match)
    return sorted(found, key=lambda match: match.score, reverse=True)


def best(names: Sequence[str], format: Format, source: Source | None = None) -> Match | None:
    """The shape that fits best, or None where none does or two platforms fit equally."""
    found = candidates(names, format, source)
    if not found:
        return None
    rivals = [match for match in found if match.score == found[0].score and match.source != found[0].source]
    return None if rivals else found[0]


def missing_columns(names: Sequence[str], format: Format, source: Source) -> str:
    """What the closest shape of a source lacks, in words: ``date (Day, Date)``."""
    misses = [
        miss
        for shape in source.shapes
        if format in shape.formats and isinstance(miss := match_shape(source, shape, names), Miss)
    ]
    if not misses:
        kinds = sorted({kind for shape in source.shapes for kind in shape.formats})
        return f"{source.title} comes as {', '.join(kinds)}, this is {format}"
    closest = min(misses, key=lambda miss: len(miss.missing))
    parts = []
    for group in closest.missing:
        headers = [h for column in group for h in closest.shape.columns.get(column, ())]  # type: ignore[call-overload]
        parts.append(f"{' or '.join(group[:2])} (as {', '.join(headers[:3])})")
    return "missing " + "; ".join(parts) if parts else f"none of the headers that mark a {closest.shape.id}"
