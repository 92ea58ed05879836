"""The five accounts, their campaigns and what is normal for each kind of campaign."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class CampaignType:
    """What is normal for a kind of campaign. `week` is Monday to Sunday, relative."""

    label: str
    ctr: float
    cpc: float
    cvr: float
    aov: float
    week: tuple[float, float, float, float, float, float, float]


_OFFICE = (1.12, 1.12, 1.10, 1.06, 1.00, 0.78, 0.82)
_SHOPPER = (0.96, 0.92, 0.93, 0.96, 1.00, 1.10, 1.13)
_FEED = (0.94, 0.95, 0.97, 0.99, 1.02, 1.06, 1.07)
_FLAT = (1.00, 1.01, 1.00, 1.00, 1.00, 0.99, 1.00)
_TUESDAY = (0.85, 1.75, 1.20, 0.95, 0.85, 0.70, 0.70)
_THURSDAY = (0.80, 0.80, 0.90, 1.80, 1.25, 0.80, 0.65)

TYPES: dict[str, CampaignType] = {
    "brand": CampaignType("Search", 0.110, 0.45, 0.048, 64.0, _FLAT),
    "search": CampaignType("Search", 0.045, 1.10, 0.035, 92.0, _OFFICE),
    "shopping": CampaignType("Shopping", 0.012, 0.55, 0.024, 84.0, _SHOPPER),
    "pmax": CampaignType("Performance Max", 0.018, 0.62, 0.028, 88.0, _SHOPPER),
    "display": CampaignType("Display", 0.006, 0.28, 0.004, 60.0, _FLAT),
    "prospecting": CampaignType("Sales", 0.011, 0.70, 0.016, 74.0, _FEED),
    "retargeting": CampaignType("Sales", 0.019, 0.85, 0.038, 82.0, _FEED),
    "tuesday": CampaignType("Newsletter", 0.028, 0.38, 0.020, 58.0, _TUESDAY),
    "thursday": CampaignType("Newsletter", 0.028, 0.38, 0.022, 52.0, _THURSDAY),
    "affiliate": CampaignType("Affiliate", 0.035, 0.30, 0.018, 66.0, _SHOPPER),
}


@dataclass(frozen=True)
class AccountSpec:
    """One ad account: what it is called and in which form its platform exports it."""

    key: str
    source: str
    export: str
    account_id: str
    account_name: str
    currency: str
    file_stem: str
    extension: str
    restates: bool
    top_clicks: float
    low_clicks: float
    has_tiny: bool
    conversion_decimals: int
    parts: tuple[str, ...]
    campaign_id_base: int
    campaign_id_prefix: str
    names: tuple[tuple[str, str], ...]

    @property
    def lists_zeros(self) -> bool:
        """Whether the export has rows without activity; the others leave them out."""
        return self.export == "google_ads_ui_csv"


_WHOLE = ("",)
_DEVICES = ("DESKTOP", "MOBILE", "TABLET")
_ADS = ("UGC 1", "UGC 2", "Carousel", "Static")

ACCOUNTS: tuple[AccountSpec, ...] = (
    AccountSpec(
        "google_ads_us", "google_ads", "google_ads_ui_csv", "4175520931", "Northwind US", "USD",
        "google_ads_us_campaigns", "csv", True, 8000, 20, True, 2, _WHOLE, 20123456700, "",
        (
            ("Brand, exact | US", "brand"),
            ("PMax | Shoes, all sizes | US", "pmax"),
            ("Shopping | Outdoor, hiking | US", "shopping"),
            ("Search | Running shoes, non-brand | US", "search"),
            ("Display | Remarketing, 30 days | US", "display"),
            ("Search | Competitors | US", "search"),
            ("Search | Waxed laces, test | US", "search"),
        ),
    ),
    AccountSpec(
        "google_ads_uk", "google_ads", "google_ads_api", "6289913047", "Northwind UK", "GBP",
        "google_ads_uk_search_stream", "json", True, 4200, 40, False, 6, _DEVICES, 21765400300, "",
        (
            ("PMax | Shoes | UK", "pmax"),
            ("Brand | UK", "brand"),
            ("Shopping | Outdoor | UK", "shopping"),
            ("Search | Walking boots | UK", "search"),
            ("Search | Trail running | UK", "search"),
            ("Display | Prospecting | UK", "display"),
        ),
    ),
    AccountSpec(
        "meta_ads_de", "meta_ads", "meta_insights_api", "798085168510957", "Northwind DE", "EUR",
        "meta_ads_de_insights", "json", True, 5200, 80, True, 0, _ADS, 120211234567890100, "",
        (
            ("DE | Prospecting | Video Frühling", "prospecting"),
            ("DE | Retargeting | Katalog", "retargeting"),
            ("DE | Prospecting | Lookalike 1 %", "prospecting"),
            ("DE | Retargeting | Warenkorb", "retargeting"),
            ("DE | Test | Größenberater", "prospecting"),
        ),
    ),
    AccountSpec(
        "meta_ads_us", "meta_ads", "meta_ads_manager_csv", "1034467719250388", "Northwind Social US", "USD",
        "meta_ads_us_campaigns", "csv", False, 3000, 30, False, 0, _WHOLE, 120213377009400200, "",
        (
            ("US | Prospecting | Summer hikes", "prospecting"),
            ("US | Retargeting | Catalogue", "retargeting"),
            ("US | Prospecting | Lookalike, buyers", "prospecting"),
            ("US | Retargeting | Cart", "retargeting"),
            ("US | Prospecting | Trail stories", "prospecting"),
        ),
    ),
    AccountSpec(
        "newsletter_eu", "generic", "generic_ndjson", "nw-partners-eu", "Northwind Partners EU", "EUR",
        "newsletter_eu_campaigns", "ndjson", False, 1500, 25, True, 0, _WHOLE, 100, "nl-",
        (
            ("Newsletter | Tuesday", "tuesday"),
            ("Newsletter | Thursday deals", "thursday"),
            ("Affiliate | Deal sites", "affiliate"),
            ("Affiliate | Bloggers", "affiliate"),
            ("Affiliate | Student referral", "affiliate"),
        ),
    ),
)  # fmt: skip


class Account:
    """An account with its campaigns, biggest first; every array has one value for each campaign."""

    def __init__(self, index: int, campaigns: int, seed: int, volume: float) -> None:
        self.index = index
        self.spec = ACCOUNTS[index]
        self.size = campaigns
        known = self.spec.names
        picks = [known[i % len(known)] for i in range(campaigns)]
        self.names = [n if i < len(known) else f"{n} #{i + 1}" for i, (n, _) in enumerate(picks)]
        self.types = [TYPES[t] for _, t in picks]
        base = self.spec.campaign_id_base
        self.ids = [f"{self.spec.campaign_id_prefix}{base + 1 + i}" for i in range(campaigns)]
        rng = np.random.default_rng([seed, index, 0])
        self.level: Floats = self._levels() * volume * self._jitter(rng, 0.06)
        self.ctr = np.array([t.ctr for t in self.types]) * self._jitter(rng, 0.10)
        self.cpc = np.array([t.cpc for t in self.types]) * self._jitter(rng, 0.12)
        self.cvr = np.array([t.cvr for t in self.types]) * self._jitter(rng, 0.12)
        self.aov = np.array([t.aov for t in self.types]) * self._jitter(rng, 0.08)
        self.noise = rng.uniform(0.10, 0.15, campaigns)
        self.trend = rng.normal(0.0, 0.0008, campaigns)
        self.season = rng.uniform(0.0, 2 * np.pi, campaigns)
        self.weights = self._weights(rng)

    def _jitter(self, rng: np.random.Generator, sd: float) -> Floats:
        factors: Floats = np.exp(rng.normal(0.0, sd, self.size))
        return factors

    def _levels(self) -> Floats:
        """Clicks a day, spread evenly in logs; where the account has them, about a tenth are tiny."""
        tiny = max(1, self.size // 10) if self.spec.has_tiny and self.size >= 4 else 0
        big = np.geomspace(self.spec.top_clicks, self.spec.low_clicks, self.size - tiny)
        return np.concatenate([big, np.geomspace(5.0, 2.0, tiny)])

    def _weights(self, rng: np.random.Generator) -> Floats:
        """How a campaign's traffic falls on its parts (devices or ads); a row sums to 1."""
        parts = len(self.spec.parts)
        if self.spec.parts == _DEVICES:
            weights = rng.dirichlet((30.0, 60.0, 6.0), self.size)
        else:
            weights = rng.dirichlet((6.0,) * parts, self.size)
            if parts > 1:  # not every campaign runs every ad
                weights *= np.arange(parts) < rng.integers(2, parts + 1, self.size)[:, None]
        shares: Floats = weights / weights.sum(axis=1, keepdims=True)
        return shares

    @cached_property
    def week(self) -> Floats:
        """Relative level by weekday, (7, campaigns), with mean 1."""
        week = np.array([t.week for t in self.types], dtype=np.float64).reshape(self.size, 7).T
        relative: Floats = week / week.mean(axis=0)
        return relative
