"""up, down, status, doctor, and what the Makefile needs."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer

from include.cli.output import console, say, show
from include.settings import NotInstalled, get_settings


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(doctor)
    app.command()(docs)
    app.command()(freshness)
    # Every word after `airflow` and `dbt` is theirs, their `--help` too.
    passed_on = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
    app.command(context_settings=passed_on)(airflow)
    app.command(context_settings=passed_on)(dbt)
    app.command(hidden=True)(purge)


def up(
    set_postgres_password: Annotated[
        bool,
        typer.Option(
            "--set-postgres-password", help="Give the embedded PostgreSQL the password of the settings first."
        ),
    ] = False,
) -> None:
    """Start every service and wait until each answers. Run it again at any time: what runs is left alone."""
    from include.services import lifecycle

    settings = get_settings()
    seconds = lifecycle.up(settings, say, set_postgres_password=set_postgres_password)
    say(f"up after {seconds:.0f} s")
    addresses()


def down(
    now: Annotated[bool, typer.Option("--now", help="Do not wait for running tasks.")] = False,
) -> None:
    """Wait for running tasks, then stop every process of this installation."""
    from include.services import lifecycle

    try:
        settings = get_settings()
    except NotInstalled as nothing:
        say(f"nothing to stop: {nothing}")
        return
    lifecycle.down(settings, say, wait_for_tasks=not now)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Each service: state, process, address, how long it runs. Exit code 1 unless all are ready."""
    from include.services.status import status as look

    rows = look(get_settings())
    show(rows, as_json)
    if any(row["state"] != "ready" for row in rows):
        raise typer.Exit(1)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say what is wrong with this installation and how to mend it. Exit code 1 when something is."""
    from include.services.doctor import examine

    findings = examine(get_settings())
    if as_json:
        show([finding.as_dict() for finding in findings], True)
    else:
        marks = {"ok": "[green]ok   [/green]", "warning": "[yellow]warn [/yellow]", "error": "[red]error[/red]"}
        for finding in findings:
            console.print(f"{marks[finding.level]} {finding.what}: ", end="")
            say(finding.detail + (f"\n      → {finding.remedy}" if finding.remedy else ""))
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


def docs() -> None:
    """Write dbt's documentation of the models, for the API's page of them. The warehouse must be up."""
    from include.transform import documentation

    say(f"written: {documentation.write(get_settings())}")


def freshness(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """How long ago files were loaded (dbt source freshness). Exit code 1 when that is longer than the project allows."""
    from include.transform.freshness import freshness as look

    rows = look(get_settings())
    show(rows, as_json)
    if any(row["state"] == "error" for row in rows):
        raise typer.Exit(1)


def airflow(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="COMMAND …", help="As Airflow takes them.")] = None,
) -> None:
    """Airflow's own command line, on this installation: `airflow backfill create …`, `airflow dags list-runs …`."""
    from include.services import airflow_main

    airflow_main.become(get_settings(), arguments or [])


def dbt(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="COMMAND …", help="As dbt takes them.")] = None,
) -> None:
    """dbt's own command line, on this installation: `dbt ls`, `dbt show --select …`, `dbt test --select …`."""
    from include.transform import runner

    runner.become(get_settings(), arguments or [])


def purge(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove the folder of this installation with all its data (`make clean`)."""
    try:
        settings = get_settings()
    except NotInstalled as nothing:
        say(f"nothing to remove: {nothing}")
        return
    if not yes:
        typer.confirm(f"Remove {settings.home} with all data?", abort=True)
    if not (settings.home / "secrets.json").exists() and any(settings.home.iterdir()):
        raise RuntimeError(f"{settings.home} does not look like an installation; remove it by hand")
    shutil.rmtree(settings.home)
    say(f"removed {settings.home}")


def addresses() -> None:
    """Print where everything is, with the log-ins."""
    settings = get_settings()
    admin, password = settings.admin_user, settings.admin_password.get_secret_value()
    reader, secret = settings.clickhouse_reader, settings.clickhouse_reader_password.get_secret_value()
    api = f"http://{settings.host}:{settings.api_port}"
    query = "SELECT platform, sum(cost_reporting) FROM marts.mart_platform_daily GROUP BY 1"
    show(
        [
            {"what": "dashboard", "address": f"{api}/", "log-in": f"{admin} / {password}"},
            {"what": "API docs", "address": f"{api}/docs", "log-in": f"{admin} / {password}"},
            {"what": "data dictionary", "address": f"{api}/dbt-docs", "log-in": f"{admin} / {password}"},
            {"what": "Airflow", "address": settings.public_airflow_url, "log-in": f"{admin} / {password}"},
            {"what": "SQL (ClickHouse)", "address": settings.clickhouse_url, "log-in": f"{reader} / {secret}"},
        ],
        as_json=False,
    )
    say(f"  curl -u {reader}:{secret} '{settings.clickhouse_url}/' -d '{query} FORMAT PrettyCompact'\n")
