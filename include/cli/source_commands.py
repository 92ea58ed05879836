"""sources: which platforms there are, what each is read as, and whether a spec holds together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from include.cli.output import console, fail, say, show

Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(sources)


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
    from include.landing.specs import find_source
    from include.landing.specs import sources as specs

    spec = find_source(name)
    if spec is None:
        fail(f"there is no source {name}; there are {', '.join(specs())}")
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
