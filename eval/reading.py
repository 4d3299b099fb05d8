"""Exact match and F1 of a reader on the questions of a published split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from eval.report import write_files
from eval.splits import training_warning
from qgen.asking.proposals import apart, propose_spans
from qgen.english.phrases import propose_answers
from qgen.english.words import answer_tokens, token_f1
from qgen.errors import QGenError
from qgen.model.reader import Reader, Reading
from qgen.records import Example

CHUNK = 256
"""Questions read between two moves of the progress bar."""


def evaluate_reader(
    reader: Reader,
    examples: Sequence[Example],
    setup: str,
    part: str,
    directory: str | Path,
    progress: bool = True,
) -> dict:
    """Answer, write the answers down, and score them as SQuAD's own script does.

    A predicted answer is compared with each of the reference answers (test questions of Zhao et
    al.'s setup have about three), and the best comparison counts (Rajpurkar et al. 2016,
    arXiv:1606.05250, section 5.1).

    Args:
        reader: the model.
        examples: output of :func:`eval.splits.load_part`.
        setup, part: what the report calls them.
        directory: where ``answers.jsonl`` and ``reader.json`` go.
        progress: show a progress bar on stderr, where that is a terminal.

    Returns:
        ``setup``, ``part``, ``n_examples``, and in per cent ``exact_match``, ``f1`` and
        ``proposed`` (see :func:`answers_proposed`); and a ``warning`` where the reader was trained
        on the part.

    Raises:
        QGenError: there are no examples with answers, or a file cannot be written.
    """
    examples = [example for example in examples if example.answer]
    if not examples:
        raise QGenError("there are no examples with answers to evaluate on")
    write_files({}, directory)  # what cannot be a folder is told before the work, not after it
    exact, f1, lines = 0.0, 0.0, []
    for example, reading in zip(examples, _read(reader, examples, progress), strict=True):
        wanted = [example.answer.text, *example.other_answers] if example.answer else []
        found = reading.answer.text
        exact += max(answer_tokens(found) == answer_tokens(text) for text in wanted)
        f1 += max(token_f1(found, text) for text in wanted)
        record = {
            "id": example.id,
            "question": example.question,
            "answers": wanted,
            "found": found,
            "probability": round(reading.probability, 4),
            "unanswerable": round(reading.unanswerable, 4),
        }
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    report = {
        "setup": setup,
        "part": part,
        "n_examples": len(examples),
        "exact_match": round(100 * exact / len(examples), 2),
        "f1": round(100 * f1 / len(examples), 2),
        "proposed": round(100 * answers_proposed(reader, examples), 2),
    }
    if warning := training_warning(reader.model.config.trained_on, setup, part):
        report["warning"] = warning
    files = {"answers.jsonl": "".join(lines), "reader.json": json.dumps(report, indent=1) + "\n"}
    write_files({name: text.encode() for name, text in files.items()}, directory)
    return report


def _read(reader: Reader, examples: Sequence[Example], progress: bool) -> list[Reading]:
    asked = [(example.passage, example.question, None) for example in examples]
    readings: list[Reading] = []
    with tqdm(total=len(asked), unit="question", disable=not progress or None) as bar:
        for begin in range(0, len(asked), CHUNK):
            readings += reader.read(asked[begin : begin + CHUNK])
            bar.update(len(readings) - begin)
    return readings


def answers_proposed(
    reader: Reader, examples: Sequence[Example], count: int = 10, paragraphs: int = 300
) -> float:
    """The share of the examples' answers that are exactly among their passages' proposals.

    Args:
        reader: ranks the proposals.
        examples: with answers; an answer counts as found where any of its annotators' is.
        count: proposals per passage that count, none of which overlap.
        paragraphs: passages looked at, evenly spread over all.
    """
    by_passage: dict[str, list[Example]] = {}
    for example in examples:
        by_passage.setdefault(example.passage, []).append(example)
    passages = list(by_passage)
    found = total = 0
    passages = passages[:: max(1, len(passages) // paragraphs)][:paragraphs]
    read = reader.windows([(passage, "", None) for passage in passages])
    for passage, windows in zip(passages, read, strict=True):
        ranked = propose_spans(passage, windows, propose_answers(passage))
        proposed = {tuple(answer_tokens(answer.text)) for answer in apart(ranked, count)}
        for example in by_passage[passage]:
            assert example.answer is not None
            wanted = (example.answer.text, *example.other_answers)
            found += any(tuple(answer_tokens(text)) in proposed for text in wanted)
            total += 1
    return found / total
