"""The specs as text: ``docs/sources.md``, and what the command line says of a source.

``python -m include.landing.document`` writes the page (``make docs`` does).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.landing.recognise import normal
from include.landing.specs import Made, Shape, Source, Wanted, sources

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
INTRODUCTION = """\
<!-- Written by `make docs` from include/landing/sources/*.yml. Do not edit. -->
# Sources

A source is one file in `include/landing/sources/`. A *shape* is one way in which a platform writes its rows: under which
headers a column stands (best first), in which unit, what the file says about itself, and what is no data. Headers are
compared without case and surrounding blanks; the keys of nested JSON are joined by dots. Columns that no shape names are
kept with the raw rows.

A file in `<workspace>/<source>/` is read by that source's shapes; in `<workspace>/inbox/` by the shape that shows one of
its marks (*recognised by*) and understands most headers. `bin/insightflow inspect FILE` says what a file would be taken
for, and what its rows would become.

To add a platform, write one more file ([a walk-through](adding-a-source.md)): `bin/insightflow sources --check
my_platform.yml` says whether it holds together.
"""


@dataclass(frozen=True)
class Line:
    """A canonical column or segment of a shape: where it is, and in which unit."""

    name: str
    headers: tuple[str, ...]
    unit: str = ""


def made_text(made: Made) -> str:
    """How a value is made, in words."""
    if made.sum_of:
        return "sum of " + " + ".join(made.sum_of)
    if made.product_of:
        return " × ".join(made.product_of)
    if made.date_of:
        return "date of " + ", ".join(made.date_of)
    if made.local_day_of:
        return f"local day that begins at the instant {made.local_day_of}"
    if made.value_of:
        return f"{made.value_of} where {made.when} is like {made.matches}"
    return f"part of {made.part_of}: {made.pattern}"


def wanted_text(wanted: Wanted) -> tuple[str, ...]:
    """Headers as a reader of the page takes them: patterns without their mark, made values in words."""
    return tuple(made_text(w) if isinstance(w, Made) else w.replace("regex:", "pattern ", 1) for w in wanted)


def column_lines(shape: Shape) -> list[Line]:
    """The canonical columns of a shape with their headers and units."""
    divisors = {normal(header): divisor for header, divisor in shape.divisors.items()}
    always = {normal(header): code for header, code in shape.currencies.items()}
    lines = []
    for column, wanted in shape.columns.items():
        units = []
        for header in (w if isinstance(w, str) else w.headers[0] for w in wanted):
            if divisor := divisors.get(normal(header)):
                units.append({1_000_000: "micros", 100: "cents"}.get(divisor, f"1/{divisor}"))
            if code := always.get(normal(header)):
                units.append(code)
        mixed = units and len(units) < len(wanted)
        unit = ", ".join(dict.fromkeys(units)) + (" (as the header says)" if mixed else "")
        lines.append(Line(column, wanted_text(wanted), unit))
    return lines


def segment_lines(shape: Shape) -> list[Line]:
    """The segments of a shape: columns that belong to a row's key and are summed away in the facts."""
    return [Line(name, wanted_text(wanted)) for name, wanted in shape.segments.items()]


def measure_lines(shape: Shape) -> list[Line]:
    """The measures of a shape: numbers that are no metric of ads, sessions and their like, or a rate."""
    return [Line(name, wanted_text(wanted)) for name, wanted in shape.measures.items()]


def habits(shape: Shape) -> list[str]:
    """What else a shape says of its files, a sentence each."""
    said = []
    if shape.recognise:
        said.append("Recognised by " + _list(wanted_text(shape.recognise), "or") + ".")
    if shape.recognise_preamble:
        said.append("Recognised by lines before the header like " + _list(shape.recognise_preamble, "or") + ".")
    if shape.records:
        said.append("Records in a document: " + _list(shape.records, "or") + "; or one a line.")
    if shape.named_lists:
        lists = zip(shape.named_lists.values, shape.named_lists.names, strict=True)
        said.append(
            f"Records are `{shape.named_lists.rows}`: "
            + ", ".join(f"`{values}` under the names `{names}`" for values, names in lists)
            + "."
        )
    if shape.series:
        said.append(
            f"Each metric is a list with a value a day, from `{shape.series.start}` on; a day is `series.day` here."
        )
    for event, told in shape.events.items():
        parts = [f"{_list(tier, 'and')}" for tier in told.tiers]
        if parts:
            said.append(f"Event {event}: the first of these that an action list has: " + "; else ".join(parts) + ".")
        elif told.conversions:
            value = f", its value {_list(told.conversion_value, 'or')}" if told.conversion_value else ""
            said.append(f"Event {event}: {_list(told.conversions, 'or')}{value}.")
    if shape.null_tokens:
        said.append("Ids and names that mean nothing: " + _list(shape.null_tokens, "and") + ".")
    if shape.missing_metric != "null":
        left_out = (
            "also in JSON that leaves it out" if _may_leave_out(shape) else "a column that is not there is unknown"
        )
        said.append(f"An empty metric is 0; {left_out}.")
    for rule in shape.skip:
        condition = f"its first cell is like `{rule.first_cell}`"
        if rule.empty:
            condition = f"{_list(rule.empty, 'and')} are empty"
        elif rule.named:
            condition = f"its first cell, an id or a name is like `{rule.named}` and no other id is there"
        said.append(f"Skipped as {rule.reason.replace('_', ' ')} where {condition}.")
    if shape.data_ends:
        said.append("Data end at the first blank line.")
    if shape.empty_report:
        said.append(f"A report without rows says `{shape.empty_report}`.")
    if shape.declared_totals is not None:
        units = " (in units, although rows are in micros)" if shape.totals_divided else ""
        said.append(f"Totals of the line whose first cell is like `{shape.declared_totals}` must agree{units}.")
    if shape.declared_rows:
        said.append(f"The number of rows is declared: `{shape.declared_rows}`; fewer rows mean a cut file.")
    for remark in shape.remarks:
        what = f"refused as {remark.reason}" if remark.reason else "warning"
        said.append(f"A line like `{remark.when}`: {what}: {remark.say}.")
    if shape.exported_at:
        said.append("The time of the export: " + _list(shape.exported_at, "or") + ".")
    if shape.date_style != "auto":
        said.append(f"Dates are {shape.date_style}.")
    return said


def _may_leave_out(shape: Shape) -> bool:
    return shape.missing_metric == "zero" and "json" in shape.formats


def page(specs: Iterable[Source] | None = None) -> str:
    """The page as Markdown."""
    chosen = list(sources().values() if specs is None else specs)
    parts = [INTRODUCTION, _overview(chosen)]
    for spec in chosen:
        parts.append(_source(spec))
    return "\n".join(parts)


def _overview(specs: list[Source]) -> str:
    rows = [
        (f"[{s.source}](#{s.source})", s.title, ", ".join(s.aliases), str(s.restatement_days), s.time_zone)
        for s in specs
    ]
    return _table(("source", "platform", "also called", "days restated", "whose day a date is"), rows)


def _source(spec: Source) -> str:
    lines = [
        f"## {spec.source}",
        "",
        f"{spec.title}. Restated for {spec.restatement_days} days. Days: {spec.time_zone}.",
        "",
    ]
    if spec.hierarchy:
        lines += [_table(tuple(spec.hierarchy), [tuple(spec.hierarchy.values())])]
    lines += [*(f"- {note}." if not note.endswith(".") else f"- {note}" for note in spec.notes), ""]
    for shape in spec.shapes:
        lines += [f"### {shape.id}", "", f"{shape.title} ({', '.join(shape.formats)}).", ""]
        rows = [(line.name, "; ".join(_code(h) for h in line.headers), line.unit) for line in column_lines(shape)]
        rows += [
            (f"segment {line.name}", "; ".join(_code(h) for h in line.headers), "") for line in segment_lines(shape)
        ]
        rows += [
            (f"measure {line.name}", "; ".join(_code(h) for h in line.headers), "") for line in measure_lines(shape)
        ]
        lines += [_table(("column", "headers, best first", "unit"), rows)]
        lines += [*(f"- {said}" for said in habits(shape)), ""]
    return "\n".join(lines)


def _code(header: str) -> str:
    return header if header.startswith(("sum of ", "date of ", "local day ", "part of ")) else f"`{header}`"


def _list(items: Iterable[str], word: str) -> str:
    texts = [f"`{item}`" for item in items]
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + f" {word} " + texts[-1]


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    escaped = [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
    lines = [heads, tuple("---" for _ in heads), *escaped]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
