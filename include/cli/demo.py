"""The demonstration: sample files through the whole installation, by the real scheduler."""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import typer

from include.cli import drop, follow
from include.cli.insight_commands import newest_insights
from include.cli.look_commands import ledger_rows, short
from include.cli.output import console, say, show, text_of
from include.cli.service_commands import addresses
from include.services import lifecycle
from include.services.airflow_client import AirflowClient
from include.settings import Settings, get_settings
from include.transform import documentation

DAYS = tuple(date(2026, 6, day) for day in (28, 29, 30))
EXPORTED = re.compile(r"_exported_(\d{8})T")
TOP = 8


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(demo)


def demo() -> None:
    """Start everything, drop sample files and run Airflow as on three mornings, print files, insights and addresses."""
    # A second time, what is there is left alone, and what is done is not done again.
    settings = get_settings()
    begun = time.monotonic()
    _headline("1. Services")
    lifecycle.up(settings, say)
    files = _sample_files(settings)
    _headline(f"2. Three mornings: new exports into the bucket, {follow.DAILY} by Airflow")
    with AirflowClient(settings) as airflow:
        for dag_id in (follow.DAILY, follow.ON_DROP):
            follow.wait_for_dag(airflow, dag_id)
        # The daily DAG takes these files, for everybody to see; the other one would be quicker.
        with _paused(airflow, follow.ON_DROP):
            # The scheduler's own run for yesterday, on an empty bucket, is let pass first.
            follow.settle(airflow)
            for day, arrived in _by_day(files).items():
                new = sum(drop.drop(settings, path, key) for key, path in arrived.items())
                say(f"{day}: {new} new files in {settings.bucket}, {len(arrived) - new} were there")
                follow.run_day(airflow, day)
    documentation.ensure(settings)  # of a checkout that changed since the days were run
    _headline("3. Files")
    rows = ledger_rows(len(files), settings.workspace)
    show([short(row) for row in sorted(rows, key=lambda row: str(row["file"]))], as_json=False)
    print_insights(settings)
    _headline("5. Look around")
    addresses()
    say(f"demo done in {time.monotonic() - begun:.0f} s; `make down` stops the services")


def _sample_files(settings: Settings) -> dict[str, Path]:
    """Bucket key → local file. The samples are always the same bytes, so they are made once."""
    from include.samples import DEMO, generate, write_bad_files, write_extras

    folder = settings.home / "samples"
    done = folder / ".done"
    if not done.exists():
        truth = generate(folder, DEMO, truth_dir=settings.home / "samples-truth")
        write_extras(folder, truth)
        write_bad_files(folder, DEMO)
        done.touch()
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _by_day(files: dict[str, Path]) -> dict[date, dict[str, Path]]:
    """The files of each day's run: those exported by the morning after it; of those that bear no such date the exchange
    rates come first, and what somebody dropped by mistake last.

    So the later exports meet days that were built before them, and restate them, as they do in real life.
    """
    found: dict[date, dict[str, Path]] = {day: {} for day in DAYS}
    for key, path in files.items():
        stamp = EXPORTED.search(path.name)
        undated = DAYS[0] if path.parent.name == "fx_rates" else DAYS[-1]
        day = date.fromisoformat(stamp[1]) - timedelta(days=1) if stamp else undated
        found[min(max(day, DAYS[0]), DAYS[-1])][key] = path
    return found


@contextmanager
def _paused(airflow: AirflowClient, dag_id: str) -> Iterator[None]:
    # Always on again afterwards: a demo that was killed in between may have left it paused.
    airflow.patch(f"/dags/{dag_id}", {"is_paused": True})
    try:
        yield
    finally:
        airflow.patch(f"/dags/{dag_id}", {"is_paused": False})


def print_insights(settings: Settings) -> None:
    """What the demo found, with its heading."""
    _headline("4. Insights, most money × confidence first")
    found = newest_insights(TOP, settings.workspace)
    if not found:
        say("none: no planted problem was found, which is wrong; see `bin/insightflow doctor`")
    colours = {"critical": "red", "high": "yellow"}
    for number, row in enumerate(found, 1):
        money = f"{text_of(row['impact'])} {row['currency']}" if row["impact"] is not None else ""
        colour = colours.get(row["severity"], "cyan")
        console.print(f"[{colour}]{number}. {row['severity']:8}[/{colour}] [bold]{money:>14}[/bold]  ", end="")
        say(str(row["title"]))
        console.print(textwrap.indent(textwrap.fill(str(row["body"]), 110), " " * 27), markup=False)


def _headline(text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]")
