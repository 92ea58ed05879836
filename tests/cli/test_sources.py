"""sources: listing, explaining and checking specs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from include.cli.app import app
from include.cli.source_check import check
from include.landing.specs import sources

GOOD = """\
source: my_ads
title: My Ads
restatement_days: 3
shapes:
  - id: my_csv
    title: Its export
    formats: [csv]
    recognise: [My Cost]
    columns:
      date: [Day]
      campaign_name: [Campaign]
      cost: [My Cost]
    divisors: {My Cost: 100}
"""


def call(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["sources", *arguments])
    return done.exit_code, done.output


def test_all_sources_are_listed() -> None:
    code, said = call("--json")
    assert code == 0
    rows = {row["source"]: row for row in json.loads(said)}
    assert set(rows) == set(sources())
    assert rows["linkedin_ads"]["restated_days"] == 30
    assert "linkedin_campaign_manager_csv" in rows["linkedin_ads"]["shapes"]


def test_a_source_is_explained_also_by_another_name() -> None:
    code, said = call("bing")
    assert code == 0
    assert "microsoft_report_csv" in said
    assert "ConversionsQualified; Conversions" in said
    assert "last day provisional" in said


def test_a_source_is_explained_with_what_it_measures() -> None:
    assert "measure rate" in call("fx_rates")[1]
    assert "measure engaged_sessions" in call("ga4")[1]


def test_an_unknown_source_is_named_with_the_known_ones(capfd: pytest.CaptureFixture[str]) -> None:
    code, _ = call("myspace")
    assert code == 1


def test_the_specs_hold_together() -> None:
    specs, problems = check()
    assert problems == []
    assert {spec.source for spec in specs} == set(sources())
    assert call("--check")[0] == 0


def test_a_spec_of_ones_own_is_checked_beside_ours(tmp_path: Path) -> None:
    path = tmp_path / "my_ads.yml"
    path.write_text(GOOD)
    assert call("--check", str(path))[0] == 0
    path.write_text(GOOD.replace("restatement_days: 3", "restatement_days: soon"))
    code, said = call("--check", str(path), "--json")
    assert code == 1
    assert json.loads(said)[0] == {
        "file": "my_ads.yml",
        "line": 3,
        "key": "restatement_days",
        "problem": "Input should be a valid integer, unable to parse string as an integer",
        "remedy": "write a whole number",
    }


@pytest.mark.parametrize(
    ("was", "becomes", "line", "key", "said"),
    [
        ("source: my_ads", "source: your_ads", 1, "source", "the file is my_ads.yml and its source your_ads"),
        ("    columns:", "    colums:", 5, "shapes[my_csv].columns", "Field required"),
        ("      cost: [", "      cst: [", 12, "shapes[my_csv].columns.cst", "Input should be 'date'"),
        ("[Day]", "[{sum_off: [a]}]", 10, "shapes[my_csv].columns.date[0].sum_off", "Extra inputs"),
        ("{My Cost: 100}", "{My Csot: 100}", 13, "shapes[my_csv].divisors.My Csot", "no column of the shape"),
        ("    recognise: [My Cost]\n", "", 5, "shapes[my_csv]", "nothing marks the shape"),
        ("      campaign_name: [Campaign]\n", "", 5, "shapes[my_csv].required", "none of campaign_id"),
        ("[Day]", "[Day, day]", 10, "shapes[my_csv].columns.date", "day is there twice"),
        ("title: My Ads", "title: My: Ads", 2, "", "no YAML"),
        ("restatement_days: 3", "restatement_days: 3\naliases: [google]", 0, "aliases", "google is already taken"),
        ("[My Cost]\n    columns", "['regex:^My (']\n    columns", 8, "shapes[my_csv].recognise", "missing )"),
        ("      cost: [My Cost]", "      cost: ['regex:^My (']", 12, "^My (", "missing )"),
    ],
)
def test_a_problem_names_its_line_key_and_remedy(
    tmp_path: Path, was: str, becomes: str, line: int, key: str, said: str
) -> None:
    assert was in GOOD
    path = tmp_path / "my_ads.yml"
    path.write_text(GOOD.replace(was, becomes))
    _, problems = check([path])
    found = next(problem for problem in problems if problem.key == key and said in problem.problem)
    assert found.line == line
    assert found.remedy


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    _, problems = check([tmp_path / "none.yml"])
    assert "cannot be read" in problems[0].problem
