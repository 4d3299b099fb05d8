"""Generate for one part of a published split, score it and report beside the published figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from eval.metrics import Score, group_by_source, score_all
from eval.report import build_report, write_files
from eval.splits import SETUPS, published_count, training_warning
from eval.tokenisation import TOKENISATIONS, detokenize_ptb, ptb_tokenize
from qgen.asking.generator import NBestGenerator
from qgen.english.words import INTERROGATIVES
from qgen.errors import QGenError
from qgen.model.runtime.linear import dtype_of
from qgen.records import Answer, Example
from qgen.settings import GenerationSettings

CHUNK = 256
"""Inputs sorted by length and decoded between two moves of the progress bar."""


def predict(
    generator: NBestGenerator,
    examples: Sequence[Example],
    settings: GenerationSettings,
    progress: bool = True,
    tokenised: bool = False,
) -> list[str]:
    """The best question for each example; equal inputs are decoded once.

    Args:
        generator: the model.
        examples: with answers or without.
        settings: how to decode.
        progress: show a progress bar on stderr, where that is a terminal.
        tokenised: whether the passages are Du et al.'s Penn-Treebank-tokenised sentences.
    """
    items = [(detokenize_ptb(e.passage) if tokenised else e.passage, e.answer) for e in examples]
    inputs = sorted(set(items), key=lambda item: len(item[0]))
    best: dict[tuple[str, Answer | None], str] = {}
    with tqdm(total=len(inputs), unit="input", disable=not progress or None) as bar:
        for begin in range(0, len(inputs), CHUNK):
            chunk = inputs[begin : begin + CHUNK]
            for item, questions in zip(chunk, generator.generate(chunk, settings), strict=True):
                best[item] = questions[0].question if questions else ""
            bar.update(len(chunk))
    return [best[item] for item in items]


def evaluate(
    generator: NBestGenerator,
    examples: Sequence[Example],
    setup: str,
    part: str,
    settings: GenerationSettings,
    model_name: str,
    directory: str | Path,
    progress: bool = True,
    data: str = "",
) -> dict:
    """Predict, write the predictions down, score and report.

    As in the scripts of Du et al. and UniLM, the questions that share a source - the sentence, or
    the passage with its answer, in lower case - are together the references of that source.

    Args:
        generator: the model.
        examples: output of :func:`eval.splits.load_part`, or others.
        setup: the setup they are of, or what else the report calls them.
        part: the part of it they are.
        settings: how to decode.
        model_name: what the report calls the model.
        directory: where ``predictions.txt`` goes, a line per example, before anything is scored.
        progress: show a progress bar on stderr, where that is a terminal.
        data: what a checkpoint that was trained on the examples calls them; not needed for those of
            a setup.

    Returns:
        The report of :func:`eval.report.build_report`.

    Raises:
        QGenError: there are no examples, the predictions cannot be written, or a setting is out of
            the model's range.
    """
    if not examples:
        raise QGenError("there are no examples to evaluate on")
    write_files({}, directory)  # what cannot be a folder is told before the work, not after it
    aware = examples[0].answer is not None
    tokenised = not aware and setup in SETUPS  # of SQuAD's splits Du et al.'s files alone are so
    predictions = predict(generator, examples, settings, progress, tokenised)
    lines = "".join(f"{prediction}\n" for prediction in predictions)
    write_files({"predictions.txt": lines.encode()}, directory)
    sources = [_source(example) for example in examples]
    scores = _scores(examples, sources, predictions, tokenised)
    alone = "sentence" if tokenised else "passage"
    details = {
        "input": "passage and answer" if aware else f"{alone} alone (answer-agnostic)",
        "sources": len(set(sources)),
        "settings": asdict(settings),
        "dtype": dtype_of(generator.model),
        "question words, per cent": {
            "generated": interrogative_shares(predictions),
            "references": interrogative_shares([e.question for e in examples]),
        },
    }
    if tokenised:
        details["note"] = "the published models were given the answer, this run was not"
    published = published_count(setup, part)
    if published and len(examples) < published:
        details["subset"] = f"{len(examples)} of the part's {published} questions"
    if warning := training_warning(generator.model.config.trained_on, setup, part, data):
        details["warning"] = warning
    return build_report(setup, part, model_name, scores, len(examples), details)


def _scores(
    examples: Sequence[Example], sources: list[str], predictions: Sequence[str], tokenised: bool
) -> list[Score]:
    """Every metric in every tokenisation."""
    scores: list[Score] = []
    for name, tokenize in TOKENISATIONS.items():
        # Du et al.'s questions come tokenised, and a second pass would change them.
        as_given = tokenised and tokenize is ptb_tokenize
        references = [
            e.question
            if as_given
            else tokenize(detokenize_ptb(e.question) if tokenised else e.question)
            for e in examples
        ]
        label = f"{name}, lower case" + (
            "; references as tokenised by Du et al. (CoreNLP)" if as_given else ""
        )
        hypotheses, grouped = group_by_source(sources, list(map(tokenize, predictions)), references)
        scores += score_all(hypotheses, grouped, label)
    return scores


def interrogative_shares(questions: Sequence[str]) -> dict[str, float]:
    """Per cent of the questions by their first question word; "other" have none."""
    if not questions:
        return {}
    first = [
        next((word for word in ptb_tokenize(q).split() if word in INTERROGATIVES), "other")
        for q in questions
    ]
    counts = Counter(first)
    return {word: round(100 * counts[word] / len(first), 1) for word in (*INTERROGATIVES, "other")}


def _source(example: Example) -> str:
    answer = f" [SEP] {example.answer.text}" if example.answer else ""
    return f"{example.passage}{answer}".lower()
