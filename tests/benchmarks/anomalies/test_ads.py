"""Ads of the synthetic campaigns, and how the detector's flags of them are scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.anomalies import ad_scoring, product
from benchmarks.anomalies.ads import SUMS, Ads, with_ads
from benchmarks.anomalies.engine import Engine
from benchmarks.anomalies.generator import World, generate
from benchmarks.anomalies.parameters import DEFAULT, AdParameters
from benchmarks.anomalies.scoring import explained

SMALL = replace(DEFAULT, campaigns=30, days=200)
MANY = AdParameters(events_an_ad_year=4)


@pytest.fixture(scope="module")
def split() -> tuple[World, World, Ads]:
    world = generate(5, SMALL)
    return world, *with_ads(world, MANY)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


def test_a_campaign_is_the_sum_of_its_ads(split: tuple[World, World, Ads]) -> None:
    before, after, ads = split
    for name in SUMS:
        sums = np.zeros(after.metrics[name].shape)
        np.add.at(sums, ads.campaign, ads.metrics[name])
        assert np.allclose(sums, after.metrics[name], atol=0.006)
    assert np.allclose(before.metrics["impressions"], after.metrics["impressions"], atol=6)
    assert (ads.metrics["clicks"] <= ads.metrics["impressions"]).all()
    assert (ads.metrics["conversions"] <= ads.metrics["clicks"]).all()


def test_a_world_has_the_same_ads_again(split: tuple[World, World, Ads]) -> None:
    _, again = with_ads(generate(5, SMALL), MANY)
    assert again.events == split[2].events
    assert all((again.metrics[name] == split[2].metrics[name]).all() for name in SUMS)


def test_problems_of_ads_stay_clear_of_those_of_campaigns(split: tuple[World, World, Ads]) -> None:
    world, _, ads = split
    near, _ = explained(world)
    assert {event.kind for event in ads.events} == set(ad_scoring.KINDS)
    for event in ads.events:
        assert not near[ads.campaign[event.ad], event.start : event.end + 1].any()
        assert ads.present[event.ad, event.start : event.end + 1].all()


def test_flags_of_ads_are_read_from_the_detectors_table(split: tuple[World, World, Ads], engine: Engine) -> None:
    _, world, ads = split
    product.detect(world, engine, ads)
    run = ad_scoring.read(world, ads, engine)
    assert len(run.found) == len(ads.events)
    assert run.judged_days["ad"] > run.judged_days["ad_group"] > 0
    large = [f for f in run.found if f.judged and f.clicks >= 400]
    assert large and sum(f.flagged for f in large) >= 0.5 * len(large)
    assert run.false_days["ad"] <= 0.01 * run.judged_days["ad"]
    assert f"{len(ads.events)} planted problems" in ad_scoring.table([run])
