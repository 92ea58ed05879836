"""What is said of a workspace before it is removed."""

from __future__ import annotations

from include.orchestration.workspaces import lines_of_seeds


def test_lines_of_seeds_are_named_by_file_and_line() -> None:
    found = lines_of_seeds("demo")
    assert {"workspaces.csv line 2", "budgets.csv line 2", "name_patterns.csv line 2"} <= set(found)
    assert lines_of_seeds("nobody") == []
