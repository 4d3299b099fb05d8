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

from qgen import GenerationSettings, QGenError, Question, QuestionGenerator
from qgen.batch import run_batch
from qgen.candidates import propose_answers

MAX_ANSWERS = 10
"""Questions shown where no answer is given."""

HEADERS = ["rank", "question", "answer", "score"]

EXAMPLES = [
    [
        "The Golden Gate Bridge opened to traffic in San Francisco in 1937. Joseph Strauss led its "
        "construction, which took four years and cost about 35 million dollars.",
        "Joseph Strauss",
    ],
    [
        "Marie Curie was born in Warsaw in 1867. She won the Nobel Prize in Physics in 1903 and the "
        "Nobel Prize in Chemistry in 1911.",
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
    spans = sorted({(q.answer_start, q.answer_start + len(q.answer)) for q in questions})
    pieces, position = [], 0
    for start, end in spans:
        pieces += [(passage[position:start], None), (passage[start:end], "answer")]
        position = end
    return [piece for piece in [*pieces, (passage[position:], None)] if piece[0]]


def build_app(generator: QuestionGenerator) -> gr.Blocks:
    """The page, with two tabs that share the decoding settings."""

    def settings_of(beams, count, longest, shortest, penalty, ngram, sample, k, p, heat, seed):
        return GenerationSettings(
            num_beams=int(beams),
            num_return_sequences=int(count),
            max_length=int(longest),
            min_length=int(shortest),
            length_penalty=penalty,
            no_repeat_ngram_size=int(ngram),
            do_sample=sample,
            top_k=int(k),
            top_p=p,
            temperature=heat,
            seed=int(seed),
        )

    def ask(passage, answer, span, *decoding):
        """Rows, highlighted passage and a status line; what was shown stays on an error."""
        start = span["start"] if span and span["answer"] == answer else None
        try:
            questions = generator.questions(
                passage, answer.strip() or None, start, settings_of(*decoding), MAX_ANSWERS
            )
        except QGenError as error:
            return gr.skip(), gr.skip(), f"⚠️ {error}"
        rows = [
            [rank, q.question, q.answer, f"{q.score:.3f}"] for rank, q in enumerate(questions, 1)
        ]
        plural = "question" if len(rows) == 1 else "questions"
        return rows, highlight(passage, questions), f"{len(rows)} {plural}, best first"

    def propose(passage):
        """The passage's candidate answers as choices."""
        found = propose_answers(passage)
        choices = [(f"{c.text}  ({c.kind})", i) for i, c in enumerate(found)]
        label = f"{len(found)} proposals" if found else "No proposals for this passage"
        spans = [{"answer": c.text, "start": c.start} for c in found]
        return gr.Dropdown(choices, value=None, label=label), spans

    def choose(index, spans):
        """The chosen proposal as answer and span."""
        if index is None:
            return gr.skip(), gr.skip()
        return spans[index]["answer"], spans[index]

    def select(passage, event: gr.SelectData):
        """The text selected in the passage as answer and span."""
        start, end = event.index
        text = passage[start:end]
        answer = text.strip()
        if not answer:
            return gr.skip(), gr.skip()
        return answer, {"answer": answer, "start": start + text.index(answer)}

    def batch(upload, kind, *decoding, progress=gr.Progress()):
        """Output file, error file and summary line."""
        if upload is None:
            return None, gr.File(visible=False), "⚠️ choose a file first"
        try:
            settings = settings_of(*decoding)
            directory = Path(tempfile.mkdtemp(prefix="qgen-"))
            output = directory / f"{Path(upload).stem}.questions.{kind}"
            summary = run_batch(
                upload,
                output,
                lambda requests: generator.generate(requests, settings, MAX_ANSWERS),
                batch_size=generator.batch_size,
                progress=False,
                settings=asdict(settings),
                on_progress=lambda done, total: progress((done, total), unit="rows"),
            )
        except QGenError as error:
            return None, gr.File(visible=False), f"⚠️ {error}"
        errors = str(summary.errors_path) if summary.errors_path else None
        text = f"{summary.rows} rows, {summary.questions} questions, {summary.errors} errors"
        return str(output), gr.File(errors, visible=errors is not None), text

    with gr.Blocks(title="qgen") as app:
        gr.Markdown(
            "# qgen\nQuestions for a passage and an answer. Leave the answer empty to have answers "
            "proposed and the best questions ranked."
        )
        with gr.Accordion("Decoding", open=False):
            with gr.Row():
                decoding = [
                    gr.Slider(1, 10, 5, step=1, label="Beam size"),
                    gr.Slider(1, 10, 3, step=1, label="Questions per answer (n-best)"),
                    gr.Slider(4, 48, 48, step=1, label="Maximum length in tokens"),
                    gr.Slider(1, 20, 1, step=1, label="Minimum length in tokens"),
                ]
            with gr.Row():
                decoding += [
                    gr.Slider(0, 3, 1.0, step=0.1, label="Length penalty"),
                    gr.Slider(0, 5, 0, step=1, label="No repeated n-grams of size (0: allow)"),
                ]
            with gr.Row():
                decoding += [
                    gr.Checkbox(False, label="Sample instead of beam search"),
                    gr.Slider(0, 100, 0, step=1, label="Top-k (0: all)"),
                    gr.Slider(0.05, 1, 0.9, step=0.05, label="Top-p"),
                    gr.Slider(0.1, 2, 1.0, step=0.1, label="Temperature"),
                    gr.Number(0, precision=0, label="Seed"),
                ]
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
                    with gr.Row():
                        proposals = gr.Dropdown([], label="Proposals", elem_id="proposals", scale=3)
                        propose_button = gr.Button("Propose", elem_id="propose", scale=1)
                    ask_button = gr.Button("Generate", variant="primary", elem_id="generate")
                with gr.Column():
                    status = gr.Markdown(elem_id="status")
                    table = gr.Dataframe(
                        headers=HEADERS,
                        column_widths=["10%", "50%", "25%", "15%"],
                        wrap=True,
                        interactive=False,
                        label="Questions",
                        elem_id="questions",
                    )
                    marked = gr.HighlightedText(
                        label="Answers in the passage",
                        color_map={"answer": "orange"},
                        show_inline_category=False,
                        elem_id="marked",
                    )
            gr.Examples(EXAMPLES, [passage, answer])
        with gr.Tab("Batch"):
            gr.Markdown(
                "JSONL or CSV with `passage` and optionally `answer` and `answer_start`, or text "
                "with a passage per line. Bad lines are listed in an error file; the rest goes on."
            )
            with gr.Row():
                upload = gr.File(
                    label="Input",
                    file_types=[".jsonl", ".ndjson", ".csv", ".tsv", ".txt"],
                    elem_id="upload",
                )
                with gr.Column():
                    kind = gr.Radio(["jsonl", "csv"], value="jsonl", label="Output format")
                    batch_button = gr.Button("Generate", variant="primary", elem_id="run-batch")
                    summary = gr.Markdown(elem_id="summary")
                    output = gr.File(label="Questions", interactive=False, elem_id="output")
                    errors = gr.File(
                        label="Bad lines", interactive=False, visible=False, elem_id="errors"
                    )

        ask_button.click(
            ask, [passage, answer, span, *decoding], [table, marked, status], api_name="ask"
        )
        propose_button.click(propose, passage, [proposals, spans], api_name="propose")
        proposals.input(choose, [proposals, spans], [answer, span], api_name=False)
        passage.select(select, passage, [answer, span], api_name=False)
        passage.input(lambda: None, None, span, api_name=False)
        batch_button.click(
            batch, [upload, kind, *decoding], [output, errors, summary], api_name="batch"
        )
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
        server_name=args.host, server_port=args.port, share=args.share
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
