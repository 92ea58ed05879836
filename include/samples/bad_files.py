"""Files that must not load, or not whole, named for what is wrong with them."""

import json
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from include.samples.profile import DEMO, Profile


@dataclass(frozen=True)
class BadFile:
    """A bad file: what is wrong, and how many rows load and are rejected (0 and 0: refused whole).

    None of them shares an account with the good files, so the truth of those stands.
    """

    path: Path
    problem: str
    rows_loaded: int
    rows_rejected: int


def write_bad_files(out_dir: Path, profile: Profile = DEMO) -> tuple[BadFile, ...]:
    """Write the bad files into the workspace's folders below `out_dir`."""
    root = out_dir / profile.workspace
    day = profile.last_day.isoformat()
    return (
        _put(root / "inbox/unknown_layout.csv", _unknown_layout(day), "no source has such columns"),
        _put(root / "meta_ads/cut_in_the_middle.json", _cut(day), "the JSON ends in the middle of a row"),
        _put(root / "google_ads/empty_file.csv", b"", "0 bytes"),
        _put(
            root / "google_ads/wrong_encoding_png_bytes.csv",
            _png(profile.seed),
            "a PNG picture renamed to .csv, text in no encoding",
        ),
        _put(
            root / "generic/two_bad_rows_of_five.csv",
            _bad_rows(profile),
            "row 2 has a date that does not exist, row 4 has abc for impressions",
            loaded=3,
            rejected=2,
        ),
    )


def _put(path: Path, content: bytes, problem: str, loaded: int = 0, rejected: int = 0) -> BadFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    aside.write_bytes(content)
    aside.replace(path)
    return BadFile(path, problem, loaded, rejected)


def _unknown_layout(day: str) -> bytes:
    return f"shelf;weight_kg;inspector\nA-17;12,5;Kim\nB-02;8,0;Lee on {day}\n".encode()


def _cut(day: str) -> bytes:
    row = {
        "account_id": "cut-in-the-middle-demo",
        "account_currency": "EUR",
        "campaign_id": "120299999999999901",
        "campaign_name": "DE | Cut | Demo",
        "adset_id": "120299999999999902",
        "ad_id": "120299999999999903",
        "date_start": day,
        "date_stop": day,
        "impressions": "1000",
        "inline_link_clicks": "20",
        "spend": "9.50",
    }
    rows = [row | {"ad_id": f"1202999999999999{n:02d}"} for n in range(10, 20)]
    text = json.dumps({"data": rows, "paging": {"cursors": {"before": "MAZDZD", "after": "MAZDZD"}}}, indent=1)
    return text.encode()[: len(text) // 2]


def _png(seed: int) -> bytes:
    """A real picture of 64 by 64 grey random points, stored without compression (so: the same bytes)."""
    points = np.random.default_rng([seed, 13]).integers(0, 256, (64, 64), dtype=np.uint8)
    scanlines = b"".join(b"\x00" + line.tobytes() for line in points)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(scanlines, 0)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _bad_rows(profile: Profile) -> bytes:
    day, month = profile.last_day.isoformat(), f"{profile.last_day:%Y-%m}"
    account = "bad-rows-demo,Bad rows demo"
    return (
        "date,account_id,account_name,campaign_id,campaign_name,impressions,clicks,cost,conversions,"
        "conversion_value,currency\n"
        f"{day},{account},br-1,First good,1000,50,25.00,2,90.00,EUR\n"
        f"{month}-45,{account},br-2,Bad date,800,40,20.00,1,45.00,EUR\n"
        f"{day},{account},br-3,Second good,600,30,15.00,1,45.00,EUR\n"
        f"{day},{account},br-4,Bad impressions,abc,20,10.00,0,0.00,EUR\n"
        f"{day},{account},br-5,Third good,200,10,5.00,0,0.00,EUR\n"
    ).encode()
