"""ledger, rejects, insights, sql: an empty answer says why, and results go out in the form that is wanted."""

from __future__ import annotations

import csv
import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from include.cli import look_commands, output
from include.cli.app import app
from include.landing import fingerprints, mark_built
from include.warehouse.client import connect
from tests.insights.conftest import site
from tests.landing.conftest import Landing, landing
from tests.support.marts import DAY, add_platforms, create_marts, feed_row, sums
from tests.support.publishing import Installation

__all__ = ["landing", "site"]

pytestmark = pytest.mark.integration

HEAD = "date,campaign_id,impressions,clicks,cost,currency\n"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def look(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> Landing:
    """The commands look at the engine of the tests, on a screen of 100 columns."""
    monkeypatch.setattr(look_commands, "get_settings", lambda: landing.settings)
    monkeypatch.setattr(output, "console", Console(width=100))
    return landing


@pytest.mark.parametrize("command", ["rejects", "ledger"])
def test_a_file_that_never_came_is_said_with_names_alike(look: Landing, command: str) -> None:
    look.put("generic/june_report.csv", HEAD + "2026-06-01,1,10,1,1,EUR\n")
    look.put("generic/other.csv", HEAD + "2026-06-02,1,10,1,1,EUR\n")
    look.load()
    mine = (command, "--workspace", look.workspace, "--file")
    done = call(*mine, "june_raport.csv")
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert f"no file june_raport.csv has arrived in workspace {look.workspace}" in said
    assert "files of similar names: june_report.csv." in said
    assert "its name resembles none" in " ".join(call(*mine, "zzz").output.split())
    assert call(*mine, "june_report.csv").exit_code == 0


def test_the_way_to_repair_is_told_with_file_and_workspace(look: Landing, tmp_path: Path) -> None:
    """As it is written it works, beside other files with rejects and of a workspace that is not the default one."""
    for name in ("two words", "other"):
        look.put(f"generic/{name}.csv", HEAD + f"2026-06-01,{name},10,1,1,EUR\n2026-06-31,1,10,1,1,EUR\n")
    told = look.load()["two words.csv"].error.split("`")[1]
    assert told == f"bin/insightflow rejects -w {look.workspace} --file 'two words.csv' --out repair.csv"
    out = tmp_path / "repair.csv"
    done = call(*shlex.split(told)[1:-1], str(out))
    said = " ".join(done.output.split())
    assert f"then: bin/insightflow load -w {look.workspace} {out}".replace(" ", "") in said.replace(" ", "")
    [row] = csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines())
    assert row["repair_reason"] == "bad_date"


def test_files_of_one_name_are_told_apart_by_their_ids(look: Landing, tmp_path: Path) -> None:
    for cost in (1, 2):
        look.put("generic/one.csv", HEAD + f"2026-06-01,1,10,1,{cost},EUR\n2026-06-31,1,10,1,1,EUR\n")
        look.load()
    mine = ("rejects", "-w", look.workspace, "--out", str(tmp_path / "repair.csv"), "--file")
    done = call(*mine, "one.csv")
    assert done.exit_code == 1
    rows = look.rows("SELECT file_id FROM ops.current_loads WHERE workspace = {w:String}")
    for (file_id,) in rows:
        assert file_id in done.output.replace("\n", "").replace(" ", "")
        assert call(*mine, file_id).exit_code == 0


def test_the_ledger_of_one_file(look: Landing) -> None:
    for name in ("one", "two"):
        look.put(f"generic/{name}.csv", HEAD + "2026-06-01,1,10,1,1,EUR\n" + f"2026-06-02,{name},10,1,1,EUR\n")
    look.load()
    done = call("ledger", "-w", look.workspace, "--file", "two.csv", "--json")
    assert [row["file"] for row in json.loads(done.output)] == ["two.csv"]
    nothing = call("ledger", "-w", look.workspace, "--file", "two.csv", "--status", "rejected").output
    assert "none of them" in nothing


def test_no_insights_says_why(look: Landing, site: Installation) -> None:
    def say(*more: str) -> str:
        return " ".join(call("insights", "-w", "demo", *more).output.split())

    assert say() == "no insights of workspace demo: nothing of it is loaded"
    site.feed(feed_row())
    site.judged(DAY)
    site.publish()
    assert say("--status", "resolved") == (
        "no resolved insights of workspace demo; there are 1 open (`--status all` shows them)"
    )
    assert call("insights", "--json", "--status", "resolved").output.strip() == "[]"


def test_no_insights_of_files_that_no_run_has_seen_is_no_finding(look: Landing, site: Installation) -> None:
    day = DAY - timedelta(days=700)  # that no other test has files of
    site.feed()
    site.judged(DAY)
    site.publish(run_id="of another workspace's days")
    line = "date,campaign_id,impressions,clicks,cost,currency\n{day},1,10,1,{cost},EUR\n"
    look.put("generic/one.csv", line.format(day=day, cost=1))
    look.load()
    said = " ".join(call("insights", "-w", look.workspace).output.split())
    assert said == (
        f"no insights of workspace {look.workspace} yet; {day} is not judged yet: `bin/insightflow run` does that"
    )
    mark_built(fingerprints([day], look.client), "run", look.client)
    assert f"workspace {look.workspace} yet; run" in " ".join(call("insights", "-w", look.workspace).output.split())
    site.publish(day, run_id="of it")
    said = " ".join(call("insights", "-w", look.workspace).output.split())
    assert said.startswith(f"no insights of workspace {look.workspace}: the last run of {day}, published 20")
    assert said.endswith("found none")
    look.put("generic/two.csv", line.format(day=day, cost=2))
    look.load()
    assert "is not judged yet" in call("insights", "-w", look.workspace).output


def test_changes_that_the_limit_cuts_off_are_told_of(look: Landing, site: Installation) -> None:
    site.feed(feed_row("a", entity_id="1"), feed_row("b", entity_id="2"))
    site.judged(DAY)
    site.publish()
    cut = " ".join(call("insights", "--since", "2020-01-01", "--limit", "1").output.split())
    assert cut.endswith("more has changed since then: these are the 1 with most money, `--limit` shows more")
    assert "more has changed" not in call("insights", "--since", "2020-01-01", "--limit", "2").output
    assert len(json.loads(call("insights", "--since", "2020-01-01", "--limit", "1", "--json").output)) == 1


def test_sql_goes_out_as_csv_json_or_value_by_value(look: Landing) -> None:
    query = "SELECT 1 AS n, 'a,\"b\"' AS text, CAST(NULL AS Nullable(Int8)) AS nothing, toDate('2026-06-30') AS day"
    done = call("sql", query + ";", "--format", "csv")
    assert list(csv.reader(done.output.splitlines())) == [
        ["n", "text", "nothing", "day"],
        ["1", 'a,"b"', "", "2026-06-30"],
    ]
    assert json.loads(call("sql", query, "--format", "json").output) == json.loads(call("sql", query, "--json").output)
    assert call("sql", query, "--format", "vertical").output.splitlines()[:3] == [
        "row 1:",
        "  n:       1",
        '  text:    a,"b"',
    ]


def test_a_wide_result_is_not_cut(look: Landing) -> None:
    wide = ", ".join(f"'value {n}' AS column_{n}" for n in range(12))
    said = call("sql", f"SELECT {wide}").output
    assert all(f"column_{n}:" in said and f"value {n}" in said for n in range(12))
    assert "row 1:" not in call("sql", "SELECT 1 AS n, 2 AS m").output
    assert "…" in call("sql", f"SELECT {wide}", "--format", "table").output, "as asked for"


@pytest.mark.parametrize("tail", ["FORMAT Native", "format CSV ;"])
def test_a_format_clause_is_refused_with_the_option(look: Landing, tail: str) -> None:
    done = call("sql", f"SELECT 1 {tail}")
    assert done.exit_code == 2
    assert f"leave out FORMAT {tail.split()[1]}: `--format csv`" in " ".join(done.output.split())
    assert call("sql", "SELECT 'as FORMAT Native' AS text").exit_code == 0


@pytest.mark.parametrize("command", ["insights", "anomalies", "ledger", "rejects", "rates"])
def test_a_workspace_that_there_is_not_is_no_empty_answer(look: Landing, site: Installation, command: str) -> None:
    look.put("generic/one.csv", HEAD + "2026-06-01,1,10,1,1,EUR\n")
    look.load()
    client = connect(look.settings)
    create_marts(client)
    client.command("DROP TABLE IF EXISTS marts.int_fx_rates_daily")
    client.command(
        "CREATE TABLE marts.int_fx_rates_daily (workspace String, date Date, currency String, reporting_currency String,"
        " units Decimal(18, 6), per Decimal(18, 6), rate_date Date, origin String) ENGINE = MergeTree ORDER BY tuple()"
    )
    try:
        for form in ((), ("--json",)):
            done = call(command, "-w", f"{look.workspace}x", *form)
            assert done.exit_code == 1, done.output
            said = " ".join(done.output.split())
            assert f"there is no workspace {look.workspace}x here" in said
            assert f"did you mean {look.workspace}?" in said
            assert call(command, "-w", look.workspace, *form).exit_code == 0
    finally:
        client.command("DROP TABLE marts.int_fx_rates_daily")
        client.close()


def test_a_status_or_layer_that_there_is_not_is_named_with_the_known_ones(look: Landing) -> None:
    done = call("ledger", "--status", "lodaed")
    assert (done.exit_code, "loaded, duplicate, rejected, failed or removed" in " ".join(done.output.split())) == (
        2,
        True,
    )
    assert call("builds", "--layer", "mart").exit_code == 2


def test_a_node_that_the_newest_run_has_not_reached_is_shown_of_the_run_before(look: Landing) -> None:
    assert "no such node was built" in call("builds", "--node", "mart_nowhere").output
    at = datetime.now(UTC) + timedelta(days=1)
    names = ["run_id", "finished_at", "layer", "node", "resource_type", "status", "message", "sql"]
    rows = [
        ["whole", at, "marts", "mart_late", "model", "success", "OK", "SELECT 1"],
        ["begun", at + timedelta(minutes=1), "staging", "stg_early", "model", "error", "broken", "SELECT 2"],
    ]
    look.client.insert("ops.dbt_results", rows, column_names=names)
    try:
        late = " ".join(call("builds", "--node", "mart_late").output.split())
        layer = " ".join(call("builds", "--layer", "marts").output.split())
        early = call("builds", "--node", "stg_early").output
        of_run = call("builds", "--run", "begun", "--node", "mart_late").output
        [row] = json.loads(call("builds", "--node", "mart_late", "--json").output)
    finally:
        look.client.command("DELETE FROM ops.dbt_results WHERE run_id IN ('whole', 'begun')")
    assert late.startswith("run begun has not reached it; this is of whole") and late.endswith("SELECT 1")
    assert "this is of whole" in layer and "mart_late" in layer
    assert "has not reached it" not in early and "SELECT 2" in early
    assert "no such node in that build" in of_run
    assert row["run_id"] == "whole"


@pytest.mark.parametrize("command", ["anomalies", "rates"])
def test_before_the_first_build_a_sentence_says_so(look: Landing, command: str) -> None:
    client = connect(look.settings)
    for table in ("anomaly_daily", "int_fx_rates_daily"):
        client.command(f"DROP TABLE IF EXISTS marts.{table}")
    client.close()
    done = call(command)
    assert done.exit_code == 1
    assert "nothing was built yet; load a file, or `bin/insightflow run`" in " ".join(done.output.split())


def test_numbers_that_json_has_not_are_null(look: Landing) -> None:
    done = call("sql", "SELECT nan AS a, -inf AS b, [1.5, inf] AS c, map('x', nan) AS d", "--json")
    assert json.loads(done.output, parse_constant=pytest.fail) == [
        {"a": None, "b": None, "c": [1.5, None], "d": {"x": None}}
    ]


def test_two_forms_are_refused(look: Landing) -> None:
    done = call("sql", "SELECT 1", "--format", "csv", "--json")
    assert (done.exit_code, "choose one" in done.output) == (2, True)
    assert call("sql", "SELECT 1", "--format", "json", "--json").exit_code == 0


def test_a_statement_may_begin_with_a_comment(look: Landing) -> None:
    done = call("sql", "-- how many = all\nSELECT 7 AS n -- of them", "--format", "csv")
    assert (done.exit_code, done.output) == (0, '"n"\n7\n'), done.output
    assert call("sql", "--jsn", "SELECT 1").exit_code == 2
    assert call("sql", "--jsn").exit_code == 2


def test_an_empty_statement_is_named_without_our_own_words(look: Landing) -> None:
    done = call("sql", " ;")
    assert done.exit_code != 0
    assert "OUTFILE" not in str(done.exception)
    assert "/proc" not in str(done.exception)
    assert "Empty query" in str(done.exception)


def test_money_in_a_foreign_currency_leads_no_list(look: Landing, site: Installation) -> None:
    rows = (("yen", "a", "JPY", 103_252), ("dollars", "a", "USD", 800), ("euros", "b", "EUR", 900))
    site.feed(
        *(
            feed_row(key, workspace=workspace, title=key, impact_amount=amount, impact_currency=unit)
            for key, workspace, unit, amount in rows
        )
    )
    add_platforms(site.client, sums(DAY, 1, 1, workspace="a"), sums(DAY, 1, 1, workspace="b", reporting_currency="EUR"))
    site.publish()
    for arguments in ((), ("--since", "2020-01-01")):
        found = json.loads(call("insights", "--json", *arguments).output)
        assert [(row["workspace"], row["title"]) for row in found][-1] == ("a", "yen"), arguments
    assert "workspace" in call("insights").output
    assert "workspace" not in call("insights", "-w", "a").output
