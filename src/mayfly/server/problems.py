"""Errors as a client of the server sees them: a status and `{"error", "remedy", "details"}`.

What is neither a MayflyError nor the framework's is a defect of ours: the client gets the
request's id, which our log has too.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from mayfly.domain.errors import HostCannot, MayflyError
from mayfly.server.refusals import Refused
from mayfly.store.base import KeyTaken, StoreUnavailable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is said of an error."""

    status: int
    error: str
    remedy: str | None = None
    details: str | None = None
    headers: Mapping[str, str] | None = None


KINDS = (MayflyError, KeyTaken, RequestValidationError, HTTPException)

Shown = Callable[[Request, Problem], Awaitable[Response]]
"""Puts a problem before the client. Raises nothing."""


def problem_of(error: Exception) -> Problem:
    """Of any of the `KINDS`."""
    match error:
        case MayflyError():
            status, headers = _status(error)
            return Problem(status, error.message, error.remedy, error.details, headers)
        case KeyTaken():
            return Problem(HTTPStatus.CONFLICT, "there is one of that name already")
        case RequestValidationError():
            places = _places(error.errors())
            return Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "the request is not valid", None, places
            )
        case HTTPException():
            return Problem(error.status_code, error.detail, headers=error.headers)
    raise TypeError(f"no problem for {error!r}")


def defect(error: Exception) -> Problem:
    """Of anything else; our log tells the rest."""
    _log.error("defect", exc_info=error)
    number = structlog.contextvars.get_contextvars().get("request", "unknown")
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "the server has a defect",
        remedy=f"tell who runs it this id of the request, which is in its log: {number}",
    )


async def as_json(_request: Request, problem: Problem) -> Response:
    body = {"error": problem.error, "remedy": problem.remedy, "details": problem.details}
    return JSONResponse(body, problem.status, dict(problem.headers or {}))


def install(app: FastAPI, shown: Shown = as_json) -> None:
    """Every error of any route is shown that way."""

    async def handle(request: Request, error: Exception) -> Response:
        return await shown(request, problem_of(error))

    for kind in KINDS:
        app.add_exception_handler(kind, handle)


def _status(error: MayflyError) -> tuple[HTTPStatus, Mapping[str, str]]:
    match error:
        case Refused():
            return error.status, error.headers
        case StoreUnavailable():
            return HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"}
        case HostCannot():
            return HTTPStatus.SERVICE_UNAVAILABLE, {}
    return HTTPStatus.BAD_REQUEST, {}


def _places(errors: Any) -> str:
    """One line for each: where, and what is wrong; without the input, which may be a secret."""
    return "\n".join(
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in errors
    )
