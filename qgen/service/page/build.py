"""What serves the page: Gradio as its host, and the functions that its scripts call.

The page is one HTML component of Gradio's: ``page.html`` and the modules in ``static``.  It asks
for questions and runs batches as any client of the service does, over ``/v1``; what only a page
needs - the paragraphs of a text, an uploaded document, an export - are functions here.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import groupby
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from fastapi import FastAPI
from gradio.utils import get_upload_folder, is_in_or_equal
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qgen.asking.document import quiz_of_each
from qgen.asking.selection import best_of_document
from qgen.english.passage import sentence_spans
from qgen.errors import QGenError
from qgen.files.documents import read_document, text_paragraphs
from qgen.files.formats import DOCUMENT_SUFFIXES, kind_of
from qgen.files.writers import FORMATS, WRITERS, format_of, suffix_of, write
from qgen.files.writers.questions import one_line
from qgen.records import BESIDE, Answer, Question, Request
from qgen.service.page.quiz import SUFFIXES, Quiz, place, read_quiz
from qgen.service.schemas import QuestionsIn
from qgen.settings import QuizSettings

_HERE = Path(__file__).parent
_PAGE = (_HERE / "page.html").read_text(encoding="utf-8")
_HEAD = """
<title>qgen</title>
<link rel="stylesheet" href="page/page.css">
<script type="application/json" id="qgen-setup">%s</script>
<script type="module" src="page/page.js"></script>
</head>"""
_ADOPT = """
import(new URL("page/server.js", document.baseURI).href).then(({ adopted }) =>
  adopted(element, server, upload),
);
"""
_FORMATS = {
    "docx": "Word",
    "html": "HTML",
    "markdown": "Markdown",
    "anki": "Anki",
    "moodle-xml": "Moodle XML",
    "gift": "Moodle GIFT",
    "qti": "QTI 2.1 (Canvas, ...)",
    "h5p": "H5P",
    "kahoot": "Kahoot!",
    "quizlet": "Quizlet",
    "aiken": "Aiken",
    "csv": "CSV",
    "tsv": "TSV",
    "jsonl": "JSON Lines (opens here again)",
    "squad": "SQuAD",
    "parquet": "Parquet",
}
"""What people call a format, those that teachers use first; any other is shown by its own name."""


def mount_page(app: FastAPI, max_upload_bytes: int) -> None:
    """Serve the page at ``/`` of an application that has the service's routes."""
    app.mount("/page", _Static(directory=_HERE / "static"))
    app.add_api_route("/gradio_api/{path:path}", _no_stream, include_in_schema=False)
    theme = gr.themes.Base(font=["sans-serif"], font_mono=["monospace"])  # none of another host's
    gr.mount_gradio_app(
        app, build_page(), "/", theme=theme, footer_links=[], max_file_size=max_upload_bytes,
        ssr_mode=False,
    )  # fmt: skip
    app.add_middleware(_Prerendered, setup=page_setup())


async def _no_stream() -> None:
    """Gradio's streams stay open until the client goes, or for ever, and the service would wait for
    them when it is to end.  The page has none, and gets nothing else from there."""
    raise HTTPException(404)


def build_page() -> gr.Blocks:
    """The page as Gradio knows it: one component, which takes over what is drawn already."""
    # What is sent is deleted when it is read; what was sent and never read, after an hour.
    with gr.Blocks(title="qgen", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.HTML(
            html_template="",
            js_on_load=_ADOPT,
            apply_default_css=False,
            server_functions=[paragraphs, read_upload, share, choose, export_quiz],
        )
    return page


def page_setup() -> dict:
    """What the scripts know of the service: what can be set, read and written, and the samples."""
    return {
        "schema": QuestionsIn.model_json_schema(),
        "samples": json.loads((_HERE / "samples.json").read_text(encoding="utf-8")),
        "formats": _FORMATS | {name: name for name in WRITERS if name not in _FORMATS},
        "documents": [*DOCUMENT_SUFFIXES, *SUFFIXES],
        "near": BESIDE,
    }


class _Prerendered:
    """Puts the page into the HTML that Gradio sends, where it is drawn and works at once.

    Gradio's own scripts are some eighty files, after which it would begin to draw.
    """

    def __init__(self, app: ASGIApp, setup: dict):
        self._app = app
        data = json.dumps(setup, ensure_ascii=False).replace("<", "\\u003c")
        self._head = (_HEAD % data).encode()
        self._body = _PAGE.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "").rstrip("/")
        if scope["type"] != "http" or scope["path"] != f"{root}/" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        start: Message = {}
        body = b""

        async def gathered(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = body.replace(b"</head>", self._head, 1)
            body = body.replace(b"<gradio-app", self._body + b"<gradio-app", 1)
            length = str(len(body)).encode()
            kept = [pair for pair in start["headers"] if pair[0] != b"content-length"]
            await send({**start, "headers": [*kept, (b"content-length", length)]})
            await send({"type": "http.response.body", "body": body})

        await self._app({**scope, "headers": plain}, receive, gathered)


class _Static(StaticFiles):
    """Files that browsers ask after each time, so that none is older than the others."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


# -- what the scripts call -------------------------------------------------------------------------


def _told(function: Callable[[Any], dict]) -> Callable[[Any], dict]:
    """What is wrong comes back as ``error``, in one line."""

    @wraps(function)
    def call(given: Any) -> dict:
        try:
            return function(given)
        except QGenError as error:
            return {"error": str(error)}

    return call


@_told
def paragraphs(text: str) -> dict:
    """The paragraphs of a pasted text, and what was left out of it."""
    found, left_out = text_paragraphs(text)
    return {"passages": [_passage(one) for one in found], "left_out": str(left_out)}


@_told
def read_upload(upload: dict) -> dict:
    """The paragraphs of a document that Gradio has received, and what was left out of it; of a quiz
    that was saved, its questions and title too."""
    path = Path(upload["path"])
    if not (is_in_or_equal(path, get_upload_folder()) and path.is_file()):
        raise QGenError("there is no such upload")
    try:
        if kind_of(path) in SUFFIXES:
            return _saved(read_quiz(path))
        read = read_document(path)
    except QGenError as error:
        raise QGenError(str(error).replace(str(path), upload["name"])) from error
    finally:
        path.unlink(missing_ok=True)  # whoever sends the same just now has to send it again
    passages = [_passage(paragraph.text, paragraph.headings) for paragraph in read]
    return {"passages": passages, "left_out": read.summary}


def _saved(quiz: Quiz) -> dict:
    passages = [_passage(text, headings) for text, headings in quiz.passages]
    left_out = f"fields {', '.join(map(one_line, quiz.lost))}" if quiz.lost else ""
    return {
        "passages": passages, "questions": quiz.questions, "title": quiz.title,
        "left_out": left_out,
    }  # fmt: skip


@_told
def share(asked: dict) -> dict:
    """The settings with which to ask about each paragraph of a text, by the headings of each and
    what was chosen for all of it: as :func:`qgen.asking.document.ask_document` does it, but that
    the page shows the questions as they come."""
    paragraphs = [Request("", headings=tuple(headings)) for headings in asked["headings"]]
    given = {name: asked["settings"][name] for name in _SHARED if name in asked["settings"]}
    quiz = quiz_of_each(QuizSettings(**given), paragraphs)
    return {"max_answers": quiz.max_answers, "tries": quiz.tries}


_SHARED = ("max_answers", "tries", "topic", "focus")
"""Settings by which questions are shared out among the paragraphs."""


@_told
def choose(asked: dict) -> dict:
    """Which of a text's questions to show: their places in the list, in the order of the text."""
    questions = [
        (
            made["passage"],
            Question(
                made["question"], Answer(made["span"], made["start"]), made["score"],
                made["confidence"],
            ),
        )
        for made in asked["questions"]
    ]  # fmt: skip
    number = {id(pair): i for i, pair in enumerate(questions)}
    return {"chosen": [number[id(pair)] for pair in best_of_document(questions, asked["count"])]}


@_told
def export_quiz(quiz: dict) -> dict:
    """The questions as a file, in the order in which they are shown."""
    kind = format_of("the questions", quiz["format"])
    if not quiz["questions"]:
        raise QGenError("there are no questions to export")
    runs = [
        (n, list(run)) for n, run in groupby(quiz["questions"], key=lambda made: made["passage"])
    ]
    saved = kind == "jsonl"  # which is opened again: with all of the text, and its order
    if saved:
        asked = {number for number, _ in runs}
        runs += [(number, []) for number in range(len(quiz["passages"])) if number not in asked]
    title = one_line(quiz["title"])
    records = [
        {
            **({"title": title} if title else {}),
            **({"paragraph": number + 1, "headings": quiz["headings"][number]} if saved else {}),
            "passage": quiz["passages"][number],
            "questions": [_exported(made, quiz["passages"][number]) for made in run],
        }
        for number, run in runs
    ]
    with tempfile.TemporaryDirectory(prefix="qgen-page-") as folder:
        suffix = suffix_of(kind)
        name = "questions" if FORMATS.get(suffix) == kind else f"questions-{kind}"
        path = Path(folder) / f"{name}{suffix}"
        left_out = write(kind, records, path)
        content = base64.b64encode(path.read_bytes()).decode()
    return {"name": path.name, "content": content, "left_out": left_out.lines}


def _passage(text: str, headings: Sequence[str] = ()) -> dict:
    """A paragraph, where its sentences end, in characters, and the headings over it."""
    ends = [end for _, end in sentence_spans(text)]
    return {"text": text, "sentences": ends, "headings": list(headings)}


_PAGES_OWN = frozenset(
    {"id", "passage", "span", "start", "asked", "kept", "taken", "open", "busy", "unchecked"}
)
"""What the page notes of a question beside what the writers take."""


def _exported(made: dict, passage: str) -> dict:
    """A question of the page as the writers take it, whatever has been edited."""
    question = {name: value for name, value in made.items() if name not in _PAGES_OWN}
    start = place(made["answer"], made["start"], made.get("type", "wh"), passage)
    question |= {"answer": made["answer"], "answer_start": start}
    if not question.get("choices"):
        question.pop("choices", None)
    return question
