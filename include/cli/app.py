"""All commands, and the one place where an error becomes a line on the screen and an exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Annotated

import typer

from include.cli import (
    access_commands,
    assist_commands,
    demo,
    insight_commands,
    look_commands,
    removal_commands,
    run_commands,
    service_commands,
    source_commands,
    sql_command,
    workspace_commands,
)
from include.cli.output import fail
from include.settings import where_not_installed

app = typer.Typer(
    name="insightflow",
    help="Ad-platform exports to ClickHouse marts, anomalies and insights.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# Commands that make an installation where there is none, and those that need none.
MAKE = ("up", "demo")
NEED_NONE = ("sources", "inspect", "samples")


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole trace of an error.")] = False,
) -> None:
    """Ad-platform exports to ClickHouse marts, anomalies and insights."""
    if debug:
        os.environ["INSIGHTFLOW_DEBUG"] = "1"


service_commands.add_to(app)
run_commands.add_to(app)
demo.add_to(app)
insight_commands.add_to(app)
look_commands.add_to(app)
sql_command.add_to(app)
removal_commands.add_to(app)
source_commands.add_to(app)
access_commands.add_to(app)
workspace_commands.add_to(app)
assist_commands.add_to(app)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 only when it did what it was asked, 130 when interrupted."""
    # Told to end, a command still puts in order what it changed (`demo` pauses a DAG for a while).
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = sys.argv[1:] if arguments is None else arguments
    # `--debug` works before and after the command.
    if "--debug" in arguments:
        os.environ["INSIGHTFLOW_DEBUG"] = "1"
        arguments = [argument for argument in arguments if argument != "--debug"]
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    where_not_installed("make" if command in MAKE else "do without" if command in NEED_NONE else "refuse")
    if not os.environ.get("INSIGHTFLOW_DEBUG"):
        # Its driver logs what it raises as well, and what that is made of each try; the one line below is enough.
        for name in ("clickhouse_connect", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        code = app(args=arguments, prog_name="insightflow", standalone_mode=False)
    except typer.Exit as done:
        sys.exit(done.exit_code)
    except KeyboardInterrupt:
        fail("interrupted", code=130)
    except Exception as error:
        if os.environ.get("INSIGHTFLOW_DEBUG"):
            raise
        # Typer and click show their own usage errors best.
        show = getattr(error, "show", None)
        if show is not None:
            show()
            sys.exit(getattr(error, "exit_code", 2))
        fail(explain(error))
    sys.exit(code if isinstance(code, int) else 0)


def explain(error: Exception) -> str:
    """One clear sentence with a remedy for errors that come from libraries; our own say it themselves."""
    module = type(error).__module__
    text = " ".join(str(error).split())
    if module.startswith("psycopg2"):
        return f"PostgreSQL: {text}. Is it up? `bin/insightflow status`, `bin/insightflow up`"
    # dbt hands on what the driver said.
    if "HTTPConnectionPool" in text or (module.startswith("clickhouse_connect") and "Max retries" in text):
        return "ClickHouse does not answer. Start it with `bin/insightflow up`, or see `bin/insightflow doctor`"
    if module.startswith("clickhouse_connect"):
        return f"ClickHouse: {text}"
    if module.startswith("pydantic"):
        return f"a setting is wrong: {text} (see .env.example)"
    if module.startswith("include."):
        return str(error)
    return f"{text or type(error).__name__} ({type(error).__name__}; --debug shows where)"
