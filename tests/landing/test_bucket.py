"""The bucket in a folder: what is listed, how files are put, and every name that a file system takes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from include.landing.bucket import Bucket
from include.settings import Settings
from tests.landing.conftest import Landing

GOOD = "date,campaign_id,cost\n2025-05-01,{},5.25\n"


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(Settings(_env_file=None, environment="development", home=tmp_path, bucket=""))


def write(tmp_path: Path, key: str, text: str = "a") -> None:
    path = tmp_path / "landing" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_bucket_that_is_not_there_yet_is_empty(bucket: Bucket) -> None:
    assert list(bucket.files()) == []
    assert not bucket.exists("w/generic/a.csv")


def test_files_come_in_the_order_of_their_keys_and_unready_ones_wait(bucket: Bucket, tmp_path: Path) -> None:
    ready = ["w/generic/a b.csv", "w/generic/a.csv", "w/generic/a/part.csv", "w/generic/ä.csv", "x.csv"]
    for key in (*ready, "_work/1", "w/.hidden/a.csv", "w/generic/b.csv.tmp", "w/generic/_c.csv"):
        write(tmp_path, key)
    assert [file.key for file in bucket.files()] == sorted(ready)
    assert [file.key for file in bucket.files("w/generic/a")] == ["w/generic/a/part.csv"]


def test_a_file_that_vanishes_while_the_folder_is_listed_is_not_there(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "gone.csv").symlink_to(tmp_path / "nowhere")
    write(tmp_path, "here.csv")
    assert [file.key for file in bucket.files()] == ["here.csv"]


def test_nobody_sees_half_of_a_file_that_is_put(bucket: Bucket, tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_bytes(b"x" * 30_000_000)
    sizes: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            sizes.update(file.size for file in bucket.files())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(5):
        bucket.put(source, f"w/generic/{number}.csv")
    done.set()
    watcher.join()
    assert sizes <= {30_000_000}
    assert len(list(bucket.files())) == 5


@pytest.mark.integration
def test_every_name_loads(landing: Landing) -> None:
    names = ["a b.csv", "50% off.csv", "100%25.csv", "a+b&c=d#e.csv", "quo'te\".csv", "back\\slash.csv", "{a,b}*?[1].csv",
             "x.zip::y.csv", "x.tar :: y.csv", "漢字 ü.csv", "new\nline.csv", "-dash.csv", "a,b;c.csv"]  # fmt: skip
    for number, name in enumerate(names):
        landing.put(f"generic/{name}", GOOD.format(1).replace("5.25", f"{number}.25"))
    lines = landing.load()
    assert {name: (line.status, line.rows_loaded, line.error) for name, line in lines.items()} == dict.fromkeys(
        names, ("loaded", 1, "")
    )
    assert landing.waiting() == []
