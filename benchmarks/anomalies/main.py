"""The detector and its peers on the synthetic accounts: ``python -m benchmarks.anomalies.main [--seeds dev|test|N…]``.

A report also has what becomes of ads, of more campaigns, and of hourly series.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.anomalies import ad_scoring, hourly_peers, library_peers, peers, product
from benchmarks.anomalies.ads import with_ads
from benchmarks.anomalies.engine import Engine
from benchmarks.anomalies.generator import Floats, World, generate
from benchmarks.anomalies.parameters import DEFAULT, DEV_SEEDS, TEST_SEEDS
from benchmarks.anomalies.scoring import Flags, Score, score, table

REPORT = Path(__file__).parent / "results.md"
BUDGET = 2.0  # false alarms of 1,000 campaign-days


def at_budget(worlds: list[World], distances: list[Floats], usual: float) -> dict[str, Score]:
    """A peer at the lowest threshold that keeps within the budget of false alarms, of twelve tried."""
    for factor in np.geomspace(0.7, 6, 12):
        result = score(worlds, [Flags(d >= usual * factor) for d in distances])
        if result["all"].false_alarms <= BUDGET:
            break
    return result


def peers_distances(worlds: list[World]) -> dict[str, tuple[list[Floats], float]]:
    """Each peer's distances in the worlds, and its usual threshold."""
    found = {
        name: ([peers.distances(w, name) for w in worlds], threshold) for name, (_, threshold) in peers.PEERS.items()
    }
    libraries = [library_peers.distances(w) for w in worlds]
    for name, (_, threshold) in library_peers.LIBRARIES.items():
        if all(name in of_world for of_world in libraries):
            found[name] = [of_world[name] for of_world in libraries], threshold
    return found


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
        for name, (distances, threshold) in peers_distances(worlds).items():
            usual[name] = score(worlds, [Flags(d >= threshold) for d in distances])
            matched[name] = at_budget(worlds, distances, threshold)
    engine.close()
    tiers = ("all", ">= 200", "20-200", "< 20")
    text = f"Seeds {', '.join(map(str, seeds))}: {sum(len(w.events) for w in worlds)} planted events.\n"
    text += "\nAt its usual threshold each:\n" + table(usual, tiers)
    if with_peers:
        text += f"\n\nPeers at thresholds that keep {BUDGET:g} false alarms of 1,000 campaign-days:\n" + table(
            matched, tiers[:2]
        )
        if not usual.keys() & library_peers.LIBRARIES.keys():
            names = ", ".join(library_peers.LIBRARIES)
            text += f"\n\nLeft out: {names}; set INSIGHTFLOW_BENCH_PYTHON to a Python with requirements-bench.txt."
    named = ", ".join(f"{tier} {s.named:.2f}" for tier, s in ours.items())
    by_kind = ", ".join(f"{kind} {share:.2f}" for kind, share in ours["all"].named_by_kind.items())
    text += (
        f"\n\nRight kind among the found: {named}; by kind: {by_kind}. The detector took {seconds:.0f} CPU seconds.\n"
    )
    return text, ours


def ads(seeds: list[int]) -> str:
    """Ads and ad groups of the same accounts."""
    engine = Engine()
    runs = []
    for seed in seeds:
        world, its_ads = with_ads(generate(seed))
        product.detect(world, engine, its_ads)
        runs.append(ad_scoring.read(world, its_ads, engine))
    engine.close()
    return ad_scoring.table(runs)


def growth(seeds: list[int]) -> str:
    """Figures by the number of campaigns of a workspace: of some ten thousands of campaign-days or more each."""
    engine = Engine()
    lines = ["| campaigns | seeds | events | false alarms of 1,000 | recall | precision | F1 |", "|---" * 7 + "|"]
    for campaigns, of_them in ((100, seeds), (300, seeds[:3]), (1_000, seeds[:2])):
        worlds = [generate(seed, replace(DEFAULT, campaigns=campaigns)) for seed in of_them]
        s = score(worlds, [product.detect(world, engine).flags for world in worlds])["all"]
        lines.append(
            f"| {campaigns:,} | {', '.join(map(str, of_them))} | {s.events} | {s.false_alarms:.1f} | {s.recall:.2f}"
            f" | {s.precision:.2f} | {s.f1:.2f} |"
        )
    engine.close()
    return "\n".join(lines)


def more(seeds: list[int]) -> str:
    """The sections of a report beside the tables of detectors."""
    text = f"\n## Ads and ad groups\n\nThe same seeds, each campaign of one to six ads: {ads(seeds)}\n"
    text += f"\n## By the number of campaigns\n\n{growth(seeds)}\n"
    return text + f"\n## Hourly series: NAB's scoring, standard profile\n\n{hourly_peers.report()}\n"


def main() -> None:
    """Print the tables, and keep them with ``--report``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", default=["dev"], help="dev, test, or numbers")
    parser.add_argument("--no-peers", action="store_true", help="only the product and the count-aware z")
    parser.add_argument("--report", nargs="?", const=REPORT, type=Path, help="write the tables to a file")
    options = parser.parse_args()
    known = {"dev": DEV_SEEDS, "test": TEST_SEEDS}
    seeds = [seed for name in options.seeds for seed in known.get(name, (name,))]
    numbers = [int(seed) for seed in seeds]
    text, _ = measure(numbers, with_peers=not options.no_peers)
    if options.report:
        text += more(numbers)
    print(text)
    if options.report:
        options.report.write_text("# Anomalies: the bench's last run\n\n" + text)


if __name__ == "__main__":
    main()
