"""The HTTP interface: FastAPI routes over a generator and its batcher."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qgen import __version__
from qgen.asking.pipeline import QuestionGenerator
from qgen.english.locate import locate_answer
from qgen.english.prose import passage_problem
from qgen.errors import QGenError
from qgen.files.writers import WRITERS
from qgen.records import Request as PassageRequest
from qgen.records import Result
from qgen.service.jobs import Batches, too_long
from qgen.service.queue import ClosedError, DynamicBatcher, QueueFullError
from qgen.service.schemas import (
    AnswerOut,
    AnswersIn,
    AnswersOut,
    BatchOut,
    ErrorOut,
    PassageIn,
    PassageOut,
    QuestionsIn,
    QuestionsOut,
)
from qgen.settings import GenerationSettings, QuizSettings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServiceSettings:
    """What a service allows.

    Attributes:
        token: what clients must send as ``Authorization: Bearer ...``; empty for no check.
        allow_origins: origins whose pages may call the service; none by default.
        max_passages: passages in a request.
        max_characters: characters in a passage.
        max_body_bytes: bytes in a request's body.
        max_upload_bytes: bytes in a batch's file.
        max_waiting: passages in the queue; beyond, clients are sent away with 429.
        timeout_s: seconds that a request may take.
        max_batch: passages decoded together.
        max_delay_s: most seconds for which an idle worker waits for company of a passage.
    """

    token: str = ""
    allow_origins: tuple[str, ...] = ()
    max_passages: int = 64
    max_characters: int = 20_000
    max_body_bytes: int = 4_000_000
    max_upload_bytes: int = 50_000_000
    max_waiting: int = 512
    timeout_s: float = 120.0
    max_batch: int = 16
    max_delay_s: float = 0.05


class ApiError(HTTPException):
    """An error with a code for programs and the field that is at fault."""

    def __init__(self, status: int, code: str, message: str, field: str = "", **kwargs):
        super().__init__(status, message, **kwargs)
        self.code, self.field = code, field


def create_app(
    generator: QuestionGenerator, settings: ServiceSettings | None = None, page: bool = False
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        generator: asks the questions.
        settings: what is allowed.
        page: show the web page at ``/``, to all who can reach it.

    Raises:
        ImportError: gradio, which draws the page, is not installed.
    """
    settings = settings or ServiceSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state = app.state
        state.batcher = DynamicBatcher(
            generator.generate, settings.max_batch, settings.max_delay_s, settings.max_waiting
        )
        state.batches = Batches(state.batcher, settings.max_characters)
        yield
        # In a thread: what is in flight is finished, and its clients must still be answered.
        await asyncio.to_thread(state.batches.close)
        await asyncio.to_thread(state.batcher.close)

    app = FastAPI(
        title="qgen",
        version=__version__,
        description="Asks the question for a passage and an answer.",
        lifespan=lifespan,
        responses={422: {"model": ErrorOut, "description": "What was sent cannot be used"}},
    )
    app.state.settings, app.state.metrics = settings, _Metrics()
    app.state.generator = generator
    app.include_router(_public)
    app.include_router(_v1, dependencies=[Depends(_authorise)])
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(Exception, _internal_error)
    app.add_middleware(_Measured, metrics=app.state.metrics)
    app.add_middleware(_Limited, settings=settings)
    if settings.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allow_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    if page:
        import gradio as gr

        from qgen.service.page.build import THEME, build_page

        gr.mount_gradio_app(
            app, build_page(app.state).queue(), "/", theme=THEME, footer_links=[],
            max_file_size=settings.max_upload_bytes,
        )  # fmt: skip
    return app


# -- routes ----------------------------------------------------------------------------------------

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorOut, "description": "The body cannot be read"},
    401: {"model": ErrorOut, "description": "The token is missing or wrong"},
    413: {"model": ErrorOut, "description": "The body is too large"},
    429: {"model": ErrorOut, "description": "Too much is waiting; see Retry-After"},
    503: {"model": ErrorOut, "description": "The service is shutting down"},
    504: {"model": ErrorOut, "description": "It took too long"},
}
_public = APIRouter()
_v1 = APIRouter(prefix="/v1", responses=_ERRORS)


def _authorise(request: Request) -> None:
    token = request.app.state.settings.token
    sent = request.headers.get("authorization", "")
    if token and not secrets.compare_digest(sent.encode(), f"Bearer {token}".encode()):
        raise ApiError(
            401, "unauthorised", "the bearer token is missing or wrong",
            headers={"WWW-Authenticate": "Bearer"},
        )  # fmt: skip


@_public.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> str:
    """Whether the process answers."""
    return "ok\n"


@_public.get("/readyz", response_class=PlainTextResponse, responses={503: _ERRORS[503]})
async def readyz(request: Request) -> str:
    """Whether questions can be asked for."""
    if not request.app.state.batcher.alive:
        raise ApiError(503, "not_ready", "the worker is not running")
    return "ready\n"


@_public.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    """Counts and times, for Prometheus."""
    found = request.app.state.metrics
    found.waiting.set(request.app.state.batcher.waiting)
    return PlainTextResponse(generate_latest(found.registry))


@_v1.post("/questions")
async def questions(body: QuestionsIn, request: Request) -> QuestionsOut:
    """Ask about passages: for the answers given, or for answers that are proposed."""
    allowed = request.app.state.settings
    if len(body.passages) > allowed.max_passages:
        raise ApiError(422, "too_many", f"at most {allowed.max_passages} passages", "passages")
    requests = [
        _to_request(passage, i, allowed.max_characters) for i, passage in enumerate(body.passages)
    ]
    try:
        settings = GenerationSettings(**body.settings.model_dump())  # type: ignore[attr-defined]
        quiz = QuizSettings(body.max_answers, body.min_confidence, tuple(body.kinds), body.choices)
        future = request.app.state.batcher.submit(requests, settings, quiz)
    except QGenError as error:
        raise _refusal(error, "settings") from error
    results = await _finished(future, request, allowed.timeout_s)
    request.app.state.metrics.questions.inc(sum(len(result.questions) for result in results))
    return QuestionsOut(results=[PassageOut.of(result) for result in results])


@_v1.post("/answers")
async def answers(body: AnswersIn, request: Request) -> AnswersOut:
    """Propose answers of a passage."""
    _check_length(body.passage, request.app.state.settings.max_characters, "passage")
    if problem := passage_problem(body.passage):
        raise ApiError(422, "invalid", problem, "passage")
    (found,) = await asyncio.to_thread(request.app.state.generator.propose, [body.passage])
    return AnswersOut(answers=[AnswerOut.of(answer) for answer in found])


@_v1.post("/batches", status_code=202)
async def start_batch(
    request: Request,
    file: Annotated[UploadFile, File(description="rows or a document, as `qgen batch` reads them")],
    format: Annotated[str, Form(description=f"one of {', '.join(WRITERS)}")] = "jsonl",
) -> BatchOut:
    """Ask about every row of a file."""
    if format not in WRITERS:
        raise ApiError(422, "invalid", f"one of {', '.join(WRITERS)}", "format")
    try:
        content = await file.read()
        start = request.app.state.batches.start
        return await asyncio.to_thread(start, file.filename or "", content, format)
    except QGenError as error:
        raise _refusal(error, "file") from error


@_v1.get("/batches/{batch_id}", responses={404: {"model": ErrorOut}})
async def batch_status(batch_id: str, request: Request) -> BatchOut:
    """How far a batch is."""
    return _batch(request, batch_id).status()


@_v1.get(
    "/batches/{batch_id}/result",
    response_class=FileResponse,
    responses={404: {"model": ErrorOut}, 409: {"model": ErrorOut}},
)
async def batch_result(batch_id: str, request: Request) -> FileResponse:
    """The output of a batch that is done."""
    batch = _finished_batch(request, batch_id)
    return FileResponse(batch.output, filename=batch.output.name)


@_v1.get(
    "/batches/{batch_id}/errors",
    response_class=FileResponse,
    responses={404: {"model": ErrorOut}, 409: {"model": ErrorOut}},
)
async def batch_errors(batch_id: str, request: Request) -> Response:
    """The rows of a batch that failed, and why: a JSON object a line, none where all succeeded."""
    batch = _finished_batch(request, batch_id)
    if not batch.errors.exists():
        return Response(media_type="application/jsonl")
    return FileResponse(batch.errors, filename=batch.errors.name, media_type="application/jsonl")


@_v1.delete("/batches/{batch_id}", responses={404: {"model": ErrorOut}})
async def cancel_batch(batch_id: str, request: Request) -> BatchOut:
    """Stop a batch."""
    batch = _batch(request, batch_id)
    batch.cancel()
    return batch.status()


def _refusal(error: QGenError, field: str) -> ApiError:
    """What a client is told whose request is not taken."""
    if isinstance(error, QueueFullError):
        headers = {"Retry-After": str(error.retry_after)}
        return ApiError(429, "queue_full", str(error), headers=headers)
    if isinstance(error, ClosedError):
        return ApiError(503, "shutting_down", str(error))
    return ApiError(422, "invalid", str(error), field)


def _batch(request: Request, batch_id: str):
    try:
        return request.app.state.batches.get(batch_id)
    except KeyError:
        raise ApiError(404, "not_found", "there is no such batch", "batch_id") from None


def _finished_batch(request: Request, batch_id: str):
    batch = _batch(request, batch_id)
    if batch.state != "done":
        raise ApiError(409, "not_done", f"the batch is {batch.state}")
    return batch


def _to_request(passage: PassageIn, number: int, max_characters: int) -> PassageRequest:
    field = f"passages.{number}"
    _check_length(passage.passage, max_characters, f"{field}.passage")
    found = []
    for i, answer in enumerate(passage.answers):
        text, start = (answer, None) if isinstance(answer, str) else (answer.text, answer.start)
        try:
            found.append(locate_answer(passage.passage, text, start))
        except QGenError as error:
            raise ApiError(422, "invalid", str(error), f"{field}.answers.{i}") from error
    return PassageRequest(passage.passage, tuple(found))


def _check_length(passage: str, most: int, field: str) -> None:
    if len(passage) > most:
        raise ApiError(422, "too_long", too_long(passage, most), field)


async def _finished(
    future: Future[list[Result]], request: Request, timeout_s: float
) -> list[Result]:
    """The results; taken back from the queue if the client goes or it takes too long."""
    waiter = asyncio.wrap_future(future)
    deadline = time.monotonic() + timeout_s
    while not waiter.done():
        await asyncio.wait({waiter}, timeout=min(0.25, max(deadline - time.monotonic(), 0.01)))
        if waiter.done():
            break
        if time.monotonic() >= deadline:
            future.cancel()
            raise ApiError(504, "timeout", f"it took longer than {timeout_s:g} seconds")
        if await request.is_disconnected():
            future.cancel()
            raise ApiError(499, "client_gone", "the client has gone")
    return waiter.result()


# -- errors ----------------------------------------------------------------------------------------


def _error(
    status: int, code: str, message: str, field: str = "", headers: Any = None
) -> JSONResponse:
    problem = {"code": code, "message": message, "field": field}
    return JSONResponse({"error": problem}, status, headers=headers)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    code = getattr(error, "code", "http_error")
    headers: Any = error.headers
    if error.status_code == 405:  # the framework names the methods of the first route alone
        allowed = {
            method
            for route in request.app.routes
            if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods or ()
        }
        headers = {"Allow": ", ".join(sorted(allowed))}
    return _error(error.status_code, code, str(error.detail), getattr(error, "field", ""), headers)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    field = ".".join(path[1:] if path[:1] in (["body"], ["query"], ["path"]) else path)
    return _error(422, "invalid", first["msg"], field)


async def _internal_error(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _error(500, "internal", "something went wrong in the service")


# -- around every request --------------------------------------------------------------------------


class _Limited:
    """Refuses bodies that are too large, by what they say or by what arrives."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings):
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = scope["path"] in {"/v1/batches", "/gradio_api/upload"}
        most = self.settings.max_upload_bytes if upload else self.settings.max_body_bytes
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if said.isdigit() and int(said) > most:
            await self._refuse(most, scope, receive, send)
            return
        seen, begun = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise _TooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            if seen > most and not begun:
                return  # what the application makes of the broken body
            begun = True
            await send(message)

        with suppress(_TooLargeError):
            await self.app(scope, counted, noted)
        if seen > most and not begun:
            await self._refuse(most, scope, receive, send)

    @staticmethod
    async def _refuse(most: int, scope: Scope, receive: Receive, send: Send) -> None:
        response = _error(413, "too_large", f"at most {most} bytes are allowed")
        response.headers["Connection"] = "close"  # the rest of the body is not read
        await response(scope, receive, send)


class _TooLargeError(Exception):
    pass


class _Metrics:
    """One registry for each application, so that several can live in a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["route", "status"]
        self.requests = Counter("qgen_requests", "Requests", labels, registry=self.registry)
        self.questions = Counter("qgen_questions", "Questions returned", registry=self.registry)
        self.seconds = Histogram(
            "qgen_request_seconds", "Time to answer", ["route"], registry=self.registry
        )
        self.waiting = Gauge("qgen_waiting_passages", "Queue length", registry=self.registry)


class _Measured:
    """Counts requests and times them, by route and not by address."""

    def __init__(self, app: ASGIApp, metrics: _Metrics):
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.requests.labels(route, str(status)).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - started)
