"""sources, inspect, retype: which platforms there are, what each is read as, and what files become."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from include.cli.output import console, fail, plain, say, show

if TYPE_CHECKING:
    from include.landing.inspect import Inspection
    from include.landing.specs import Source

Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(sources)
    app.command()(inspect)
    app.command()(retype)


def sources(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME | FILE…]", help="A source to explain; files for --check.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say whether all specs, and those given, hold together.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the sources, explain one, or check specs (exit code 1 where one does not hold)."""
    if check:
        _check([Path(name) for name in names or []], as_json)
    elif names:
        if len(names) > 1:
            fail("one source at a time; with --check, files")
        _explain(names[0], as_json)
    else:
        _list(as_json)


def _list(as_json: bool) -> None:
    from include.landing.specs import sources as specs

    rows: list[dict[str, Any]] = []
    for spec in specs().values():
        formats = dict.fromkeys(format for shape in spec.shapes for format in shape.formats)
        rows.append(
            {
                "source": spec.source,
                "title": spec.title,
                "shapes": len(spec.shapes) if not as_json else [shape.id for shape in spec.shapes],
                "formats": ", ".join(formats) if not as_json else list(formats),
                "restated_days": spec.restatement_days,
                "folders": ", ".join(spec.aliases) if not as_json else [spec.source, *spec.aliases],
            }
        )
    show(rows, as_json)
    if not as_json:
        say(
            "Explain one: bin/insightflow sources NAME. A file in <workspace>/<source>/ is read as that source, in inbox/"
        )
        say("by what its content shows.")


def _explain(name: str, as_json: bool) -> None:
    from include.landing import document

    spec = _known(name)
    if as_json:
        print(json.dumps(spec.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, indent=1))
        return
    say(f"{spec.title} ({spec.source}): restated for {spec.restatement_days} days; days: {spec.time_zone}")
    if spec.aliases:
        say(f"folders: {', '.join((spec.source, *spec.aliases))}")
    if spec.hierarchy:
        say("levels: " + ", ".join(f"{ours} = {theirs}" for ours, theirs in spec.hierarchy.items()))
    for note in spec.notes:
        say(f"  · {note}")
    for shape in spec.shapes:
        console.print(f"\n[bold]{escape(shape.id)}[/bold]  {escape(shape.title)} ({', '.join(shape.formats)})")
        lines = [(line, line.name) for line in document.column_lines(shape)]
        lines += [(line, f"segment {line.name}") for line in document.segment_lines(shape)]
        lines += [(line, f"measure {line.name}") for line in document.measure_lines(shape)]
        rows = [{"column": n, "headers, best first": "; ".join(line.headers), "unit": line.unit} for line, n in lines]
        show(rows, False)
        for said in document.habits(shape):
            say(f"  · {said.replace('`', '')}")


def _check(paths: list[Path], as_json: bool) -> None:
    from include.cli.source_check import check

    specs, problems = check(paths)
    if as_json:
        show([problem.as_row() for problem in problems], True)
    elif problems:
        show([problem.as_row() for problem in problems], False)
    else:
        shapes = sum(len(spec.shapes) for spec in specs)
        say(f"{len(specs)} sources with {shapes} shapes hold together")
    if problems:
        raise typer.Exit(1)


def _known(name: str) -> Source:
    from include.landing.specs import find_source
    from include.landing.specs import sources as specs

    spec = find_source(name)
    if spec is None:
        fail(f"there is no source {name}; there are {', '.join(specs())}")
    return spec


def inspect(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="An export.")],
    source: Annotated[
        str, typer.Option("--source", "-s", help="Whose export it is; recognised from the content if not given.")
    ] = "",
    rows: Annotated[int, typer.Option("--rows", min=1, max=1000, help="How many of the first rows to show.")] = 5,
    as_json: Json = False,
) -> None:
    """Say what a file would become, without loading it. Exit code 1 where it would be refused."""
    from include.landing.inspect import inspect_file

    found = inspect_file(file, _known(source) if source else None, rows=rows)
    if as_json:
        print(json.dumps(asdict(found), default=plain, ensure_ascii=False, indent=1))
    else:
        _tell(found)
    if found.refusal:
        raise typer.Exit(1)


def _tell(found: Inspection) -> None:
    layout = [found.format, found.encoding]
    if found.delimiter:
        layout.append({"\t": "tabs", ",": "commas", ";": "semicolons"}.get(found.delimiter, found.delimiter))
    if found.header_line:
        layout.append(f"header on line {found.header_line}")
    say(f"{found.file}: {', '.join(filter(None, layout))}")
    if found.source:
        why = f", because of {', '.join(found.why[:6])}" if found.why else ""
        say(f"taken for {found.source}, shape {found.shape}{why}")
    if found.refusal:
        say(f"would be refused: {found.refusal}")
    if found.columns:
        others = [(f"segment {name}", header) for name, header in found.segments.items()]
        others += [(f"measure {name}", header) for name, header in found.measures.items()]
        show([_column(column) for column in found.columns] + [_other(*item) for item in others], False)
    if found.unknown:
        say(f"unknown, kept with the raw rows: {', '.join(found.unknown)}")
    told = {"dates": found.date_style, "currency": found.currency, "exported at": found.exported_at}
    if any(told.values()):
        say("; ".join(f"{name}: {value}" for name, value in told.items() if value))
    if found.counts:
        say("records: " + ", ".join(f"{n:,} {_fate(found, name)}" for name, n in sorted(found.counts.items())))
    if found.rows:
        seen = [name for name in found.rows[0] if any(row[name] not in (None, {}, "") for row in found.rows)]
        shown = [{name: _cell(row[name]) for name in seen} for row in found.rows]
        show(shown, False, title="the first rows become")
    if found.rejects:
        show(found.rejects, False, title="would be rejected")
    for warning in found.warnings:
        say(f"warning: {warning}")


def _column(column: dict[str, Any]) -> dict[str, Any]:
    divisor = int(column["divisor"])
    return {
        "column": column["column"],
        "header": column["header"],
        "unit": {1: "", 1_000_000: "micros", 100: "cents"}.get(divisor, f"1/{divisor:,}"),
        "decimal_mark": column["decimal_mark"],
    }


def _other(column: str, header: str) -> dict[str, Any]:
    return {"column": column, "header": header, "unit": "", "decimal_mark": ""}


def _fate(found: Inspection, name: str) -> str:
    if name == "loaded":
        return "loaded"
    return f"{'skipped' if name in found.skipped else 'rejected'} ({name})"


def _cell(value: Any) -> Any:
    """Segments as text; a number as it is."""
    return ", ".join(f"{name}={text}" for name, text in value.items()) if isinstance(value, dict) else value


def retype(as_json: Json = False) -> None:
    """Type the rows of older loads again where the rules changed since; their dates are then built by the next run."""
    from include.landing.retype import retype as type_again

    rows = [{"uri": line.uri, "rows": line.rows_loaded} for line in type_again()]
    show(rows, as_json, title="loads typed again", empty="all loads are typed by the present rules")
