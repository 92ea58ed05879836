"""Loads with rows that were kept apart, as landing leaves them: ledger, coverage, rejects and cells."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.dbt.conftest import Project

LAST = date(2026, 5, 10)
OLD = datetime(2026, 6, 1, tzinfo=UTC)  # exported long after: nothing is provisional


def refuse_rows(project: Project) -> None:
    """A load of workspace ``shop`` with rows that were kept apart; the older export of the day had more of them."""
    for load_id, order, rejected in ((1, OLD, 900), (2, OLD + timedelta(days=1), 20)):
        common = {"load_id": load_id, "export_id": load_id, "file_id": f"file{load_id}", "workspace": "shop"}
        common |= {"source": "google_ads", "loaded_at": order, "export_order": order}
        ledger = {
            "uri": f"file:///landing/shop/google_ads/report_{load_id}.csv", "status": "loaded", "rows_read": 220,
            "rows_loaded": 200, "rows_rejected": rejected, "rejected": {"bad_date": rejected}, "date_min": LAST,
            "date_max": LAST, "grain": "campaign",
        }  # fmt: skip
        coverage = {"grain": "campaign", "account_id": "a1", "date": LAST, "rows": 200}
        for table, row in (("file_ledger", common | ledger), ("load_coverage", common | coverage)):
            project.client.insert(f"ops.{table}", [list(row.values())], column_names=list(row))
    kept = [[f"file{n}", n, "shop", line, "bad_date"] for n, lines in ((1, 900), (2, 20)) for line in range(lines)]
    names = ["file_id", "load_id", "workspace", "row_number", "reason"]
    project.client.insert("ops.load_rejects", kept, column_names=names)
    # Of 20 rows the first 18 have a cost that can be read; the other platforms and files spend what they like.
    cells = [(2, "shop", "file2", line, "bad_date", 3 if line < 18 else None, "USD") for line in range(20)]
    cells += [(2, "shop", "file2", 100 + line, "loaded", 5, "USD") for line in range(200)]
    raw_cells(project, cells)
    repair(project, lines=range(4))
    for load_id, costs in ((11, (20, 10)), (12, (None, None))):
        refuse_abroad(project, load_id, costs)


def raw_cells(project: Project, cells: list[tuple[Any, ...]]) -> None:
    """Rows as landing keeps them: load, workspace, file, line, what became of it, cost, currency."""
    names = ["load_id", "workspace", "file_id", "row_number", "disposition", "cost", "currency"]
    project.client.insert("raw.ad_performance_rows", cells, column_names=names)


def refuse_abroad(project: Project, load_id: int, costs: tuple[int | None, int | None]) -> None:
    """A file in euros with three rows that were loaded and two that were not."""
    file, name = f"file{load_id}", {12: "it's 12"}.get(load_id, f"file{load_id}")
    common = {"load_id": load_id, "export_id": load_id, "file_id": file, "workspace": "abroad", "source": "generic"}
    common |= {"loaded_at": OLD, "export_order": OLD}
    ledger = {
        "uri": f"file:///landing/abroad/generic/{name}.csv", "status": "loaded", "rows_read": 5, "rows_loaded": 3,
        "rows_rejected": 2, "rejected": {"bad_date": 2}, "date_min": LAST, "date_max": LAST, "grain": "campaign",
    }  # fmt: skip
    coverage = {"grain": "campaign", "account_id": file, "date": LAST, "rows": 3}
    for table, row in (("file_ledger", common | ledger), ("load_coverage", common | coverage)):
        project.client.insert(f"ops.{table}", [list(row.values())], column_names=list(row))
    names = ["file_id", "load_id", "workspace", "row_number", "reason"]
    kept = [[file, load_id, "abroad", line, "bad_date"] for line in range(2)]
    project.client.insert("ops.load_rejects", kept, column_names=names)
    cells = [(load_id, "abroad", file, line, "bad_date", cost, "EUR") for line, cost in enumerate(costs)]
    raw_cells(project, cells + [(load_id, "abroad", file, 10 + n, "loaded", 40, "EUR") for n in range(3)])


def repair(project: Project, lines: range) -> None:
    """Rows of the export that stands came again, repaired, in a file of its own."""
    order = OLD + timedelta(days=1)
    common = {"load_id": 3, "export_id": 2, "file_id": "repair", "workspace": "shop", "source": "google_ads"}
    common |= {"loaded_at": order + timedelta(hours=1), "export_order": order}
    ledger = {
        "uri": "file:///landing/shop/inbox/repair.csv", "status": "loaded", "rows_read": len(lines), "rows_loaded": len(lines),
        "date_min": LAST, "date_max": LAST, "grain": "campaign", "repairs": "file2",
    }  # fmt: skip
    coverage = {"grain": "campaign", "account_id": "a1", "date": LAST, "rows": len(lines)}
    for table, row in (("file_ledger", common | ledger), ("load_coverage", common | coverage)):
        project.client.insert(f"ops.{table}", [list(row.values())], column_names=list(row))
    rows = [[3, "shop", "repair", n, "loaded", {"repair_line": str(n)}] for n in lines]
    names = ["load_id", "workspace", "file_id", "row_number", "disposition", "extra"]
    project.client.insert("raw.ad_performance_rows", rows, column_names=names)
