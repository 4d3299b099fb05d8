"""Generate for one part of a published split, score it and report beside the published figures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from eval.metrics import group_by_source, ptb_tokenize, score_all
from eval.report import build_report
from eval.splits import PARTS, PUBLISHED_COUNTS, SETUPS, build_split, load_nqg
from qgen.errors import QGenError
from qgen.generator import QuestionGenerator
from qgen.settings import GenerationSettings
from qgen.text import detokenize_ptb
from qgen.types import Example, Request

CHUNK = 256
"""Inputs sorted by length and decoded between two moves of the progress bar."""


def load_part(
    setup: str,
    part: str,
    squad_files: Sequence[str | Path] = (),
    doclists: str | Path | None = None,
    nqg: str | Path | None = None,
    partial: bool = False,
) -> list[Example]:
    """The examples to evaluate on.

    With SQuAD files they have passages and answers (answer-aware); with only Du et al.'s files they
    have sentences and no answers (answer-agnostic).

    Args:
        setup: ``"du"`` or ``"zhao"``.
        part: ``"train"``, ``"dev"`` or ``"test"`` of that setup.
        squad_files: SQuAD 1.1 JSON files.
        doclists: directory of the ``doclist-*.txt``; by default ``nqg``.
        nqg: directory of ``src-*.txt`` and ``tgt-*.txt``.
        partial: accept SQuAD files that hold only some of the articles.

    Raises:
        QGenError: an unknown setup or part, an unusable file, or counts that are not the published
            ones.
    """
    if setup not in SETUPS:
        raise QGenError(f"unknown split {setup!r}; choose from {', '.join(SETUPS)}")
    if part not in PARTS:
        raise QGenError(f"unknown part {part!r}; choose from {', '.join(PARTS)}")
    if squad_files:
        directory = doclists or nqg
        if directory is None:
            raise QGenError("--squad needs --doclists, the directory of the doclist-*.txt files")
        examples = build_split(setup, squad_files, directory, check_counts=not partial)[part]
    elif nqg is not None:
        examples = load_nqg(nqg, SETUPS[setup][part])
    else:
        raise QGenError("give --squad FILE... and --doclists DIR, or --nqg DIR")
    if not examples:
        raise QGenError(f"these files hold no examples of the {part} part of setup {setup!r}")
    return examples


def predict(
    generator: QuestionGenerator,
    examples: Sequence[Example],
    settings: GenerationSettings,
    progress: bool = True,
) -> list[str]:
    """The best question for each example; equal inputs are decoded once.

    Args:
        generator: the model.
        examples: all with answers, or all without (Penn-Treebank-tokenised sentences).
        settings: how to decode.
        progress: show a progress bar on stderr.
    """
    aware = bool(examples[0].answer)
    inputs = sorted(
        {(e.passage, e.answer, e.answer_start) for e in examples}, key=lambda item: len(item[0])
    )
    best: dict[tuple, str] = {}
    with tqdm(total=len(inputs), unit="input", disable=not progress, file=sys.stderr) as bar:
        for begin in range(0, len(inputs), CHUNK):
            chunk = inputs[begin : begin + CHUNK]
            if aware:
                results = generator.generate([Request(*item) for item in chunk], settings)
            else:
                sentences = [detokenize_ptb(passage) for passage, _, _ in chunk]
                results = generator.agnostic(sentences, settings)
            best.update((item, questions[0].question) for item, questions in zip(chunk, results))
            bar.update(len(chunk))
    return [best[e.passage, e.answer, e.answer_start] for e in examples]


def evaluate(
    generator: QuestionGenerator,
    examples: Sequence[Example],
    setup: str,
    part: str,
    settings: GenerationSettings,
    model_name: str,
    progress: bool = True,
) -> tuple[dict, list[str]]:
    """Predict, score and report.

    As in the scripts of Du et al. and UniLM, the questions that share a source - the sentence, or
    the passage with its answer - are together the references of that source.

    Args:
        generator: the model.
        examples: output of :func:`load_part`.
        setup: the setup they are of.
        part: the part of it they are.
        settings: how to decode.
        model_name: what the report calls the model.
        progress: show a progress bar on stderr.

    Returns:
        The report of :func:`eval.report.build_report`, and the predictions.
    """
    aware = bool(examples[0].answer)
    predictions = predict(generator, examples, settings, progress)
    references = [ptb_tokenize(e.question) if aware else e.question for e in examples]
    sources = [f"{e.passage} [SEP] {e.answer} {e.answer_start}" for e in examples]
    hypotheses, grouped = group_by_source(
        sources, [ptb_tokenize(text) for text in predictions], references
    )
    tokenisation = "Penn Treebank (nltk), lower case; references tokenised " + (
        "likewise" if aware else "by Du et al. (CoreNLP)"
    )
    details = {
        "input": "passage and answer" if aware else "sentence alone (answer-agnostic)",
        "sources": len(hypotheses),
        "settings": asdict(settings),
    }
    if not aware:
        details["note"] = "the published models were given the answer, this run was not"
    published_count = PUBLISHED_COUNTS[SETUPS[setup][part]]
    if len(examples) < published_count:
        details["subset"] = f"{len(examples)} of the part's {published_count} questions"
    if f"du:{SETUPS[setup][part]}" in (generator.model.config.trained_on or []):
        details["warning"] = (
            "this checkpoint was TRAINED on these articles; the scores mean nothing"
        )
    scores = score_all(hypotheses, grouped, tokenisation)
    return build_report(setup, part, model_name, scores, len(examples), details), predictions
