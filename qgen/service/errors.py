"""Errors as clients see them: a code for programs, a sentence, and the field that is at fault."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from qgen.errors import QGenError
from qgen.service.queue import ClosedError, QueueFullError
from qgen.service.schemas import AnswerIn, ErrorOut, ProblemOut

_LOG = logging.getLogger(__name__)
_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorOut, "description": description}
    for status, description in {
        400: "The body cannot be read",
        401: "The token is missing or wrong",
        404: "There is no such batch",
        409: "The batch is not done",
        413: "The body is too large",
        415: "The body is compressed",
        422: "What was sent cannot be used",
        429: "Too much is waiting; see Retry-After",
        503: "The service is shutting down, or its models are not loaded",
        504: "It took too long",
    }.items()
}
"""What each status means, for the OpenAPI."""


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Those of :data:`ERRORS`, as FastAPI's ``responses`` takes them."""
    return {status: ERRORS[status] for status in statuses}


class ApiError(HTTPException):
    """An error with a code for programs and the field that is at fault."""

    def __init__(self, status: int, code: str, message: str, field: str = "", **kwargs):
        super().__init__(status, message, **kwargs)
        self.code, self.field = code, field

    def __str__(self) -> str:
        return str(self.detail)


def refusal(error: QGenError, field: str) -> ApiError:
    """What a client is told whose request is not taken."""
    if isinstance(error, QueueFullError):
        headers = {"Retry-After": str(error.retry_after)}
        return ApiError(429, "queue_full", str(error), headers=headers)
    if isinstance(error, ClosedError):
        return ApiError(503, "shutting_down", str(error))
    return ApiError(422, "invalid", str(error), field)


def error_response(
    status: int, code: str, message: str, field: str = "", headers: Any = None
) -> JSONResponse:
    """The body of every answer that is not a success."""
    problem = ProblemOut(code=code, message=message, field=field)
    return JSONResponse(ErrorOut(error=problem).model_dump(), status, headers=headers)


def refuse_unknown(app: FastAPI) -> None:
    """Have errors say what none of the routes so far takes: the page would answer it in its own
    way, and the framework names the methods of the first route alone."""
    known = list(app.routes)

    async def unknown(request: Request) -> None:
        allowed = [
            method
            for method in _METHODS
            for route in known
            if route.matches({**request.scope, "method": method.replace("HEAD", "GET")})[0]
            is Match.FULL
        ]
        if allowed:
            raise HTTPException(405, headers={"Allow": ", ".join(allowed)})
        raise HTTPException(404)

    app.add_api_route("/v1/{path:path}", unknown, methods=_METHODS, include_in_schema=False)


def add_handlers(app: FastAPI) -> None:
    """Have the errors of an application answered so, but for :func:`internal_error`."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = getattr(error, "code", "http_error")
    field = getattr(error, "field", "")
    return error_response(error.status_code, code, str(error.detail), field, error.headers)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    first = found[0]
    if first["type"] == "json_invalid":
        message = f"the body is not valid JSON: {first['ctx']['error']}"
        return error_response(400, "invalid", message)
    path = _path(first)
    if path == ["body"]:  # empty, a list, or a text for want of its content type
        message = "the body must be a JSON object, sent with Content-Type: application/json"
        return error_response(422, "invalid", message)
    # Of an answer it is told first why it is no text, then what is wrong inside of the object.
    there = [one for one in found if _path(one)[: len(path)] == path]
    told = max(there, key=lambda one: len(one["loc"]))
    path = _path(told)
    field = ".".join(path[1:] if path[:1] in (["body"], ["query"], ["path"]) else path)
    # The one such error is of pydantic's reading of a file, in Python's words.
    message = "must be sent as a file" if told["type"] == "value_error" else told["msg"]
    return error_response(422, "invalid", message, field)


def _path(error: dict[str, Any]) -> list[str]:
    """Where an error is, without pydantic's names for the forms that an answer has."""
    loc, forms = error["loc"], (str.__name__, AnswerIn.__name__)
    return [
        str(part)
        for i, part in enumerate(loc)
        if not (part in forms and i > 1 and loc[i - 2] == "answers")
    ]


async def internal_error(request: Request, error: Exception) -> JSONResponse:
    """What is answered, and logged, where nothing else says what is wrong."""
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_response(500, "internal", "something went wrong in the service")
