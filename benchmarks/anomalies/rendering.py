"""The SQL of dbt models without dbt: models and macros of the project, rendered by Jinja as a full refresh has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
import yaml

from include.settings import REPO

PROJECT = REPO / "dbt_project"
_MACRO = re.compile(r"({%-?\s*macro\s+)(\w+)")


class _Return(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Renderer:
    """Macros of the project under their names. `tables` says what `ref('name')` becomes, else the name itself."""

    def __init__(self, tables: Mapping[str, str] | None = None, **context: Any) -> None:
        self.environment = jinja2.Environment(extensions=["jinja2.ext.do"])
        names = tables or {}
        self.environment.globals.update(
            {
                "ref": lambda name: names.get(name, name),
                "config": lambda **_: "",
                "return": self._return,
                "is_incremental": lambda: False,
                "var": yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["insightflow"].get,
                "execute": False,
                **context,
            }
        )
        texts = [path.read_text() for path in sorted((PROJECT / "macros").rglob("*.sql"))]
        texts = [text for text in texts if not any(block in text for block in ("{% test", "{% materialization"))]
        macros: dict[str, Callable[..., Any]] = {}
        for text in texts:  # names first: a module keeps the globals it was made with
            self.environment.globals.update({name: self._callable(name, macros) for _, name in _MACRO.findall(text)})
        for text in texts:
            module = self.environment.from_string(_MACRO.sub(r"\1dbt_macro__\2", text)).module
            macros.update({name: getattr(module, f"dbt_macro__{name}") for _, name in _MACRO.findall(text)})

    @staticmethod
    def _return(value: Any) -> None:
        raise _Return(value)

    @staticmethod
    def _callable(name: str, macros: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return macros[name](*args, **kwargs)
            except _Return as done:
                return done.value

        return call

    def text(self, source: str) -> str:
        """A piece of Jinja."""
        return self.environment.from_string(source).render()

    def model(self, path: str) -> str:
        """The query of a model, by its path below models/ without the ending."""
        return self.text((PROJECT / "models" / f"{path}.sql").read_text())
