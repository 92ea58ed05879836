"""The demo set, generated once for all tests of this folder."""

from pathlib import Path
from typing import NamedTuple

import pytest

from include.samples import DEMO, Truth, generate


class Demo(NamedTuple):
    bucket: Path
    truth_dir: Path
    truth: Truth


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    root = tmp_path_factory.mktemp("samples")
    return Demo(root / "bucket", root / "truth", generate(root / "bucket", DEMO, root / "truth"))
