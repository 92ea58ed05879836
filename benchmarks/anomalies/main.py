"""The detector and its peers on the synthetic accounts: ``python -m benchmarks.anomalies.main [--seeds dev|test|N…]``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.anomalies import nab, peers, product
from benchmarks.anomalies.engine import Engine
from benchmarks.anomalies.generator import World, generate
from benchmarks.anomalies.parameters import DEV_SEEDS, TEST_SEEDS
from benchmarks.anomalies.scoring import Flags, Score, score, table

REPORT = Path(__file__).parent / "results.md"
BUDGET = 2.0  # false alarms of 1,000 campaign-days


def at_budget(worlds: list[World], name: str) -> dict[str, Score]:
    """A peer at the lowest threshold that keeps within the budget of false alarms, of twelve tried."""
    distances = [peers.distances(w, name) for w in worlds]
    usual = peers.PEERS[name][1]
    for factor in np.geomspace(0.7, 6, 12):
        result = score(worlds, [Flags(d >= usual * factor) for d in distances])
        if result["all"].false_alarms <= BUDGET:
            break
    return result


def measure(seeds: list[int], *, with_peers: bool) -> tuple[str, dict[str, Score]]:
    """The report's tables, and the product's figures by tier."""
    worlds = [generate(seed) for seed in seeds]
    engine = Engine()
    started = time.process_time()
    runs = [product.detect(world, engine) for world in worlds]
    seconds = time.process_time() - started
    ours = score(worlds, [run.flags for run in runs])
    usual = {"**InsightFlow**": ours}
    matched = {"**InsightFlow**": ours}
    usual["count-aware z, as described"] = score(worlds, [Flags(peers.reference(w, engine)) for w in worlds])
    if with_peers:
        for name, (_, threshold) in peers.PEERS.items():
            usual[name] = score(worlds, [Flags(peers.distances(w, name) >= threshold) for w in worlds])
            matched[name] = at_budget(worlds, name)
    engine.close()
    tiers = ("all", ">= 200", "20-200", "< 20")
    text = f"Seeds {', '.join(map(str, seeds))}: {sum(len(w.events) for w in worlds)} planted events.\n"
    text += "\nAt its usual threshold each:\n" + table(usual, tiers)
    if with_peers:
        text += f"\n\nPeers at thresholds that keep {BUDGET:g} false alarms of 1,000 campaign-days:\n" + table(
            matched, tiers[:2]
        )
    named = ", ".join(f"{tier} {s.named:.2f}" for tier, s in ours.items())
    text += f"\n\nRight kind among the found: {named}. The detector took {seconds:.0f} CPU seconds.\n"
    text += f"\nNAB's ad-exchange series, standard profile:\n\n{nab.report()}\n"
    return text, ours


def main() -> None:
    """Print the tables, and keep them with ``--report``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", default=["dev"], help="dev, test, or numbers")
    parser.add_argument("--no-peers", action="store_true", help="only the product and the count-aware z")
    parser.add_argument("--report", nargs="?", const=REPORT, type=Path, help="write the tables to a file")
    options = parser.parse_args()
    known = {"dev": DEV_SEEDS, "test": TEST_SEEDS}
    seeds = [seed for name in options.seeds for seed in known.get(name, (name,))]
    text, _ = measure([int(seed) for seed in seeds], with_peers=not options.no_peers)
    print(text)
    if options.report:
        options.report.write_text("# Anomalies: the bench's last run\n\n" + text)


if __name__ == "__main__":
    main()
