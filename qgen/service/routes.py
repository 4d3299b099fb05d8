"""The routes: what each takes, calls and returns."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute
from fastapi.security.utils import get_authorization_scheme_param
from prometheus_client import generate_latest
from pydantic import BaseModel

from qgen.english.clean import Mended, clean_text
from qgen.english.prose import passage_problem
from qgen.errors import QGenError
from qgen.records import Request as PassageRequest
from qgen.records import Result, beside_one_another
from qgen.service.errors import ApiError, errors, refusal
from qgen.service.jobs import Batch, too_long
from qgen.service.schemas import (
    AnswerOut,
    AnswersIn,
    AnswersOut,
    BatchIn,
    BatchOut,
    PassageIn,
    PassageOut,
    QuestionsIn,
    QuestionsOut,
    ScoreOut,
    ScoresIn,
    ScoresOut,
    settings_of,
)
from qgen.settings import GenerationSettings, QuizSettings

T = TypeVar("T")
U = TypeVar("U")


def authorise(request: Request) -> None:
    """Let only those in who send the token, where there is one."""
    token = request.app.state.settings.token
    scheme, sent = get_authorization_scheme_param(request.headers.get("authorization"))
    right = secrets.compare_digest(sent.encode("latin-1"), token.encode())  # the bytes as sent
    if token and not (right and scheme.lower() == "bearer"):
        raise ApiError(
            401, "unauthorised", "the bearer token is missing or wrong",
            headers={"WWW-Authenticate": "Bearer"},
        )  # fmt: skip


def check_coding(request: Request) -> None:
    """Refuse a body that is compressed: it would be read as broken JSON, or as no form."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(
            415, "unsupported", "compressed bodies are not read: send it without Content-Encoding",
            headers={"Accept-Encoding": "identity"},
        )  # fmt: skip


class _Guarded(APIRoute):
    """A route that checks the headers first: dependencies come after the body has been read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            authorise(request)
            check_coding(request)
            return await handle(request)

        return guarded


async def loaded(request: Request) -> None:
    """Wait for the models."""
    state = request.app.state
    if state.loaded.done() and not state.loaded.exception():
        return
    waiter = asyncio.wrap_future(state.loaded)
    waiter.add_done_callback(lambda done: done.exception())  # told below, or not at all
    done, _ = await asyncio.wait({waiter}, timeout=state.settings.timeout_s)
    if not done:
        raise ApiError(504, "timeout", "the models are still loading")
    if waiter.exception():
        raise ApiError(503, "not_ready", "the models could not be loaded")


public = APIRouter()
v1 = APIRouter(
    prefix="/v1",
    responses=errors(400, 401, 413, 415, 422, 429, 503, 504),
    dependencies=[Depends(loaded)],
    route_class=_Guarded,
)

# -- the process -----------------------------------------------------------------------------------


@public.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> str:
    """Whether the process answers."""
    return "ok\n"


@public.get("/readyz", response_class=PlainTextResponse, responses=errors(503))
async def readyz(request: Request) -> str:
    """Whether questions can be asked for: not while the models are loading."""
    state = request.app.state
    if not state.loaded.done():
        raise ApiError(503, "loading", "the models are loading")
    if state.loaded.exception() or not state.batcher.alive:
        raise ApiError(503, "not_ready", "the queue is not running")
    return "ready\n"


@public.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    """Counts and times, for Prometheus."""
    state = request.app.state
    found = state.metrics
    if state.loaded.done() and not state.loaded.exception():
        found.waiting.set(state.batcher.waiting)
    return PlainTextResponse(generate_latest(found.registry))


# -- questions and answers -------------------------------------------------------------------------


@v1.post("/questions", response_model_exclude_unset=True)
async def questions(body: QuestionsIn, request: Request) -> QuestionsOut:  # type: ignore[valid-type]
    """Ask about passages: for the answers given, or for answers that are proposed.

    What cannot be used, such as an answer that is not in its passage, is among the `problems` of
    its passage, and all else is asked for; where nothing at all can be used the status is 422.
    """
    allowed = request.app.state.settings
    passages: list[PassageIn] = body.passages  # type: ignore[attr-defined]
    if len(passages) > allowed.max_passages:
        raise ApiError(422, "too_many", f"at most {allowed.max_passages} passages", "passages")
    # In a thread: of many long passages with many answers it takes seconds.
    read = await asyncio.to_thread(
        lambda: [_read(one, n, allowed.max_characters) for n, one in enumerate(passages)]
    )
    asked = beside_one_another([one.request for one in read if one.request])
    if not asked:
        raise read[0].problems[0]
    try:
        quiz, settings = _settings(request, body, body.settings)  # type: ignore[attr-defined]
        future = request.app.state.batcher.submit(asked, settings, quiz)
    except QGenError as error:
        raise refusal(error, "settings") from error
    results = await finished(future, request, allowed.timeout_s)
    request.app.state.metrics.questions.inc(sum(len(result.questions) for result in results))
    found = iter(results)
    return QuestionsOut(
        results=[
            PassageOut.of(next(found) if one.request else Result(), one.told, one.mended)
            for one in read
        ]
    )


@v1.post("/answers", response_model_exclude_unset=True)
async def answers(body: AnswersIn, request: Request) -> AnswersOut:
    """Propose answers of a passage."""
    if problem := _length_problem(body.passage, request.app.state.settings.max_characters):
        raise ApiError(422, "too_long", problem, "passage")
    mended = Mended(body.passage)
    if refused := passage_problem(mended.text):
        raise ApiError(422, "invalid", refused, "passage")
    propose = request.app.state.generator.propose
    (found,) = await _read_by(propose, [mended.text], [mended.text], request)
    told = {"passage": mended.text} if mended.text != body.passage else {}
    return AnswersOut(answers=[AnswerOut.of(answer) for answer in found], **told)


@v1.post("/scores")
async def scores(body: ScoresIn, request: Request) -> ScoresOut:
    """Say how good questions are that somebody asked, and what speaks against them."""
    allowed = request.app.state.settings
    if len(body.rows) > allowed.max_passages:
        raise ApiError(422, "too_many", f"at most {allowed.max_passages} rows", "rows")
    for number, row in enumerate(body.rows):
        for name in ("passage", "question"):
            if problem := _length_problem(getattr(row, name), allowed.max_characters):
                raise ApiError(422, "too_long", problem, f"rows.{number}.{name}")
    rows = [(row.passage, row.question, row.answer, row.answer_start) for row in body.rows]
    passages = [row.passage for row in body.rows]
    found = await _read_by(request.app.state.score, rows, passages, request)
    return ScoresOut(scores=[ScoreOut(**verdict.to_dict()) for verdict in found])


def _settings(
    request: Request, quiz: BaseModel, decoding: BaseModel
) -> tuple[QuizSettings, GenerationSettings]:
    """What a body says of both.

    Raises:
        QGenError: they do not go together, or not with the model.
    """
    settings = settings_of(decoding, GenerationSettings)
    request.app.state.generator.within_range(settings)
    return settings_of(quiz, QuizSettings), settings


@dataclass(frozen=True)
class _Read:
    """A passage as it was sent: what can be asked about it, if anything, and what cannot; and the
    passage with its characters mended, empty where that is the same."""

    request: PassageRequest | None
    problems: list[ApiError]
    mended: str = ""

    @property
    def told(self) -> list[str]:
        return [str(problem) for problem in self.problems]


def _read(sent: PassageIn, number: int, max_characters: int) -> _Read:
    field = f"passages.{number}"
    if problem := _length_problem(sent.passage, max_characters):
        return _Read(None, [ApiError(422, "too_long", problem, f"{field}.passage")])
    mended = Mended(sent.passage)
    if lost := mended.problem:
        return _Read(None, [ApiError(422, "invalid", lost, f"{field}.passage")])
    found, problems = [], []
    for i, answer in enumerate(sent.answers):
        text, start = (answer, None) if isinstance(answer, str) else (answer.text, answer.start)
        try:
            found.append(mended.locate(text, start))
        except QGenError as error:
            problems.append(ApiError(422, "invalid", str(error), f"{field}.answers.{i}"))
    if problems and not found:  # none is left, which would mean that answers are to be proposed
        return _Read(None, problems)
    changed = mended.text if mended.text != sent.passage else ""
    request = PassageRequest(
        mended.text,
        tuple(found),
        beside=tuple(clean_text(one) for one in sent.beside if len(one) <= max_characters),
        headings=tuple(sent.headings),
    )
    return _Read(request, problems, changed)


def _length_problem(passage: str, most: int) -> str:
    return too_long(passage, most) if len(passage) > most else ""


async def _read_by(
    function: Callable[[Sequence[T]], Sequence[U]],
    rows: Sequence[T],
    passages: Sequence[str],
    request: Request,
) -> Sequence[U]:
    """What a function of the models gives for rows with a passage each, in their turn."""
    state = request.app.state
    try:
        future = state.batcher.read(function, rows, passages)
    except QGenError as error:
        raise refusal(error, "") from error
    return await finished(future, request, state.settings.timeout_s)


async def finished(future: Future[T], request: Request, timeout_s: float) -> T:
    """What comes of it; taken back from the queue if the client goes or it takes too long."""
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


# -- batches ---------------------------------------------------------------------------------------


@v1.post("/batches", status_code=202)
async def start_batch(
    request: Request,
    body: Annotated[BatchIn, Form(media_type="multipart/form-data")],  # type: ignore[valid-type]
) -> BatchOut:
    """Ask about every row of a file, or about a document."""
    file: UploadFile = body.file  # type: ignore[attr-defined]
    if len((await request.form()).getlist("file")) > 1:  # of which the last is in the body
        raise ApiError(422, "invalid", "one file makes a batch", "file")
    try:
        quiz, settings = _settings(request, body, body)
    except QGenError as error:
        raise refusal(error, "settings") from error
    try:
        content = await file.read()
        started = await asyncio.to_thread(
            request.app.state.batches.start,
            file.filename or "",
            content,
            body.format,  # type: ignore[attr-defined]
            settings,
            quiz,
            body.best,  # type: ignore[attr-defined]
        )
    except QGenError as error:
        raise refusal(error, "file") from error
    if await request.is_disconnected():  # nobody knows its id
        _batch(request, started.id).cancel()
    return started


@v1.get("/batches/{batch_id}", responses=errors(404))
async def batch_status(batch_id: str, request: Request) -> BatchOut:
    """How far a batch is."""
    return _batch(request, batch_id).status()


@v1.get("/batches/{batch_id}/result", response_class=FileResponse, responses=errors(404, 409))
async def batch_result(batch_id: str, request: Request) -> FileResponse:
    """The output of a batch that is done."""
    batch = _finished_batch(request, batch_id)
    return FileResponse(batch.output, filename=batch.output.name)


@v1.get("/batches/{batch_id}/errors", response_class=FileResponse, responses=errors(404, 409))
async def batch_errors(batch_id: str, request: Request) -> Response:
    """The rows of a batch that failed, and why: a JSON object a line, none where all succeeded."""
    batch = _finished_batch(request, batch_id)
    if not batch.errors.exists():
        return Response(media_type="application/jsonl")
    return FileResponse(batch.errors, filename=batch.errors.name, media_type="application/jsonl")


@v1.delete("/batches/{batch_id}", responses=errors(404))
async def cancel_batch(batch_id: str, request: Request) -> BatchOut:
    """Stop a batch."""
    batch = _batch(request, batch_id)
    batch.cancel()
    return batch.status()


def _batch(request: Request, batch_id: str) -> Batch:
    try:
        return request.app.state.batches.get(batch_id)
    except KeyError:
        raise ApiError(404, "not_found", "there is no such batch", "batch_id") from None


def _finished_batch(request: Request, batch_id: str) -> Batch:
    batch = _batch(request, batch_id)
    if batch.state != "done":
        raise ApiError(409, "not_done", f"the batch is {batch.state}")
    return batch
