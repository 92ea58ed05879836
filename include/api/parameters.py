"""Names that a caller gave: an unknown one is refused with the known ones, never passed over in silence."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel


class UnknownName(ValueError):
    """A value of a filter that names nothing there is."""


def nearest(name: str, known: Collection[str]) -> str:
    """``did you mean X? `` for a name that resembles a known one, else ''."""
    by_fold = {one.casefold(): one for one in known}
    found = get_close_matches(name.casefold(), by_fold, 1, 0.7)
    found = found or [fold for fold in sorted(by_fold) if len(name) > 2 and fold.startswith(name.casefold())][:1]
    return f"did you mean {by_fold[found[0]]}? " if found else ""


def unknown(name: str, known: Collection[str], kind: str = "parameter", place: str = "here") -> str:
    """The sentence about a name that is none of the known ones."""
    listed = f"known are {', '.join(sorted(known))}" if known else "there are none"
    return f"there is no {kind} {name[:100]} {place}; {nearest(name, known)}{listed}"


def refuse_unknown(request: Request) -> None:
    """422 for query parameters that the route does not take: a filter with a slip would else answer everything."""
    known = _known(request)
    strange = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if strange:
        raise RequestValidationError([{"loc": ("query", name), "msg": unknown(name, known)} for name in strange])


def _known(request: Request) -> list[str]:
    names: list[str] = []
    for field in get_flat_dependant(request.scope["route"].dependant).query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            names += model.model_fields
        else:
            names.append(field.alias)
    return names
