"""Training examples from Du et al.'s question files and whatever SQuAD JSON is at hand.

The files of Du et al. (2017) that are freely at hand pair sentences with questions but name no
answers.  A question that is also in a given SQuAD 1.1 file gets its paragraph and answer from there
and becomes two answer-aware examples (the paragraph, and the sentence that holds the answer); every
other question becomes an answer-agnostic one (its sentence alone).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

from qgen.text import detokenize_ptb, sentence_spans
from qgen.types import Example

HOLDOUT_BLOCK, HOLDOUT_EVERY = 50, 40
"""Of every 40 blocks of 50 neighbouring questions, the last is held out for the dev loss."""

MIN_RUN, MAX_RUN = 4, 24
"""Words in the target of a copying example."""


def match_answers(pairs: Sequence[Example], answered: Iterable[Example]) -> list[Example]:
    """Replace each sentence-question pair by its SQuAD original, where there is one.

    Questions match when their letters and digits do; repeated ones match in order.

    Args:
        pairs: sentence-question pairs of :func:`eval.splits.load_nqg`.
        answered: SQuAD examples, in file order.

    Returns:
        One example per pair, in order: the SQuAD one, or the pair as plain text.
    """
    by_question = defaultdict(list)
    for example in answered:
        by_question[_letters(example.question)].append(example)
    matched = []
    for pair in pairs:
        plain = replace(
            pair, passage=detokenize_ptb(pair.passage), question=detokenize_ptb(pair.question)
        )
        originals = by_question[_letters(plain.question)]
        matched.append(originals.pop(0) if originals else plain)
    return matched


def training_examples(matched: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """``(train, dev)`` examples of the output of :func:`match_answers`."""
    train, dev = [], []
    for index, example in enumerate(matched):
        held_out = index // HOLDOUT_BLOCK % HOLDOUT_EVERY == HOLDOUT_EVERY - 1
        part = dev if held_out else train
        part.append(example)
        if example.answer:
            sentence = answer_sentence(example)
            if sentence != example and not held_out:
                part.append(sentence)
    return train, dev


def answer_sentence(example: Example) -> Example:
    """The example with its passage cut down to the sentences that its answer touches."""
    start, end = example.answer_start, example.answer_start + len(example.answer)
    touched = [(a, b) for a, b in sentence_spans(example.passage) if a < end and start < b]
    first, last = touched[0][0], max(touched[-1][1], end)
    return replace(example, passage=example.passage[first:last], answer_start=start - first)


def copying_examples(
    matched: Sequence[Example], per_sentence: int = 2, seed: int = 0
) -> list[Example]:
    """Warm-up examples that teach an encoder without an LM head to write and to copy.

    The source is a sentence and the one that follows it, the target a random run of their words.
    An encoder that was never trained to predict words learns from these in minutes what the far
    fewer words of real questions would teach it slowly.

    Args:
        matched: output of :func:`match_answers`; only the passages are used.
        per_sentence: examples made of each sentence.
        seed: of the random choice of runs.
    """
    random = Random(seed)
    examples = []
    for passage in dict.fromkeys(example.passage for example in matched):
        spans = sentence_spans(passage)
        for (start, _), (_, end) in zip(spans, [*spans[1:], spans[-1]]):
            source = passage[start:end]
            words = list(re.finditer(r"\S+", source))
            for _ in range(per_sentence):
                count = random.randint(min(MIN_RUN, len(words)), min(MAX_RUN, len(words)))
                first = random.randint(0, len(words) - count)
                run = source[words[first].start() : words[first + count - 1].end()]
                examples.append(Example(source, question=run))
    return examples


def write_examples(examples: Iterable[Example], path: str | Path) -> None:
    """Write examples as the JSON lines that ``qgen train`` reads."""
    with Path(path).open("w", encoding="utf-8") as file:
        for example in examples:
            file.write(json.dumps(asdict(example), ensure_ascii=False) + "\n")


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())
