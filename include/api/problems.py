"""Every error as an RFC 9457 problem document, with the request's id."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from include.api.limits import TooMany
from include.api.parameters import UnknownName

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


class FieldProblem(BaseModel):
    """One parameter or field that was refused."""

    field: str = Field(description="where it is, for example query.limit")
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldProblem] = []


class Unavailable(Exception):
    """A database does not answer; a later request may succeed."""

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"{service} does not answer")
        self.service = service
        self.reason = reason


class MixedCurrencies(ValueError):
    """A period's days are in several reporting currencies: their money is not added. The message names both."""


class BadText(ValueError):
    """A text that PostgreSQL cannot hold: it has a NUL character."""


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    errors: list[FieldProblem] | None = None,
) -> JSONResponse:
    """The response of an error; ``detail`` is a sentence for people."""
    document = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        request_id=getattr(request.state, "request_id", ""),
        errors=errors or [],
    )
    content = document.model_dump(exclude=set() if errors else {"errors"})
    return JSONResponse(content, status, headers, MEDIA_TYPE)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if detail == HTTPStatus(error.status_code).phrase:
        detail = {
            404: f"There is nothing at {request.url.path}. The routes are listed at /docs.",
            405: f"{request.method} is not possible at {request.url.path}. The routes are listed at /docs.",
        }.get(error.status_code, detail)
    return problem(request, error.status_code, detail, headers=dict(error.headers or {}))


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldProblem(field=".".join(str(part) for part in item["loc"]), message=str(item["msg"]))
        for item in error.errors()
    ]
    detail = "; ".join(f"{item.field}: {item.message}" for item in errors)
    return problem(request, 422, detail, errors=errors)


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Unavailable)
    log.warning("%s: %s (request %s)", error, error.reason, getattr(request.state, "request_id", ""))
    return problem(
        request,
        503,
        f"{error.service} does not answer now. Try again in {RETRY_AFTER_SECONDS} seconds; "
        "`bin/insightflow doctor` on the server says what is wrong.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


async def _too_many(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TooMany)
    return problem(request, 429, str(error), headers={"Retry-After": str(error.seconds)})


async def _bad_text(request: Request, error: Exception) -> JSONResponse:
    return problem(request, 422, "A text has a NUL character; no name or key has one.")


async def _unknown_name(request: Request, error: Exception) -> JSONResponse:
    return problem(request, 422, f"{error}.")


async def _mixed_currencies(request: Request, error: Exception) -> JSONResponse:
    return problem(request, 409, str(error))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    request_id = getattr(request.state, "request_id", "")
    log.error("request %s failed", request_id, exc_info=error)
    return problem(request, 500, f"Something went wrong here, not with you. The server's log names it {request_id}.")


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(TooMany, _too_many)
    app.add_exception_handler(BadText, _bad_text)
    app.add_exception_handler(UnknownName, _unknown_name)
    app.add_exception_handler(MixedCurrencies, _mixed_currencies)
    app.add_exception_handler(Exception, _unexpected)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the errors that a route gives."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }
