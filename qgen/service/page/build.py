"""The page's parts and what they do, on Gradio."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from qgen.asking.selection import best_of_document, share_of_paragraph
from qgen.english.locate import locate_answer
from qgen.errors import QGenError
from qgen.files.documents import DOCUMENT_READERS, read_document, text_paragraphs
from qgen.files.rows import ROW_READERS
from qgen.files.writers import WRITERS, suffix_of
from qgen.records import Answer, Question, Request, Result
from qgen.service.jobs import Batches
from qgen.service.queue import DynamicBatcher
from qgen.settings import ANSWER_KINDS, GenerationSettings, QuizSettings

_HERE = Path(__file__).parent
_FONTS = ["system-ui", "sans-serif"]
THEME = gr.themes.Default(font=_FONTS, font_mono=_FONTS)
"""System fonts only: the page needs no other host."""

EMPTY: dict[str, list] = {"passages": [], "questions": []}
"""What the quiz shows at first; see ``quiz.js``."""

AHEAD = 16
"""Paragraphs of a text in the queue at once, so that a book leaves room for other clients."""

EXAMPLE = (
    "Honey bees tell each other where food is by dancing. The angle of the dance shows the "
    "direction of the food relative to the sun, and its length shows the distance. The Austrian "
    "biologist Karl von Frisch worked out what the dance means in the 1940s, and shared the Nobel "
    "Prize for it in 1973."
)


class Services(Protocol):
    """What the page calls, once the service runs: ``app.state`` is one.

    Attributes:
        batcher: decodes passages.
        batches: keeps and runs uploaded files.
    """

    batcher: DynamicBatcher
    batches: Batches


def build_page(services: Services) -> gr.Blocks:
    """The page, whose questions go through the same queues as those of other clients."""
    scratch = tempfile.TemporaryDirectory(prefix="qgen-page-")  # goes when the page does

    def ask(text, answer, selected, count, multiple_choice, min_confidence, kinds, *decoding):
        """The quiz and a status line, again after every paragraph."""
        occurrence = selected["before"] if selected and selected["answer"] == answer else 0
        yield from _ask(
            services.batcher,
            text,
            answer.strip(),
            occurrence,
            QuizSettings(
                max_answers=int(count),
                min_confidence=min_confidence,
                kinds=tuple(kinds),
                choices=4 if multiple_choice else 0,
            ),
            _generation_settings(decoding),
        )

    def export(quiz, kind):
        """A file of the accepted questions, or of all where none is accepted."""
        try:
            path = _write(quiz, kind, Path(tempfile.mkdtemp(dir=scratch.name)))
        except QGenError as error:
            return gr.skip(), f"⚠️ {error}"
        return gr.File(str(path), visible=True), f"{path.name} is ready"

    def run_batch(upload, kind):
        """Status line, files and the batch's id, again and again until it ends."""
        if upload is None:
            yield "⚠️ choose a file first", gr.skip(), ""
            return
        yield from _run_batch(services.batches, Path(upload), kind)

    def cancel_batch(batch_id):
        if batch_id:
            services.batches.get(batch_id).cancel()

    with gr.Blocks(title="qgen") as page:
        gr.Markdown("# qgen\nPaste or upload a text and get questions about it.")
        with gr.Tab("Questions"):
            with gr.Row(equal_height=False):
                with gr.Column(scale=3, min_width=280):
                    text = gr.Textbox(EXAMPLE, label="Text", lines=8, max_lines=16, elem_id="text")
                with gr.Column(scale=2, min_width=280):
                    upload = gr.UploadButton(
                        "Upload a document",
                        file_types=list(DOCUMENT_READERS),
                        elem_id="upload-document",
                    )
                    answer = gr.Textbox(
                        label="Answer (optional)",
                        info="Only this is asked for: select it in the text, or type it.",
                        elem_id="answer",
                    )
                    count = gr.Slider(1, 30, 10, step=1, label="Questions", elem_id="count")
                    choices = gr.Checkbox(False, label="Multiple choice", elem_id="choices")
                    with gr.Row():
                        start = gr.Button("Generate", variant="primary", elem_id="generate")
                        stop = gr.Button("Stop", variant="stop", elem_id="stop")
            with gr.Accordion("Settings", open=False, elem_id="settings"):
                sure = gr.Slider(
                    0, 1, QuizSettings.min_confidence, step=0.05,
                    label="Least confidence", info="Less sure questions are dropped",
                )  # fmt: skip
                kinds = gr.CheckboxGroup(
                    ANSWER_KINDS, label="Answers", info="All kinds if none is chosen",
                    elem_id="kinds",
                )  # fmt: skip
                decoding = _decoding_controls()
            status = gr.Markdown(elem_id="status")
            quiz = gr.HTML(
                EMPTY,
                html_template='<div class="quiz"></div>',
                css_template=(_HERE / "quiz.css").read_text(encoding="utf-8"),
                js_on_load=(_HERE / "quiz.js").read_text(encoding="utf-8"),
                apply_default_css=False,
                elem_id="quiz",
            )
            with gr.Row(equal_height=True):
                kind = gr.Dropdown(
                    list(WRITERS), value="markdown", label="Format", elem_id="format"
                )
                save = gr.Button("Export", elem_id="export")
            exported = gr.File(label="Exported", visible=False, elem_id="exported")
        with gr.Tab("Batch"):
            gr.Markdown(
                "A file of rows with a `passage` and optionally an `answer` and its "
                "`answer_start`, or a document. Bad rows are listed in a file of their own."
            )
            rows = gr.File(
                label="Input",
                file_types=[*ROW_READERS, *DOCUMENT_READERS],
                height=160,
                elem_id="rows",
            )
            batch_kind = gr.Dropdown(list(WRITERS), value="jsonl", label="Format")
            with gr.Row():
                run = gr.Button("Run", variant="primary", elem_id="run-batch")
                cancel = gr.Button("Cancel", variant="stop", elem_id="cancel-batch")
            progress = gr.Markdown(elem_id="progress")
            files = gr.File(
                label="Questions, and bad rows if any",
                file_count="multiple",
                visible=False,
                elem_id="files",
            )
            batch_id, selected = gr.State(""), gr.JSON(visible=False)

        private: dict[str, Any] = {"api_visibility": "private"}
        asking = start.click(
            ask,
            [text, answer, selected, count, choices, sure, kinds, *decoding],
            [quiz, status],
            show_progress="hidden",
            **private,
        )
        text.select(
            None,  # in the browser: the server could be told of two selections in the wrong order
            [answer, selected],
            [answer, selected],
            js=_SELECTED,
            trigger_mode="multiple",  # the other modes lose the last offsets of a growing selection
            **private,
        )
        stop.click(lambda: "Stopped", None, status, cancels=[asking], **private)
        upload.upload(_read_upload, upload, [text, status], **private)
        save.click(export, [quiz, kind], [exported, status], **private)
        run.click(
            run_batch,
            [rows, batch_kind],
            [progress, files, batch_id],
            show_progress="hidden",
            **private,
        )
        cancel.click(cancel_batch, batch_id, None, **private)
    return page


# -- questions -------------------------------------------------------------------------------------


def _ask(
    batcher: DynamicBatcher,
    text: str,
    answer: str,
    occurrence: int,
    quiz: QuizSettings,
    settings: GenerationSettings,
) -> Iterator[tuple]:
    """The quiz and a status line after each paragraph; what was shown stays on an error."""
    passages = text_paragraphs(text)
    try:
        requests = _requests(passages, answer, occurrence)
    except QGenError as error:
        yield gr.skip(), f"⚠️ {error}"
        return
    count = quiz.max_answers
    per_passage = count if answer else share_of_paragraph(count, len(requests))
    each = replace(quiz, max_answers=per_passage)
    asked: list[tuple[int, Question]] = []
    reasons: list[str] = []
    rest, futures = iter(requests), deque[Future[list[Result]]]()
    try:
        for done, (number, _) in enumerate(requests, 1):
            for _, request in islice(rest, AHEAD - len(futures)):
                started = done > 1 or bool(futures)  # a full queue refuses only the first
                futures.append(batcher.submit([request], settings, each, wait=started))
            while not futures[0].done():  # so that Stop is heard
                yield gr.skip(), f"Reading paragraph {done} of {len(requests)} …"
                time.sleep(0.2)
            result = futures.popleft().result()[0]
            asked += [(number, question) for question in result.questions]
            reasons.append(result.reason if result.questions else result.failure)
            quiz_now = _quiz(passages, asked) if asked else gr.skip()
            yield quiz_now, f"Read {done} of {len(requests)} paragraphs …"
    except QGenError as error:
        yield gr.skip(), f"⚠️ {error}"
        return
    finally:
        for future in futures:
            future.cancel()
    best = asked if answer else best_of_document(asked, count)
    if not best:
        yield gr.skip(), f"⚠️ {next(filter(None, reasons), 'no question could be asked')}"
        return
    status = f"{len(best)} question{'s' if len(best) > 1 else ''}"
    dropped = "; ".join(dict.fromkeys(filter(None, reasons)))
    yield _quiz(passages, best), status + (f"; dropped {dropped}" if dropped else "")


_SELECTED = """(answer, selected) => {
    const field = document.querySelector("#text textarea");
    const chosen = field.value.slice(field.selectionStart, field.selectionEnd).trim();
    if (!chosen) return [answer, selected];
    const before = field.value.slice(0, field.selectionStart).split(chosen).length - 1;
    return [chosen, {answer: chosen, before}];
}"""
"""What is selected in the text as the answer, and how often that stands before it."""


def _requests(passages: list[str], answer: str, occurrence: int) -> list[tuple[int, Request]]:
    """What to ask of which paragraph: of all, or of the one that holds the answer."""
    if not passages:
        raise QGenError("the text is empty")
    if not answer:
        return [(number, Request(passage)) for number, passage in enumerate(passages)]
    found = (
        (number, match.start())
        for number, passage in enumerate(passages)
        for match in re.finditer(re.escape(answer), passage)
    )
    if occurrence and (place := next(islice(found, occurrence, None), None)):
        number, start = place
        return [(number, Request(passages[number], (Answer(answer, start),)))]
    problem = None
    for number, passage in enumerate(passages):
        try:
            return [(number, Request(passage, (locate_answer(passage, answer),)))]
        except QGenError as error:
            problem = error
    raise QGenError(str(problem).replace("passage", "text"))


def _quiz(passages: list[str], asked: list[tuple[int, Question]]) -> dict:
    """What the page's script shows, and :func:`_write` exports."""
    return {"passages": passages, "questions": [_shown(*one) for one in asked]}


def _shown(number: int, question: Question) -> dict:
    answer = question.answer
    return question.to_dict() | {
        "passage": number,
        "start": answer.start if answer else None,
        "choices": question.choices,
        "accepted": False,
    }


def _read_upload(path: str) -> tuple:
    """A document's paragraphs as text, and a status line."""
    try:
        paragraphs = read_document(path)
    except QGenError as error:
        return gr.skip(), f"⚠️ {str(error).replace(path, Path(path).name)}"
    left_out = f"; left out: {paragraphs.summary}" if paragraphs.summary else ""
    return "\n\n".join(p.text for p in paragraphs), f"{len(paragraphs)} paragraphs{left_out}"


def _write(quiz: dict | None, kind: str, folder: Path) -> Path:
    """The quiz as a file."""
    questions = (quiz or EMPTY)["questions"]
    accepted = [q for q in questions if q["accepted"]] or questions
    if not accepted:
        raise QGenError("there are no questions to export")
    records = []
    for number, passage in enumerate((quiz or EMPTY)["passages"]):
        kept = [_exported(q) for q in accepted if q["passage"] == number]
        if kept:
            records.append({"passage": passage, "questions": kept})
    path = folder / f"questions{suffix_of(kind)}"
    WRITERS[kind](records, path)
    return path


def _exported(question: dict) -> dict:
    """A question of the page as the writers take it."""
    own = {"passage", "start", "accepted"} | (set() if question["choices"] else {"choices"})
    return {name: value for name, value in question.items() if name not in own}


# -- batches ---------------------------------------------------------------------------------------


def _run_batch(batches: Batches, upload: Path, kind: str) -> Iterator[tuple]:
    try:
        started = batches.start(upload.name, upload.read_bytes(), kind)
    except QGenError as error:
        yield f"⚠️ {error}", gr.skip(), ""
        return
    batch = batches.get(started.id)
    try:
        while batch.state in {"queued", "running"}:
            yield f"{batch.rows} of {batch.total or '?'} rows", gr.skip(), batch.id
            time.sleep(0.3)
    finally:
        batch.cancel()  # without effect once it has ended
    if batch.state != "done":
        problem = batch.message.replace(batch.source.name, upload.name)
        yield f"⚠️ {problem or batch.state}", gr.skip(), ""
        return
    made = [str(path) for path in (batch.output, batch.errors) if path.exists()]
    yield batch.message, gr.File(made, visible=True), ""


# -- settings --------------------------------------------------------------------------------------

_CONTROLS: dict[str, dict[str, Any]] = {
    "num_beams": {"minimum": 1, "maximum": 10, "step": 1, "label": "Beam width"},
    "num_return_sequences": {
        "minimum": 1, "maximum": 10, "step": 1, "label": "Questions for a given answer",
    },
    "length_penalty": {"minimum": 0, "maximum": 3, "step": 0.1, "label": "Length penalty"},
}  # fmt: skip
"""The decoding settings that the page offers, by their name; the service offers all."""


def _decoding_controls() -> list[gr.Slider]:
    default = GenerationSettings()
    return [
        gr.Slider(value=getattr(default, name), elem_id=name, **control)
        for name, control in _CONTROLS.items()
    ]


def _generation_settings(values) -> GenerationSettings:
    chosen = dict(zip(_CONTROLS, values, strict=True))
    chosen["num_return_sequences"] = min(chosen["num_return_sequences"], chosen["num_beams"])
    return GenerationSettings(**chosen)
