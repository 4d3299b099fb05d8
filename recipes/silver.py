"""Silver questions: what a generator asks in fresh passages.

    python -m recipes.silver PASSAGES.jsonl OUT.jsonl --min-confidence 0.8
    python -m recipes.silver PASSAGES.jsonl OUT.jsonl --model best --unread --max-answers 4

The first keeps those of which the reader is sure.  The second asks for some of the proposed answers
and has nothing read again, which is many times as fast: for a student that learns what the
generator would write, right or wrong (``qgen train --teacher``).

The rows are examples for ``qgen train``: sequence-level distillation (Kim and Rush 2016,
arXiv:1606.07947) where ``--model`` is a better generator than the one that learns from them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from qgen import GenerationSettings, QuestionGenerator, QuizSettings, Request
from qgen.english.clean import clean_text
from qgen.errors import exit_code
from qgen.files.rows import read_requests
from qgen.model.reader import DEFAULT_READER

AT_ONCE = 64
"""Passages asked about together."""

Row = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> None:
    """Ask about passages and keep what is sure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("passages", help="rows with a passage; their answers are not looked at")
    parser.add_argument("out", help="rows with passage, answer, answer_start and question")
    parser.add_argument("--model", metavar="NAME", help="the generator (default: fast)")
    parser.add_argument(
        "--reader", metavar="DIR", default=DEFAULT_READER, help="the reader (the one that ships)"
    )
    parser.add_argument("--max-answers", type=int, default=10, help="questions about a passage")
    parser.add_argument("--min-confidence", type=float, default=0.8, help="where read")
    parser.add_argument(
        "--unread", action="store_true", help="ask for proposed answers drawn at random, unread"
    )
    parser.add_argument("--num-beams", type=int, default=2, help="where unread")
    parser.add_argument("--length-penalty", type=float, default=0.9, help="where unread")
    parser.add_argument("--seed", type=int, default=0, help="of the answers, where unread")
    args = parser.parse_args(argv)
    generator = QuestionGenerator.from_pretrained(args.model, reader=args.reader)
    # The offsets of answers are those of mended passages.
    requests = [Request(clean_text(request.passage)) for _, request in read_requests(args.passages)]
    draw = random.Random(args.seed)
    with Path(args.out).open("w", encoding="utf-8") as file:
        for at in range(0, len(requests), AT_ONCE):
            some = requests[at : at + AT_ONCE]
            rows = (
                _unread(generator, some, args, draw)
                if args.unread
                else _sure(generator, some, args)
            )
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _sure(generator: QuestionGenerator, requests: Sequence[Request], args) -> Iterator[Row]:
    quiz = QuizSettings(max_answers=args.max_answers, min_confidence=args.min_confidence)
    for request, result in zip(requests, generator.generate(requests, quiz=quiz), strict=True):
        for question in result.questions:
            yield {"passage": request.passage} | question.to_dict()


def _unread(
    generator: QuestionGenerator, requests: Sequence[Request], args, draw: random.Random
) -> Iterator[Row]:
    asker = generator.generator
    passages = [request.passage for request in requests]
    inputs = [
        (passage, answer)
        for passage, answers in zip(passages, generator.propose(passages), strict=True)
        for answer in draw.sample(answers, min(args.max_answers, len(answers)))
    ]
    settings = GenerationSettings(num_beams=args.num_beams, length_penalty=args.length_penalty)
    for (passage, answer), found in zip(inputs, asker.n_best(inputs, settings), strict=True):
        for question in found.questions:
            # An answer of such a kind was asked for under it.
            kinds = [answer.kind] if answer.kind in asker.controls else []
            yield {"passage": passage, "controls": kinds} | question.to_dict()


if __name__ == "__main__":
    sys.exit(exit_code("recipes.silver", main))
