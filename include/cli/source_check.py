"""Whether a spec holds together: each problem with its file, line, key and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from include.landing.recognise import normal
from include.landing.specs import Made, Shape, Source, spec_files

REMEDIES = {
    "extra_forbidden": "there is no such key; see the keys of the other specs, or remove it",
    "missing": "add it",
    "literal_error": "use one of the values named",
    "tuple_type": "write a list: [header, other header]",
    "dict_type": "write a mapping: {key: value}",
    "string_type": "write text; put quotes around it if it looks like a number or a date",
    "int_parsing": "write a whole number",
}


@dataclass(frozen=True)
class Problem:
    """``line`` counts from 1; 0 where it is of the whole file."""

    file: str
    line: int
    key: str
    problem: str
    remedy: str

    def as_row(self) -> dict[str, Any]:
        """As a row to show."""
        return asdict(self)


def check(paths: Sequence[Path] = ()) -> tuple[list[Source], list[Problem]]:
    """Read all specs, with those of ``paths`` in place of or beside ours: ``(specs that hold, problems)``."""
    given = {path.stem: path for path in paths}
    files = {**spec_files(), **given}
    specs: list[Source] = []
    problems: list[Problem] = []
    for path in files.values():
        spec, found = _read(path)
        problems += found
        if spec:
            specs.append(spec)
            problems += _meaning(path, spec)
    problems += _shared_names(specs, files)
    return specs, problems


def _read(path: Path) -> tuple[Source | None, list[Problem]]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        return None, [Problem(str(path), 0, "", f"cannot be read: {error}", "give the path of a YAML file in UTF-8")]
    try:
        tree = yaml.compose(text)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "no YAML"
        at = mark.line + 1 if mark else 0
        return None, [Problem(path.name, at, "", f"no YAML: {what}", "look at quotes, colons and blanks of that line")]
    try:
        spec = Source.model_validate(value)
    except ValidationError as error:
        return None, [_of_error(path, tree, value, found) for found in _telling(value, error)]
    except re.error as error:
        return None, [_of_pattern(path, text, str(error.pattern), error)]
    if spec.source != path.stem:
        problem = f"the file is {path.name} and its source {spec.source}"
        return None, [Problem(path.name, _line(tree, ("source",)), "source", problem, f"name it {spec.source}.yml")]
    return spec, []


def _telling(value: Any, error: ValidationError) -> Iterator[Any]:
    """Errors without those of the other kind: a header is text, or a mapping that makes a value."""
    for found in error.errors():
        here: Any = value
        kinds = [part for part in found["loc"] if _is_kind(part)]
        for part in found["loc"]:
            if _is_kind(part):
                break
            here = _inner(here, part)
        if kinds and (kinds[0] != "str") != isinstance(here, dict):
            continue
        yield found


def _of_pattern(path: Path, text: str, pattern: str, error: re.error) -> Problem:
    at = next((number for number, line in enumerate(text.splitlines(), start=1) if pattern in line), 0)
    return Problem(path.name, at, pattern, f"no pattern: {error}", "escape what is meant as it stands: \\( \\) \\. \\|")


def _is_kind(part: Any) -> bool:
    """Whether a part of pydantic's location names a member of the union text | Made."""
    return part == "str" or "Made" in str(part)


def _inner(here: Any, part: Any) -> Any:
    """What stands under a key or at a place; None where there is nothing."""
    if isinstance(here, dict):
        return here.get(part)
    return here[part] if isinstance(here, list) and isinstance(part, int) and part < len(here) else None


def _of_error(path: Path, tree: Any, value: Any, found: Any) -> Problem:
    loc = tuple(part for part in found["loc"] if part != "[key]" and not _is_kind(part))
    message = str(found["msg"]).removeprefix("Value error, ")
    remedy = REMEDIES.get(found["type"], "correct it as the problem says")
    return Problem(path.name, _line(tree, loc), _key(value, loc), message, remedy)


def _key(value: Any, loc: Sequence[Any]) -> str:
    """``shapes[my_csv].columns.cost``: shapes by their id, as an analyst knows them."""
    text = ""
    here: Any = value
    for part in loc:
        here = _inner(here, part)
        if isinstance(part, int):
            name = here.get("id", part) if isinstance(here, dict) else part
            text += f"[{name}]"
        else:
            text += f".{part}" if text else str(part)
    return text


def _line(tree: Any, loc: Sequence[Any]) -> int:
    """Line of the deepest key on the way that is there."""
    line = tree.start_mark.line + 1 if tree else 0
    node = tree
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


# ------------------------------------------------------------------------------------------------------- meaning


def _meaning(path: Path, spec: Source) -> Iterator[Problem]:
    """What the model cannot see: units of headers that nobody names, marks that are missing."""
    tree = yaml.compose(path.read_text())

    def problem(loc: tuple[Any, ...], what: str, remedy: str) -> Problem:
        value = yaml.safe_load(path.read_text())
        return Problem(path.name, _line(tree, loc), _key(value, loc), what, remedy)

    for number, shape in enumerate(spec.shapes):
        at: tuple[Any, ...] = ("shapes", number)
        named = {normal(header) for header in (*shape.headers(), *_event_headers(shape))}
        for key in ("divisors", "currencies"):
            for header in getattr(shape, key):
                if normal(header) not in named:
                    yield problem(
                        (*at, key, header), f"no column of the shape has the header {header}", "name it as in columns"
                    )
        for header in (h for h in shape.recognise if h.startswith("regex:")):
            try:
                re.compile(header.removeprefix("regex:"))
            except re.error as error:
                yield problem((*at, "recognise"), f"no pattern: {error}", "escape what is meant as it stands")
        if spec.source != "generic" and not shape.recognise and not shape.recognise_preamble:
            yield problem(at, "nothing marks the shape", "give recognise: headers that only this platform has")
        for group in shape.required:
            if not set(group) & {*shape.columns, *shape.measures}:
                yield problem(
                    (*at, "required"), f"none of {', '.join(group)} is a column", "add its headers, or relax required"
                )
        for column, header in _repeated(shape):
            yield problem((*at, "columns", column), f"{header} is there twice", "keep it once")


def _event_headers(shape: Shape) -> Iterator[str]:
    for event in shape.events.values():
        yield from (*event.conversions, *event.conversion_value)


def _repeated(shape: Shape) -> Iterator[tuple[str, str]]:
    for column, wanted in shape.columns.items():
        seen: set[str] = set()
        for header in (w for w in wanted if not isinstance(w, Made)):
            if normal(header) in seen:
                yield column, header
            seen.add(normal(header))


def _shared_names(specs: Iterable[Source], files: dict[str, Path]) -> Iterator[Problem]:
    """Names of folders and shapes that two specs claim."""
    owners: dict[str, str] = {}
    for spec in specs:
        names = [("aliases", name) for name in (spec.source, *spec.aliases)]
        names += [("shapes", shape.id) for shape in spec.shapes]
        for key, name in names:
            owner = owners.setdefault(f"{key} {name}", spec.source)
            if owner != spec.source:
                file = files[spec.source].name
                yield Problem(file, 0, key, f"{name} is already taken by {owner}", "choose another name")
