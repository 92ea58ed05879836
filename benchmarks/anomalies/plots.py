"""Plots of the bench's report for docs/anomalies.md: ``PEERS/bin/python -m benchmarks.anomalies.plots`` after a run.

Reads ``results.md`` alone, so that plots and tables cannot differ. Needs requirements-bench.txt (matplotlib).
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.anomalies.library_peers import LIBRARIES

RESULTS = Path(__file__).with_name("results.md")
CHARTS = Path(__file__).parents[2] / "docs" / "charts"
OURS, DESCRIBED = "InsightFlow", "count-aware z, as described"
USUAL, HELD = "At its usual threshold each:", "Peers at thresholds that keep 2 false alarms of 1,000 campaign-days:"
COLORS = {OURS: "#0b6e4f", DESCRIBED: "#c46210"}
OTHER = "#6b7280"
Table = dict[str, dict[str, float]]


def tables(text: str) -> dict[tuple[str, str], Table]:
    """Numbers by (section, tier), then by detector and column."""
    found: dict[tuple[str, str], Table] = {}
    section = tier = ""
    head: list[str] = []
    for line in text.splitlines():
        if line.endswith(":"):
            section = line
        elif line and not line.startswith("|"):
            tier = line
        elif line.startswith("| detector"):
            head = _cells(line)[1:]
        elif line.startswith("| ") and head:
            name, *values = _cells(line)
            if len(values) == len(head):
                found.setdefault((section, tier), {})[name] = dict(zip(head, map(_number, values), strict=True))
    return found


def trade_off(found: dict[tuple[str, str], Table], tier: str, path: Path) -> None:
    """F1 against false alarms: each at its usual threshold, and the peers held to two."""
    figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
    peers = [name for name in found[USUAL, tier] if name not in COLORS]
    colors = COLORS | {name: f"C{n}" for n, name in enumerate(peers)}
    for section in (USUAL, HELD):
        for name, row in found[section, tier].items():
            if section == HELD and (name in COLORS or not row["F1"]):
                continue
            face = colors[name] if section == USUAL else "none"
            label = name if section == USUAL else None
            marker = "s" if name in LIBRARIES else "o"
            axes.scatter(
                row["FA/1000"], row["F1"], s=70, color=face, edgecolors=colors[name], label=label, marker=marker
            )
    figure.legend(fontsize=8, loc="outside right upper", frameon=False)
    axes.axvline(2, color=OTHER, linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xlabel="false alarms of 1,000 campaign-days (log)", ylabel="F1 of events", ylim=(0, 1))
    axes.set_title(
        "Filled: usual threshold. Empty: peers held to 2 false alarms. Squares: libraries.", fontsize=9, loc="left"
    )
    figure.savefig(path)
    plt.close(figure)


def by_kind(found: dict[tuple[str, str], Table], tier: str, path: Path) -> None:
    """Recall by kind at two false alarms: ours, the count-aware z, and the best peer of each kind."""
    kinds = [name for name in found[USUAL, tier][OURS] if "_" in name]
    peers = [row for name, row in found[HELD, tier].items() if name != OURS]
    bars = {
        OURS: [found[USUAL, tier][OURS][kind] for kind in kinds],
        DESCRIBED: [found[USUAL, tier][DESCRIBED][kind] for kind in kinds],
        "best peer of the kind, held to 2 false alarms": [max(row[kind] for row in peers) for kind in kinds],
    }
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for i, (name, values) in enumerate(bars.items()):
        places = [n + (i - 1) * 0.27 for n in range(len(kinds))]
        axes.bar(places, values, 0.25, label=name, color=COLORS.get(name, OTHER))
    axes.set_xticks(range(len(kinds)), [kind.replace("_", "\n") for kind in kinds], fontsize=8)
    axes.set(ylabel="found", ylim=(0, 1.05))
    figure.legend(fontsize=8, ncols=3, loc="outside upper left", frameon=False)
    figure.savefig(path)
    plt.close(figure)


def _cells(line: str) -> list[str]:
    return [cell.strip().strip("*") for cell in line.strip("|\n ").split("|")]


def _number(cell: str) -> float:
    return float(cell) if re.fullmatch(r"-?[\d.]+", cell) else float("nan")


def main() -> None:
    """Write both charts."""
    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "insightflow", "axes.spines.top": False, "axes.spines.right": False}
    CHARTS.mkdir(exist_ok=True)
    found = tables(RESULTS.read_text())
    trade_off(found, "all", CHARTS / "anomalies_trade_off.svg")
    by_kind(found, ">= 200", CHARTS / "anomalies_by_kind.svg")


if __name__ == "__main__":
    main()
