"""Which shape of which source a file's headers show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from include.landing.specs import Canonical, Format, Made, Shape, Source, Wanted, sources

MONEY = ("cost", "conversion_value")
# A mark that the generic table reads as well (swipes, media_cost) tells nothing where that table understands so much more.
CLEARLY_MORE = 2
# Keys under which tools put any list of records.
WRAPPERS = frozenset({"data", "rows", "results", "records", "items", "elements", "list"})


# Columns of a table of repaired rows: the file and the line that each row was rejected from.
REPAIR_MARKS = ("repair_of", "repair_line")


# Symbols of one currency only; others say nothing.
SYMBOLS = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₺": "TRY", "R$": "BRL", "A$": "AUD", "CA$": "CAD", "US$": "USD",
    "$": "",
}  # fmt: skip
CONNECTORS = ("_fivetran_", "_airbyte_", "_sdc_", "_dlt_", "__hevo_")


def is_repair(headers: Sequence[str]) -> bool:
    """Whether a table says of which file's which lines its rows are."""
    return set(REPAIR_MARKS) <= {normal(header) for header in headers}


def of_connector(headers: Sequence[str]) -> bool:
    """Whether a table has the columns that a connector adds to every table of its own: Fivetran, Airbyte, Singer's taps
    (Stitch, Meltano), dlt, Hevo."""
    return any(normal(header).startswith(CONNECTORS) for header in headers)


@dataclass(frozen=True)
class Found:
    """Where a canonical value is: one header as sent, or the headers that it is made of and how."""

    headers: tuple[str, ...]
    made: Made | None = None

    def __str__(self) -> str:
        if self.made is None or self.made.part_of or self.made.local_day_of or self.made.value_of:
            return self.headers[0]
        return {bool(self.made.product_of): " * ", bool(self.made.date_of): "-"}.get(True, " + ").join(self.headers)


@dataclass(frozen=True)
class Match:
    """A shape that fits: canonical column → where it is, segment → where it is, currency known for the file."""

    source: Source
    shape: Shape
    columns: dict[Canonical, Found]
    segments: dict[str, Found]
    currency: str = ""
    marked: bool = True
    """Whether the file shows a mark of the shape (``recognise``); without one only its folder names the source."""
    measures: dict[str, str] = field(default_factory=dict)
    """Measure → its header as sent."""
    weak: bool = False
    """Whether the generic table reads all marks that the file shows, so that they name no platform for sure."""

    @property
    def understood(self) -> int:
        """How many of the file's headers mean something to the shape."""
        return len(self.columns) + len(self.segments) + len(self.measures)

    @property
    def score(self) -> tuple[int, int, int]:
        """What finds the cost of ads before what does not, named platforms before the generic table, then the number of
        headers understood."""
        costed = self.source.kind != "ads" or "cost" in self.columns
        return (int(costed), int(self.source.source != "generic"), self.understood)

    def divisor(self, column: Canonical) -> int:
        """What the column's numbers are divided by: 1000000 for micros, else 1."""
        wanted = {normal(header): divisor for header, divisor in self.shape.divisors.items()}
        found = self.columns.get(column)
        return wanted.get(normal(found.headers[0]), 1) if found else 1


@dataclass(frozen=True)
class Miss:
    """A shape that does not fit, and the groups of required columns of which none is there."""

    source: Source
    shape: Shape
    missing: tuple[tuple[str, ...], ...] = field(default=())


def tidy(header: str) -> str:
    """Header as patterns see it: no surrounding or doubled blanks or line breaks, no byte order mark."""
    return re.sub(r"\s+", " ", header.replace("\ufeff", "")).strip()


@lru_cache(maxsize=20_000)
def normal(header: str) -> str:
    """Header as compared: tidy, case folded."""
    return tidy(header).casefold()


@lru_cache(maxsize=1)
def _generic_headers() -> frozenset[str]:
    """All headers that the generic table names, as compared."""
    return frozenset(normal(header) for shape in sources()["generic"].shapes for header in shape.headers())


@lru_cache(maxsize=1)
def vocabulary() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """All headers that any spec names, as compared, and the patterns of those that are patterns."""
    named = [h for spec in sources().values() for shape in spec.shapes for h in shape.headers()]
    patterns = {h.removeprefix("regex:") for h in named if h.startswith("regex:")}
    return frozenset(map(normal, named)), tuple(re.compile(pattern) for pattern in sorted(patterns))


def is_known(header: str) -> bool:
    """Whether any spec knows the header."""
    names, patterns = vocabulary()
    return normal(header) in names or any(pattern.search(tidy(header)) for pattern in patterns)


def _find(wanted: Wanted, headers: dict[str, str]) -> tuple[Found, str] | None:
    """First wanted value that is there, with the currency that its pattern names."""
    for want in wanted:
        if isinstance(want, Made):
            there = tuple(headers[normal(h)] for h in want.headers if normal(h) in headers)
            if len(there) == len(want.headers) or (want.sum_of and there):
                return Found(there, want), ""
        elif want.startswith("regex:"):
            for header in headers.values():
                hit = re.search(want.removeprefix("regex:"), tidy(header))
                if hit:
                    named = (hit.group(1) if hit.groups() else "") or ""
                    return Found((header,)), SYMBOLS.get(named, named.upper())
        elif normal(want) in headers:
            return Found((headers[normal(want)],)), ""
    return None


def match_shape(source: Source, shape: Shape, names: Sequence[str], preamble: str = "") -> Match | Miss:
    """Hold one shape against the headers of a file and the text before them."""
    headers: dict[str, str] = {}
    for name in names:
        headers.setdefault(normal(name), name)
    columns: dict[Canonical, Found] = {}
    named: dict[str, str] = {}
    for canonical, wanted in shape.columns.items():
        hit = _find(wanted, headers)
        if hit:
            columns[canonical] = hit[0]
            # Only a money column names a currency; of another, a group of its pattern is just a part of its header.
            named[canonical] = hit[1] if canonical in MONEY else ""
    if "date" in columns and set(columns["date"].headers) & {headers.get(normal(day)) for day in shape.day_headers}:
        columns.pop("date_end", None)
    segments = {name: hit[0] for name, wanted in shape.segments.items() if (hit := _find(wanted, headers))}
    measures = {name: hit[0].headers[0] for name, wanted in shape.measures.items() if (hit := _find(wanted, headers))}
    missing = tuple(group for group in shape.required if not any(name in columns or name in measures for name in group))
    if missing:
        return Miss(source, shape, missing)
    always = {normal(header): code for header, code in shape.currencies.items()}
    cost = columns.get("cost")
    own = (always.get(normal(cost.headers[0])) or named["cost"]) if cost else ""
    currency = own or named.get("conversion_value") or shape.currency
    if own:
        columns.pop("currency", None)  # is that of the account or of other money: the cost names its own
    marks = bool(shape.recognise or shape.recognise_preamble)
    shown = [hit[0] for mark in shape.recognise if (hit := _find((mark,), headers))]
    told = any(re.search(pattern, preamble, re.MULTILINE) for pattern in shape.recognise_preamble)
    weak = (
        bool(shown)
        and not told
        and all(normal(header) in _generic_headers() for hit in shown for header in hit.headers)
    )
    return Match(source, shape, columns, segments, currency, bool(not marks or shown or told), measures, weak)


def _reads(shape: Shape, records: str) -> bool:
    """Whether a shape reads records of the JSON list at a path; ``""`` for records that are lines or elements."""
    if not records:
        return not (shape.named_lists or shape.series)
    wrapped = records.rpartition(".")[2] in WRAPPERS
    return records in shape.record_paths or (wrapped and not (shape.named_lists or shape.series))


@lru_cache(maxsize=4096)
def _candidates(
    names: tuple[str, ...], format: Format, folder: str | None, preamble: str, records: str
) -> tuple[Match, ...]:
    found = []
    for spec in [sources()[folder]] if folder else sources().values():
        for shape in spec.shapes:
            if format in shape.formats and _reads(shape, records):
                match = match_shape(spec, shape, names, preamble)
                # What only the lines before the header tell apart (AdWords in micros) is never taken without them.
                if isinstance(match, Match) and (match.marked or (folder and shape.recognise)):
                    found.append(match)
    generic = max((match.understood for match in found if match.source.source == "generic"), default=0)
    if not folder:
        found = [match for match in found if not match.weak or match.understood + CLEARLY_MORE > generic]
    return tuple(sorted(found, key=lambda match: (match.marked, *match.score), reverse=True))


def candidates(
    names: Sequence[str],
    format: Format,
    source: Source | None = None,
    preamble: Sequence[str] = (),
    records: str = "",
) -> tuple[Match, ...]:
    """All shapes that fit the headers, best first; of a JSON list at the path ``records``, those that look for it.

    With a ``source``, only its shapes, also those of which the file shows no mark: its folder says what it is.
    """
    return _candidates(tuple(names), format, source.source if source else None, "\n".join(preamble), records)


def best(
    names: Sequence[str],
    format: Format,
    source: Source | None = None,
    preamble: Sequence[str] = (),
    records: str = "",
) -> Match | None:
    """The shape that fits best, or None where none does or two platforms fit equally."""
    found = candidates(names, format, source, preamble, records)
    if not found:
        return None
    rivals = [match for match in found if match.score == found[0].score and match.source != found[0].source]
    return None if rivals else found[0]


def missing_columns(names: Sequence[str], format: Format, source: Source) -> str:
    """What the closest shape of a source lacks, in words: ``date (as Day, Date)``."""
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
        shape = closest.shape
        # Ignored: names are checked by the spec.
        wanted = [w for name in group for w in shape.columns.get(name, shape.measures.get(name, ()))]  # type: ignore[call-overload]
        headers = [h for w in wanted for h in ((w,) if isinstance(w, str) else w.headers)]
        parts.append(f"{' or '.join(group[:2])} (as {', '.join(headers[:3])})")
    return "missing " + "; ".join(parts)
