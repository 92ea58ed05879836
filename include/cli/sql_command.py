"""sql: one query of one's own."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import typer

from include.cli.look_commands import query, reader
from include.cli.output import fail, fits, show

LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'")
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*$", re.IGNORECASE)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    # A statement may begin with a comment, which looks like an option.
    app.command(context_settings={"ignore_unknown_options": True})(sql)


class Form(StrEnum):
    """How rows are written."""

    TABLE = "table"
    VERTICAL = "vertical"
    CSV = "csv"
    JSON = "json"


def sql(
    statement: Annotated[str, typer.Argument(help="One query; it runs as the read-only user.")],
    form: Annotated[
        Form | None,
        typer.Option("--format", help="A table, or where it is too wide each value on its line, if not given."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Query the warehouse as the read-only user."""
    bare = LITERAL.sub("''", statement).rstrip().rstrip(";")
    if re.fullmatch(r"-+\w[\w-]*(=.*)?", statement):
        raise typer.BadParameter(f"there is no option {statement}; see --help")
    if found := FORMAT.search(bare):
        fail(
            f"leave out FORMAT {found[1]}: `--format csv`, json, vertical or table says how the rows are written",
            code=2,
        )
    if as_json and form not in (None, Form.JSON):
        raise typer.BadParameter(f"--json and --format {form} are two forms; choose one")
    if form is Form.CSV:
        _write_csv(statement.rstrip().rstrip(";"))
        return
    rows = query(statement)
    vertical = form is Form.VERTICAL or (form is None and not fits(rows))
    show(rows, as_json or form is Form.JSON, empty="no rows", vertical=vertical)


def _write_csv(statement: str) -> None:
    """Rows in constant memory, with a header line; nothing stands for NULL."""
    settings = {"format_csv_null_representation": ""}
    with reader() as client, client.raw_stream(statement, settings=settings, fmt="CSVWithNames") as stream:
        while piece := stream.read(1 << 16):
            typer.echo(piece, nl=False)
