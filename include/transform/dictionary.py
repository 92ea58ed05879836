"""The data dictionary, ``docs/data-dictionary.md``: every table, every column, from the docs blocks of the dbt project.

``python -m include.transform.dictionary`` writes the page (``make docs`` does). It parses the project and needs no
warehouse.
"""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from include.settings import REPO, Settings
from include.transform import runner

PAGE = REPO / "docs" / "data-dictionary.md"
INTRODUCTION = """\
<!-- Written by `make docs` from dbt_project/models. Do not edit. -->
# Data dictionary

Every table that dbt builds, with its columns and types; below, what each column means. A name means the same
everywhere; where a table has more to say of one, it says so under its columns. Models named `int_…` are steps of the
way and change without notice.
"""
# Folders of models in the order of the flow, with the database that each one fills.
LAYERS = (
    ("staging", "Staging"),
    ("facts", "Facts"),
    ("marts", "Marts and dimensions"),
    ("anomalies", "Anomalies"),
    ("insights", "Insights"),
    ("seeds", "Settings (seeds)"),
)


def parsed_project(home: Path | None = None) -> Any:
    """dbt's manifest of the project, as its JSON says it. Raises ``RuntimeError`` with dbt's own reason."""
    if home is None:
        with tempfile.TemporaryDirectory() as folder:
            return parsed_project(Path(folder))
    outcome = runner.invoke(Settings(_env_file=None, home=home), ["--quiet", "parse"])
    if not outcome.success:
        raise RuntimeError(f"dbt cannot parse the project: {outcome.error}")
    return outcome.result


def page(manifest: Any) -> str:
    """The page, of a manifest. The same project gives the same text."""
    tables = [n for n in manifest.nodes.values() if str(n.resource_type) in ("model", "seed")]
    blocks = _blocks(manifest)
    lines = [INTRODUCTION]
    for folder, title in LAYERS:
        lines.append(f"## {title}\n")
        for node in sorted((n for n in tables if folder in _folders(n)), key=lambda n: str(n.name)):
            lines += _table(node, blocks)
    lines.append("## Columns\n\n| column | meaning | in |\n|---|---|---|")
    users: dict[str, list[str]] = defaultdict(list)
    meanings = dict(blocks)
    for node in sorted(tables, key=lambda n: str(n.name)):
        for name, column in node.columns.items():
            users[name].append(str(node.name))
            meanings.setdefault(name, column.description)
    lines += [f"| `{name}` | {_cell(meanings[name])} | {_named(users[name])} |" for name in sorted(users)]
    return "\n".join(lines) + "\n"


def columns_without_block(manifest: Any) -> list[str]:
    """``table.column`` of every column whose description does not begin with a docs block.

    That is the block of its name, or a longer one of its own layer.
    """
    blocks = tuple(_words(block) for block in _blocks(manifest, "").values())
    return sorted(
        f"{node.name}.{name}"
        for node in manifest.nodes.values()
        if str(node.resource_type) in ("model", "seed")
        for name, column in node.columns.items()
        if not _words(column.description).startswith(blocks)
    )


def write() -> Path:
    """Write the page; return where."""
    PAGE.write_text(page(parsed_project()))
    return PAGE


def _table(node: Any, blocks: dict[str, str]) -> Iterable[str]:
    # seeds have their types in the configuration, models in the contract
    seeded: dict[str, str] = node.config.get("column_types") or {}
    types = {name: column.data_type or seeded.get(name, "") for name, column in node.columns.items()}
    yield f"### `{node.schema}.{node.name}`\n\n{_words(node.description)}\n"
    columns = [f"`{name}`" + (f" {_short(kind)}" if kind else "") for name, kind in types.items()]
    yield ", ".join(columns) + "\n"
    more = [
        (name, _words(column.description).removeprefix(_words(blocks.get(name, ""))).strip())
        for name, column in node.columns.items()
    ]
    notes = [f"- `{name}`: {words}" for name, words in more if words]
    if notes:
        yield "\n".join(notes) + "\n"


def _blocks(manifest: Any, file: str = "columns.md") -> dict[str, str]:
    return {
        str(block.name): str(block.block_contents)
        for block in manifest.docs.values()
        if block.package_name == "insightflow" and block.path.endswith(file)
    }


def _folders(node: Any) -> tuple[str, ...]:
    return Path(str(node.original_file_path)).parts[:-1]


def _short(kind: str) -> str:
    """A type as a reader wants it: LowCardinality is how it is stored, `?` is Nullable."""
    kind = re.sub(r"LowCardinality\((.*)\)", r"\1", kind)
    return re.sub(r"Nullable\((.*)\)", r"\1?", kind)


def _named(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _words(text: str) -> str:
    return " ".join(str(text).split())


def _cell(text: str) -> str:
    return _words(text).replace("|", "\\|")


if __name__ == "__main__":
    print(f"written: {write()}")
