"""The web UI: ask about a passage, or about every row of a file.

    python app.py

serves it on http://127.0.0.1:7860.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from qgen import GenerationSettings, QGenError, Question, QuestionGenerator, Request
from qgen.answers import locate_answer, propose_answers
from qgen.batch import run_batch
from qgen.readers import ROW_READERS
from qgen.settings import QuizSettings
from qgen.types import Answer
from qgen.writers import WRITERS, suffix_of

FONTS = ["system-ui", "sans-serif"]
THEME = gr.themes.Default(font=FONTS, font_mono=FONTS)
"""System fonts only, and one for prose in tables too; gradio's own lack some glyphs in bold."""

HEADERS = ["Rank", "Question", "Answer", "Score"]

EXAMPLES = [
    [
        "The Golden Gate Bridge opened to traffic in San Francisco in 1937. Joseph Strauss led its "
        "construction, which took four years and cost about 35 million dollars.",
        "Joseph Strauss",
    ],
    [
        "Marie Curie was born in Warsaw in 1867. She won the Nobel Prize in Physics in 1903 and "
        "the Nobel Prize in Chemistry in 1911.",
        "Warsaw",
    ],
    [
        "Honey bees tell each other where food is by dancing. The angle of the dance shows the "
        "direction of the food relative to the sun, and its length shows the distance.",
        "the distance",
    ],
    [
        "Mount Kilimanjaro, in northern Tanzania, is the highest mountain in Africa. Its summit, "
        "Uhuru Peak, is 5,895 metres above sea level.",
        "",
    ],
]


def highlight(passage: str, questions: Sequence[Question]) -> list[tuple[str, str | None]]:
    """The passage in pieces ``(text, label)``, the questions' answers labelled ``"answer"``."""
    spans = sorted({(q.answer.start, q.answer.end) for q in questions if q.answer})
    pieces, position = [], 0
    for start, end in spans:
        pieces += [(passage[position:start], None), (passage[start:end], "answer")]
        position = end
    return [piece for piece in [*pieces, (passage[position:], None)] if piece[0]]


def count(number: int, noun: str) -> str:
    """``3 questions``, ``1 question``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def locate_selection(passage: str, event: gr.SelectData) -> Answer | None:
    """The span selected in the passage, less the white space around it; ``None`` if empty."""
    units = passage.encode("utf-16-le")  # browsers count offsets in UTF-16 code units
    begin, end = (2 * offset for offset in event.index)
    before, text = (part.decode("utf-16-le") for part in (units[:begin], units[begin:end]))
    answer = text.strip()
    return Answer(answer, len(before) + text.index(answer)) if answer else None


def span_of(passage: str, answer: Answer) -> dict:
    """An answer as the page remembers it: it counts only while the passage stays the same."""
    return {"passage": passage, **asdict(answer)}


def chosen_answer(passage: str, answer: str, span: dict | None) -> Answer:
    """The occurrence that was selected or proposed, if passage and answer are still the same."""
    if span and (span["passage"], span["text"]) == (passage, answer):
        return Answer(span["text"], span["start"], span["kind"])
    return locate_answer(passage, answer)


def decoding_controls() -> dict[str, gr.components.Component]:
    """The controls of the decoding settings, by the name of their ``GenerationSettings`` field."""

    default = GenerationSettings()

    def whole(low, high, value, label, info=None):
        return gr.Slider(low, high, value, step=1, precision=0, label=label, info=info)

    with gr.Accordion("Decoding", open=False, elem_id="decoding"):
        with gr.Row():
            controls = {
                "num_beams": whole(1, 10, default.num_beams, "Beam size", "not used when sampling"),
                "num_return_sequences": whole(
                    1, 10, 3, "Questions per answer", "n-best: at most the beam size"
                ),
                "max_length": whole(4, 48, default.max_length, "Maximum length", "tokens"),
                "min_length": whole(1, 20, default.min_length, "Minimum length", "tokens"),
            }
        with gr.Row():
            controls |= {
                "length_penalty": gr.Slider(
                    0, 3, default.length_penalty, step=0.1, label="Length penalty"
                ),
                "no_repeat_ngram_size": whole(
                    0, 5, default.no_repeat_ngram_size, "No-repeat n-gram size (0: off)"
                ),
            }
        with gr.Row():
            controls |= {
                "do_sample": gr.Checkbox(False, label="Sample instead of beam search"),
                "top_k": whole(0, 100, default.top_k, "Top-k (0: all)"),
                "top_p": gr.Slider(0.05, 1, default.top_p, step=0.05, label="Top-p"),
                "temperature": gr.Slider(
                    0.1, 2, default.temperature, step=0.1, label="Temperature"
                ),
                "seed": gr.Number(0, precision=0, minimum=0, maximum=2**32 - 1, label="Seed"),
            }
    return controls


def build_app(generator: QuestionGenerator) -> gr.Blocks:
    """The page, with two tabs that share the decoding settings."""
    scratch = tempfile.TemporaryDirectory(prefix="qgen-")  # goes when the app does

    def settings_of(values):
        chosen = dict(zip(controls, values, strict=True))
        chosen["seed"] = chosen["seed"] or 0  # an emptied field
        if not chosen["do_sample"]:
            chosen["num_return_sequences"] = min(
                chosen["num_return_sequences"], chosen["num_beams"]
            )
        return GenerationSettings(**chosen)

    def ask(passage, answer, span, *decoding):
        """Rows, highlighted passage and a status line; what was shown stays on an error."""
        try:
            answers = (chosen_answer(passage, answer, span),) if answer.strip() else ()
            [result] = generator.generate(
                [Request(passage, answers)], settings_of(decoding), QuizSettings()
            )
        except QGenError as error:
            return gr.skip(), gr.skip(), f"⚠️ {error}"
        if not result.questions:
            return gr.skip(), gr.skip(), f"⚠️ {result.failure}"
        rows = [
            [rank, q.question, q.answer.text, f"{q.score:.3f}"]
            for rank, q in enumerate(result.questions, 1)
        ]
        status = f"{count(len(rows), 'question')}, best first"
        if result.reason:
            status += f"; dropped {result.reason}"
        return rows, highlight(passage, result.questions), status

    def propose(passage):
        """The passage's proposed answers as choices, and as spans."""
        found = propose_answers(passage)
        choices = [(f"{a.text}  ({a.kind})", i) for i, a in enumerate(found)]
        label = count(len(found), "proposal") if found else "No proposals for this passage"
        return gr.Dropdown(choices, value=None, label=label), [span_of(passage, a) for a in found]

    def choose(passage, index, spans):
        """The chosen proposal as answer, span and status line."""
        if index is None:
            return gr.skip(), gr.skip(), gr.skip()
        span = spans[index]
        if span["passage"] != passage:
            return gr.skip(), gr.skip(), "⚠️ the passage has changed: propose answers again"
        return span["text"], span, ""

    def select(passage, event: gr.SelectData):
        """The text selected in the passage as answer and span."""
        found = locate_selection(passage, event)
        return (found.text, span_of(passage, found)) if found else (gr.skip(), gr.skip())

    def batch(upload, kind, *decoding, progress=gr.Progress()):  # noqa: B008
        """Output and error files, and a summary line; what was shown stays on an error."""
        if upload is None:
            return gr.skip(), "⚠️ choose a file first"
        source = Path(upload)
        name = f"{source.stem}.questions{suffix_of(kind)}"
        output = Path(tempfile.mkdtemp(dir=scratch.name)) / name
        try:
            settings = settings_of(decoding)
            summary = run_batch(
                source,
                output,
                lambda requests: generator.generate(requests, settings, QuizSettings()),
                batch_size=generator.generator.batch_size,
                progress=False,
                on_progress=lambda done, total: progress((done, total), unit="rows"),
            )
        except QGenError as error:
            return gr.skip(), f"⚠️ {str(error).replace(upload, source.name)}"
        files = [str(path) for path in (summary.output_path, summary.errors_path) if path]
        counts = {"row": summary.rows, "question": summary.questions, "error": summary.errors}
        return files, ", ".join(count(number, noun) for noun, number in counts.items())

    with gr.Blocks(title="qgen") as app:
        gr.Markdown(
            "# qgen\nQuestions for a passage and an answer. Leave the answer empty to have answers "
            "proposed and the best questions ranked."
        )
        controls = decoding_controls()
        decoding = list(controls.values())
        with gr.Tab("Ask"):
            span, spans = gr.State(None), gr.State([])
            with gr.Row():
                with gr.Column():
                    passage = gr.Textbox(
                        label="Passage",
                        info="Select a part of it to make that the answer.",
                        lines=6,
                        elem_id="passage",
                    )
                    answer = gr.Textbox(label="Answer (optional)", elem_id="answer")
                    proposals = gr.Dropdown([], label="Proposals", elem_id="proposals")
                    with gr.Row():
                        propose_button = gr.Button("Propose answers", elem_id="propose")
                        ask_button = gr.Button("Generate", variant="primary", elem_id="generate")
                    status = gr.Markdown(elem_id="status")
                with gr.Column():
                    marked = gr.HighlightedText(
                        label="Answers in the passage",
                        color_map={"answer": "orange"},
                        show_inline_category=False,
                        elem_id="marked",
                    )
                    table = gr.Dataframe(
                        headers=HEADERS,
                        column_widths=["10%", "50%", "25%", "15%"],
                        wrap=True,
                        interactive=False,
                        label="Questions",
                        elem_id="questions",
                    )
            gr.Examples(EXAMPLES, [passage, answer])
        with gr.Tab("Batch"):
            gr.Markdown(
                "Rows with `passage` and optionally `answer` and `answer_start` (JSONL, JSON, "
                "SQuAD, CSV, TSV, Parquet), or text with a passage per line, optionally followed "
                "by a tab and an answer. Bad rows are listed in an error file; the rest goes on."
            )
            with gr.Row():
                with gr.Column():
                    upload = gr.File(
                        label="Input",
                        file_types=list(ROW_READERS),
                        height=200,
                        elem_id="upload",
                    )
                    kind = gr.Radio(list(WRITERS), value="jsonl", label="Output format")
                    batch_button = gr.Button("Generate", variant="primary", elem_id="run-batch")
                with gr.Column():
                    files = gr.File(
                        label="Questions, and bad lines if any",
                        file_count="multiple",
                        interactive=False,
                        height=200,
                        elem_id="files",
                    )
                    summary = gr.Markdown(elem_id="summary")

        ask_button.click(
            ask, [passage, answer, span, *decoding], [table, marked, status], api_name="ask"
        )
        propose_button.click(propose, passage, [proposals, spans], api_name="propose")
        proposals.input(
            choose, [passage, proposals, spans], [answer, span, status], api_visibility="private"
        )
        passage.select(
            select,
            passage,
            [answer, span],
            api_visibility="private",
            trigger_mode="multiple",  # the other modes lose the last offsets of a growing selection
            show_progress="hidden",
        )
        batch_button.click(batch, [upload, kind, *decoding], [files, summary], api_name="batch")
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page; 2 is the exit code where the checkpoint cannot be used."""
    parser = argparse.ArgumentParser(description="The qgen web UI.")
    parser.add_argument("--model", help="checkpoint directory or hub name (the one shipped)")
    parser.add_argument("--device", help="torch device (a GPU where there is one)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--share", action="store_true", help="a public gradio link")
    args = parser.parse_args(argv)
    try:
        generator = QuestionGenerator.from_pretrained(args.model, args.device)
    except QGenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    build_app(generator).queue().launch(
        server_name=args.host, server_port=args.port, share=args.share, theme=THEME
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
